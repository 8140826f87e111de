/** The ia64 machines, and the function that makes variants of them. */
import {
  ARCH_CONTRACT_VERSION,
  ArchDescriptor,
  type CostTable,
  type FaultRulesSpec,
  MmError,
  type TlbShape,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
} from '@fourfold/core/arch';
import { RID_BITS } from './context.js';
import { INSERTABLE_MASK } from './flush.js';
import { createGeometry, type Ia64Levels, type Ia64PageShift, regionMapShift } from './geometry.js';
import { createHugetlb, HPAGE_SHIFT, hugeShifts, MAX_ORDER } from './hugetlb.js';
import { createKernelSpace, createLayout } from './layout.js';
import { Ia64Mmu } from './mmu.js';
import { createPteFormat } from './pte.js';
import type { Ia64MmuSpec } from './regions.js';
import { createUpperFormat, IA64_MAX_PHYS_BITS, UNTOLD_PHYS_BITS } from './tables.js';
import { createCost, IA64_GATHER, ITANIUM2_TLB } from './tlb.js';
import { ITANIUM2_VA_MSB } from './vhpt.js';
import { ia64Images } from './walk.js';

/** What a variant may change. */
export interface Ia64Options {
  /** Base page: 12, 13, 14 (default) or 16. */
  readonly pageShift?: Ia64PageShift;
  /** Levels of page tables; default 3. Not 4 with 64 KiB pages. */
  readonly levels?: Ia64Levels;
  /** IMPL_VA_MSB of the part; default 60, Itanium 2. */
  readonly vaMsb?: number;
  /** hugepagesz=, log2: page size of region 4. Default 28; the base page's for a kernel without huge pages. */
  readonly hugeShift?: number;
  /** Region id bits of the part; default 18, the least there may be. */
  readonly ridBits?: number;
  /** Physical address bits: 50 (default), as the firmware of an Itanium 2 tells, or 44, which is taken where none does. */
  readonly physicalBits?: 50 | 44;
  /** Default: Itanium 2. */
  readonly tlb?: TlbShape;
  readonly cost?: CostTable;
}

/**
 * Makes an ia64 machine (Linux 2.6.15).
 * @throws MmError MM_ARCH_OPTION for a kernel that cannot be built or a part that cannot run it.
 */
export function createIa64(options: Ia64Options = {}): ArchDescriptor {
  const pageShift = options.pageShift ?? 14;
  const levels = options.levels ?? 3;
  const physicalBits = options.physicalBits ?? IA64_MAX_PHYS_BITS;
  const upper = createUpperFormat(physicalBits);
  const spec: Ia64MmuSpec = {
    vaMsb: options.vaMsb ?? ITANIUM2_VA_MSB,
    hugeShift: options.hugeShift ?? HPAGE_SHIFT,
    ridBits: options.ridBits ?? RID_BITS,
  };
  check(pageShift, levels, spec);
  if (physicalBits !== IA64_MAX_PHYS_BITS && physicalBits !== UNTOLD_PHYS_BITS)
    throw new MmError('MM_ARCH_OPTION', `expected physicalBits of 44 or 50, got ${physicalBits}`);
  const kib = 2 ** (pageShift - 10);
  const withHuge = spec.hugeShift !== pageShift;
  return new ArchDescriptor({
    name: levels === 4 ? `ia64-${kib}k-4level` : `ia64-${kib}k`,
    title: `ia64 (Itanium 2), ${kib} KiB pages, ${levels === 4 ? 'four' : 'three'}-level page tables`,
    contractVersion: ARCH_CONTRACT_VERSION,
    wordBits: 64,
    byteOrder: 'little',
    geometry: createGeometry(pageShift, levels),
    layout: createLayout(pageShift, levels),
    upper: Array.from({ length: levels - 1 }, () => upper),
    pte: createPteFormat(pageShift),
    kernelSpace: createKernelSpace(pageShift),
    tlb: options.tlb ?? ITANIUM2_TLB,
    gather: IA64_GATHER,
    faults: FAULTS,
    cost: options.cost ?? createCost(pageShift),
    walker: 'hardware (VHPT), software where it misses',
    flushStyle: 'ptc.ga in fixed sizes for a range, a new context for the rest',
    hugetlb: withHuge ? `${2 ** (spec.hugeShift - 20)} MiB, one pte, region 4 only` : 'none',
    ...(withHuge ? { hugePages: createHugetlb(spec.hugeShift), maxOrder: MAX_ORDER } : {}),
    physicalBits,
    createImages: (arch) => ia64Images(arch, spec.hugeShift, spec.vaMsb),
    createMmu: (host) => new Ia64Mmu(host, spec),
  });
}

function check(pageShift: Ia64PageShift, levels: Ia64Levels, spec: Ia64MmuSpec): void {
  const { vaMsb, hugeShift, ridBits } = spec;
  if (levels === 4 && pageShift === 16) {
    throw new MmError('MM_ARCH_OPTION', 'expected three levels with 64 KiB pages, got 4');
  }
  // The kernel tests the three-level figure, whatever the levels; a slice must also lie in implemented addresses.
  const least = Math.max(4 * pageShift - 9, regionMapShift(pageShift, levels));
  if (!Number.isInteger(vaMsb) || vaMsb < Math.max(50, least) || vaMsb > 60) {
    throw new MmError('MM_ARCH_OPTION', `expected a vaMsb from ${Math.max(50, least)} to 60, got ${vaMsb}`);
  }
  if (hugeShift !== pageShift && !hugeShifts(pageShift, INSERTABLE_MASK).includes(hugeShift)) {
    const sizes = hugeShifts(pageShift, INSERTABLE_MASK).join(', ');
    throw new MmError('MM_ARCH_OPTION', `expected a hugeShift of ${sizes}, got ${hugeShift}`);
  }
  if (!Number.isInteger(ridBits) || ridBits < 12 || ridBits > 24) {
    throw new MmError('MM_ARCH_OPTION', `expected ridBits from 12 to 24, got ${ridBits}`);
  }
}

/**
 * ia64_do_page_fault: an access needs its own flag and nothing else. On SMP ptep_set_access_flags drops what is not a
 * write: the access-bit handler sets a later. On one CPU it stores and flushes. lfetch and ld.s go to the handler too, which
 * sets psr.ed for what would be a signal.
 */
const FAULTS: FaultRulesSpec = {
  exec: VM_EXEC,
  load: VM_READ,
  store: VM_WRITE,
  presentReadIsFatal: false,
  prefetchFaults: true,
  readUpdatesAccessFlags: false,
  readUpdatesAlone: true,
};

/** ia64 with 4 KiB pages. */
export const ia64_4k: ArchDescriptor = /* @__PURE__ */ createIa64({ pageShift: 12 });
/** ia64 with 8 KiB pages. */
export const ia64_8k: ArchDescriptor = /* @__PURE__ */ createIa64({ pageShift: 13 });
/** ia64 with 16 KiB pages, the default. */
export const ia64_16k: ArchDescriptor = /* @__PURE__ */ createIa64({ pageShift: 14 });
/** ia64 with 64 KiB pages. */
export const ia64_64k: ArchDescriptor = /* @__PURE__ */ createIa64({ pageShift: 16 });
/** All four, three levels each. */
export const ia64Arches: readonly ArchDescriptor[] = [ia64_4k, ia64_8k, ia64_16k, ia64_64k];
