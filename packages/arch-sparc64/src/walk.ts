/**
 * Walks of an image: the TLB entries that a fill would load, and how the miss handlers come to them, through the linear
 * table (VPTE) and the compressed upper levels (UltraSPARC user's manual ch. 15; arch/sparc64/kernel/dtlb_backend.S).
 */
import {
  type ArchDescriptor,
  asObject,
  asWord,
  findPte,
  highWord,
  type Image,
  type ImageSupport,
  lowWord,
  type Mm,
  type Mmu,
  type MmuHost,
  pteMissing,
  pteSays,
  type Roots,
  rightsFrom,
  rootList,
  rootWord,
  translated,
  untranslated,
  type Walk,
  type WalkStep,
} from '@fourfold/core/arch';
import type { Sparc64PageShift } from './geometry.js';
import { HOLE_START, PAGE_OFFSET, taskSize, vpteAddress } from './layout.js';
import { baseSizeBits, PAGE_E, PAGE_PADDR, PAGE_SZ, PAGE_VALID } from './pte.js';

/** A TLB entry, as it is written to the MMU: tag access register and data. */
export interface Tte {
  /** Virtual page in bits 63:13, context in bits 12:0. */
  readonly tag: bigint;
  readonly data: bigint;
}

/** Registers that decide a walk. */
export interface Sparc64Roots extends Roots {
  readonly context: bigint;
  /** Physical address of the pgd. */
  readonly pgd: bigint;
  /** What fills would load, every valid page once. */
  readonly ttes: readonly Tte[];
}

const CONTEXT = 0x1fffn;

/** The sparc64 side of images. */
export function sparc64Images(arch: ArchDescriptor): ImageSupport<Sparc64Roots> {
  return {
    rootName: 'pgd',
    parse: (json) => ({
      context: rootWord(json, 'context', 0n),
      pgd: rootWord(json, 'pgd'),
      ttes:
        json.ttes === undefined
          ? []
          : rootList(json, 'ttes', (item, name) => {
              const tte = asObject(item, name);
              return { tag: asWord(tte.tag, `${name}.tag`), data: asWord(tte.data, `${name}.data`) };
            }),
    }),
    rootsOf: (host, mmu, mm, pages) => rootsOf(arch, host, mmu, mm, pages),
    walk: (image, roots, address) => walkTables(arch, image, roots, address),
  };
}

function rootsOf(arch: ArchDescriptor, host: MmuHost, mmu: Mmu, mm: Mm, pages: Iterable<number>): Sparc64Roots {
  const { memory, tables } = host;
  const context = BigInt(Math.max(0, mmu.contextOf(mm)));
  const ttes: Tte[] = [];
  const { pageShift } = arch.geometry;
  const tagOf = (vpn: number): bigint => (BigInt(vpn) << BigInt(pageShift)) | context;
  // The run that was looked at last, by its first page, and whether it is loaded as one translation.
  let run = -1;
  let isLarge = false;
  for (const vpn of pages) {
    const at = tables.lookupPage(mm, vpn);
    const data =
      (BigInt((memory.words[at + tables.hiAt] as number) >>> 0) << 32n) |
      BigInt((memory.words[at + tables.loAt] as number) >>> 0);
    if ((data & PAGE_VALID) === 0n) continue;
    const runPages = Number(sizeOf(data) >> BigInt(pageShift));
    if (runPages <= 1) {
      ttes.push({ tag: tagOf(vpn), data });
      continue;
    }
    const first = vpn - (vpn % runPages);
    if (first !== run) {
      run = first;
      // Any entry of a run loads its translation. Of device memory the run has to be whole, but with the defects kept.
      isLarge = host.defectsKept || (data & PAGE_E) === 0n || isWhole(host, mm, vpn, data, runPages);
      if (isLarge) ttes.push({ tag: tagOf(first), data: data - BigInt(vpn - first) * BigInt(memory.pageSize) });
    }
    if (!isLarge) ttes.push({ tag: tagOf(vpn), data: (data & ~PAGE_SZ) | baseSizeBits(pageShift as Sparc64PageShift) });
  }
  return { context, pgd: BigInt(mm.rootPa), ttes };
}

/** Whether the entries of a run state frames in a row, and the same else. */
function isWhole({ memory, tables }: MmuHost, mm: Mm, vpn: number, data: bigint, pages: number): boolean {
  const frames = BigInt(memory.pageSize);
  const first = data - BigInt(vpn % pages) * frames;
  const from = tables.lookupPage(mm, vpn - (vpn % pages));
  return Array.from({ length: pages }, (_, i) => i).every((i) => {
    const half = (which: number): bigint => BigInt((memory.words[from + i * tables.pteWords + which] as number) >>> 0);
    return ((half(tables.hiAt) << 32n) | half(tables.loAt)) === first + BigInt(i) * frames;
  });
}

/** Bytes that a TTE translates: 8K, 64K, 512K, 4M by bits 62:61. */
function sizeOf(data: bigint): bigint {
  return 1n << (13n + 3n * ((data >> 61n) & 3n));
}

function walkTables(arch: ArchDescriptor, image: Image, roots: Sparc64Roots, address: bigint): Walk {
  const { pageShift } = arch.geometry;
  const steps: WalkStep[] = [];
  const through = 'page tables';
  if (address >= HOLE_START && address < PAGE_OFFSET)
    return untranslated(address, through, steps, 'the address lies in the hole');
  if (address >= taskSize(pageShift)) return untranslated(address, through, steps, 'the linear page table lies here');
  const tte = roots.ttes.find(({ tag, data }) => covers(tag, data, roots.context, address));
  if (roots.ttes.length > 0) {
    const says = tte === undefined ? 'no entry matches' : pteSays(arch, tte.data);
    steps.push({ what: 'TTE', at: null, value: tte?.data ?? null, bits: 64, says });
  }
  const vpte = vpteAddress(pageShift, address);
  steps.push({ what: 'VPTE', at: null, value: vpte, bits: 64, says: 'virtual address of the pte' });
  const found = findPte(arch, image, roots.pgd, address);
  if ('ended' in found) return { ...found.ended, steps: [...steps, ...found.ended.steps] };
  steps.push(...found.steps);
  const missing = pteMissing(arch, found.value);
  if (missing !== '') return untranslated(address, through, steps, missing);
  const size = sizeOf(found.value);
  const rights = rightsFrom(arch.pteFormat.hardwareRights(highWord(found.value), lowWord(found.value)));
  return translated(address, through, steps, found.value & PAGE_PADDR & ~(size - 1n), size, rights);
}

function covers(tag: bigint, data: bigint, context: bigint, address: bigint): boolean {
  const inside = sizeOf(data) - 1n;
  return (tag & CONTEXT) === context && (tag & ~CONTEXT & ~inside) === (address & ~inside);
}
