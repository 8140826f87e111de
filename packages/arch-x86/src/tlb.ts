/**
 * TLBs, gather and costs.
 *
 * The 4 KiB arrays of the parts are modelled; the separate few entries for large pages are not (they would need a
 * unit chosen by page size). i386 is a Pentium III, x86_64 an Opteron (Intel manual vol. 2, CPUID leaf 2 descriptors
 * 01h and 03h; Hennessy and Patterson, Opteron memory hierarchy).
 */
import type { CostTable, GatherSpec, TlbShape } from '@fourfold/core/arch';

/** Pentium Pro to Pentium III: 32 instruction and 64 data entries, both 4-way. */
export const PENTIUM_III_TLB: TlbShape = {
  units: [
    { name: 'itlb', sets: 8, ways: 4 },
    { name: 'dtlb', sets: 16, ways: 4 },
  ],
  exec: [0],
  data: [1],
};

/** Opteron (K8): 40 fully associative entries first, 512 in 4 ways behind, once for instructions, once for data. */
export const OPTERON_TLB: TlbShape = {
  units: [
    { name: 'l1 itlb', sets: 1, ways: 40 },
    { name: 'l1 dtlb', sets: 1, ways: 40 },
    { name: 'l2 itlb', sets: 128, ways: 4 },
    { name: 'l2 dtlb', sets: 128, ways: 4 },
  ],
  exec: [0, 2],
  data: [1, 3],
};

/**
 * mmu_gather of asm-generic/tlb.h: 506 pages a batch on SMP. x86_64 states 5350 under a name that the generic header
 * does not read, so it has no effect.
 */
export const X86_GATHER: GatherSpec = { capacity: 506 };

/**
 * Cycles on a Pentium III of about 1 GHz. Estimates of the right size, not measurements: a walk reference mostly hits
 * the second-level cache, a trap is the exception, its entry code and the way back, a page copy misses the caches half
 * the time.
 */
export const PENTIUM_III_COST: CostTable = {
  walkReference: 8,
  softwareFill: 0, // no software handler
  trap: 400,
  secondLevelHit: 0, // no second level
  purge: 100, // invlpg; a CR3 reload is of the same size, its price is the misses after it
  ipi: 2000,
  copyPage: 2500,
  clearPage: 1000,
};

/** Cycles on an Opteron of about 2 GHz; estimates, as above. */
export const OPTERON_COST: CostTable = {
  walkReference: 12,
  softwareFill: 0,
  trap: 500,
  secondLevelHit: 3,
  purge: 100,
  ipi: 3000,
  copyPage: 3000,
  clearPage: 1200,
};
