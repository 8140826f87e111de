/**
 * Walks of an image: the region register, the place of the pte in the region's linear table, and the kernel's tables from
 * which both the VHPT walker's pages and the handler's walk come (Itanium manual vol. 2; arch/ia64/kernel/ivt.S). An entry
 * is found in the linear table exactly where the tables have it, so the tables are read and the address is told.
 */
import {
  type ArchDescriptor,
  asWord,
  findPte,
  type Image,
  type ImageSupport,
  type Mm,
  pteMissing,
  type Roots,
  rightsFrom,
  rootList,
  rootWord,
  translated,
  untranslated,
  type Walk,
  type WalkStep,
} from '@fourfold/core/arch';
import { PPN_MASK, USER_RIGHTS } from './pte.js';
import {
  decodeRegionRegister,
  GRANULE_SHIFT,
  RGN_GATE,
  RGN_HPAGE,
  RGN_KERNEL,
  RGN_UNCACHED,
  regionId,
  regionOf,
  regionRegister,
  USER_REGIONS,
} from './regions.js';
import { ptaRegister, thash } from './vhpt.js';

/** Registers that decide a walk. */
export interface Ia64Roots extends Roots {
  /** The eight region registers. */
  readonly rr: readonly bigint[];
  /** The page table address register of the VHPT walker. */
  readonly pta: bigint;
  /** Physical address of the pgd (KR7). */
  readonly pgd: bigint;
  /** The context number that the region ids were made of. */
  readonly context: bigint;
}

/** The ia64 side of images. @param hugeShift page size of region 4; @param vaMsb highest implemented address bit */
export function ia64Images(arch: ArchDescriptor, hugeShift: number, vaMsb: number): ImageSupport<Ia64Roots> {
  const { pageShift } = arch.geometry;
  return {
    rootName: 'pgd',
    parse: (json) => ({
      rr: json.rr === undefined ? registers(0, pageShift, hugeShift) : rootList(json, 'rr', asWord),
      pta: rootWord(json, 'pta', ptaRegister(pageShift, vaMsb)),
      pgd: rootWord(json, 'pgd'),
      context: rootWord(json, 'context', 0n),
    }),
    rootsOf: (_host, _mmu, mm: Mm) => ({
      rr: registers(mm.context, pageShift, hugeShift),
      pta: ptaRegister(pageShift, vaMsb),
      pgd: BigInt(mm.rootPa),
      context: BigInt(mm.context),
    }),
    walk: (image, roots, address) => walkRegion(arch, vaMsb, image, roots, address),
  };
}

/** The region registers of a context. */
function registers(context: number, pageShift: number, hugeShift: number): bigint[] {
  return Array.from({ length: 8 }, (_, region) => {
    if (region === RGN_GATE) return BigInt(regionRegister(RGN_GATE, pageShift, true));
    if (region >= USER_REGIONS) return BigInt(regionRegister(region, GRANULE_SHIFT, false));
    return BigInt(regionRegister(regionId(context, region), region === RGN_HPAGE ? hugeShift : pageShift, true));
  });
}

function walkRegion(arch: ArchDescriptor, vaMsb: number, image: Image, roots: Ia64Roots, address: bigint): Walk {
  const { pageShift } = arch.geometry;
  const region = regionOf(address);
  const rr = roots.rr[region] ?? 0n;
  const { rid, pageShift: ps, walker } = decodeRegionRegister(Number(rr));
  const says = `region ${region}: id ${rid.toString(16)}, pages of 2^${ps}${walker ? '' : ', no walker'}`;
  const steps: WalkStep[] = [{ what: `rr${region}`, at: null, value: rr, bits: 64, says }];
  if (region === RGN_UNCACHED || region === RGN_KERNEL) {
    const size = 1n << BigInt(ps);
    steps.push({
      what: 'identity',
      at: null,
      value: null,
      bits: 64,
      says: 'inserted by the handler, for the kernel alone',
    });
    const frame = address & PPN_MASK & ~(size - 1n);
    return translated(address, 'region', steps, frame, size, { read: false, write: false, exec: false });
  }
  const vhpt = thash(pageShift, vaMsb, address, ps);
  steps.push({ what: 'VHPT', at: null, value: vhpt, bits: 64, says: 'virtual address of the pte' });
  if (region >= USER_REGIONS) return untranslated(address, 'page tables', steps, 'region 5 has tables of its own');
  const offset = address & ((1n << 61n) - 1n);
  const lookUp = (address - offset) | (offset >> BigInt(ps - pageShift));
  if ((offset >> BigInt(ps - pageShift)) >> BigInt(arch.geometry.coveredBits + pageShift) !== 0n) {
    return untranslated(address, 'page tables', steps, 'the tables do not reach this far in the region');
  }
  const found = findPte(arch, image, roots.pgd, address, lookUp);
  if ('ended' in found) return { ...found.ended, steps: [...steps, ...found.ended.steps] };
  steps.push(...found.steps);
  const missing = pteMissing(arch, found.value);
  if (missing !== '') return untranslated(address, 'page tables', steps, missing);
  const size = 1n << BigInt(ps);
  const rights = rightsFrom(USER_RIGHTS[Number((found.value >> 2n) & 1023n)] as number);
  return translated(address, 'page tables', steps, found.value & PPN_MASK & ~(size - 1n), size, rights);
}
