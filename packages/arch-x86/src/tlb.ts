/**
 * TLBs, gather and costs. i386 is a Pentium III, x86_64 an Opteron; both keep large pages in small arrays of their own.
 */
import type { CostTable, GatherSpec, TlbShape } from '@fourfold/core/arch';
import { PAGE_SHIFT } from './geometry.js';
import { I386_HUGETLB, I386_PAE_HUGETLB, X86_64_HUGETLB } from './hugetlb.js';

/**
 * Pentium Pro to Pentium III (Intel manual vol. 2, CPUID leaf 2 descriptors 01h to 04h): for pages of 4 KiB 32 instruction
 * and 64 data entries, both 4-way; for large ones 2 and 8, fully associative and 4-way. A large page chooses its set by the
 * bits above its offset, so the shape depends on how large it is.
 * @param large log2 of the bytes of a large page: 22, or 21 with PAE
 */
export function pentiumIIITlb(large: number): TlbShape {
  return {
    processor: 'Intel Pentium III',
    source: 'Intel manual vol. 2, CPUID leaf 2: descriptors 01h to 04h',
    units: [
      { name: 'itlb', sets: 8, ways: 4, largest: PAGE_SHIFT },
      { name: 'dtlb', sets: 16, ways: 4, largest: PAGE_SHIFT },
      { name: 'large itlb', sets: 1, ways: 2, smallest: large },
      { name: 'large dtlb', sets: 2, ways: 4, smallest: large },
    ],
    exec: [0, 2],
    data: [1, 3],
  };
}

/** The Pentium III with pages of 4 MiB. */
export const PENTIUM_III_TLB: TlbShape = /* @__PURE__ */ pentiumIIITlb(I386_HUGETLB.shift);
/** The Pentium III with pages of 2 MiB. */
export const PENTIUM_III_PAE_TLB: TlbShape = /* @__PURE__ */ pentiumIIITlb(I386_PAE_HUGETLB.shift);

/**
 * Opteron (K8; AMD's CPUID specification, functions 8000_0005h and 8000_0006h; Hennessy and Patterson, Opteron memory
 * hierarchy), once for instructions, once for data: 40 fully associative entries first, 32 of them for 4 KiB and 8 for 2 MiB;
 * behind them 512 in 4 ways for 4 KiB alone, so a large page that falls out of its 8 is walked for.
 */
export const OPTERON_TLB: TlbShape = {
  processor: 'AMD Opteron (K8)',
  source: 'AMD CPUID specification, functions 8000_0005h and 8000_0006h',
  units: [
    { name: 'l1 itlb', sets: 1, ways: 32, largest: PAGE_SHIFT },
    { name: 'l1 dtlb', sets: 1, ways: 32, largest: PAGE_SHIFT },
    { name: 'l2 itlb', sets: 128, ways: 4, largest: PAGE_SHIFT },
    { name: 'l2 dtlb', sets: 128, ways: 4, largest: PAGE_SHIFT },
    { name: 'large itlb', sets: 1, ways: 8, smallest: X86_64_HUGETLB.shift },
    { name: 'large dtlb', sets: 1, ways: 8, smallest: X86_64_HUGETLB.shift },
  ],
  exec: [0, 4, 2],
  data: [1, 5, 3],
};

/**
 * mmu_gather of asm-generic/tlb.h: 506 pages a batch on SMP. x86_64 states 5350 under a name that the generic header
 * does not read, so it has no effect.
 */
export const X86_GATHER: GatherSpec = { capacity: 506, collectsTables: true };

/**
 * Cycles on a Pentium III of about 1 GHz. Estimates of the right size, not measurements: a walk reference mostly hits
 * the second-level cache, a trap is the exception, its entry code and the way back, a page copy misses the caches half
 * the time.
 */
export const PENTIUM_III_COST: CostTable = {
  walkReference: 8,
  softwareFill: 0, // no software handler
  assist: 0, // the walk is counted
  trap: 400,
  secondLevelHit: 0, // no second level
  purge: 100, // invlpg; a CR3 reload is of the same size, its price is the misses after it
  ipi: 2000,
  contextSwitch: 0, // the CR3 load is a purge
  copyPage: 2500,
  clearPage: 1000,
};

/** Cycles on an Opteron of about 2 GHz; estimates, as above. */
export const OPTERON_COST: CostTable = {
  walkReference: 12,
  softwareFill: 0,
  assist: 0,
  trap: 500,
  secondLevelHit: 3,
  purge: 100,
  ipi: 3000,
  contextSwitch: 0,
  copyPage: 3000,
  clearPage: 1200,
};
