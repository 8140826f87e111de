/**
 * TLBs, pending batch, gather and costs.
 *
 * Spitfire (UltraSPARC I and II) is the default: 64 instruction and 64 data entries, fully associative, any page size
 * (64 follows from the kernel's highest locked entry, 63). Cheetah (UltraSPARC III) keeps unlocked 8 KiB pages in a
 * two-way array of 512 data and 128 instruction entries and all else in 16 fully associative ones (a comment of the
 * kernel says so); which array a page goes to depends on its size, so the shape is that of the base page.
 */
import type { CostTable, GatherSpec, PendingFlushSpec, TlbShape } from '@fourfold/core/arch';
import type { Sparc64PageShift } from './geometry.js';
import { PAGE_VALID } from './pte.js';

/** Processors whose shape and costs are here. */
export type Sparc64Chip = 'spitfire' | 'cheetah';

export const SPITFIRE_TLB: TlbShape = {
  processor: 'Sun UltraSPARC II',
  source: "UltraSPARC user's manual, MMU: 64 entries each; the kernel's highest locked entry is 63",
  units: [
    { name: 'itlb', sets: 1, ways: 64 },
    { name: 'dtlb', sets: 1, ways: 64 },
  ],
  exec: [0],
  data: [1],
};

/** Cheetah with 8 KiB pages. */
export const CHEETAH_TLB_8K: TlbShape = {
  processor: 'Sun UltraSPARC III, 8 KiB pages',
  source: 'a comment in arch/sparc64/kernel/dtlb_base.S; the 16 entries for other sizes are left out',
  units: [
    { name: 'itlb', sets: 64, ways: 2 },
    { name: 'dtlb', sets: 256, ways: 2 },
  ],
  exec: [0],
  data: [1],
};

/** Cheetah with 64 KiB pages: they fit the small arrays only. */
export const CHEETAH_TLB_64K: TlbShape = {
  processor: 'Sun UltraSPARC III, 64 KiB pages',
  source: 'a comment in arch/sparc64/kernel/dtlb_base.S',
  units: [
    { name: 'itlb', sets: 1, ways: 16 },
    { name: 'dtlb', sets: 1, ways: 16 },
  ],
  exec: [0],
  data: [1],
};

/** tlb_batch_add: old words with VALID queue, 192 at a time (TLB_BATCH_NR); a dying mm queues nothing. */
export const SPARC64_PENDING: PendingFlushSpec = {
  queueIf: PAGE_VALID,
  capacity: 192,
  skipWhenFullmm: true,
  tells: true,
};

/**
 * mmu_gather of asm-sparc64/tlb.h: 506 pages on SMP (FREE_PTE_NR). The port frees the pages first and sends the demaps
 * afterwards; that order is kept only where a machine keeps the ports' defects.
 */
export const SPARC64_GATHER: GatherSpec = { capacity: 506, freesBeforeFlush: true };

/**
 * Cycles on an UltraSPARC II of about 400 MHz, by size of the base page. Estimates of the right size, not measurements: a
 * reference of the handler mostly hits the external cache, the miss handler is about twenty instructions between trap and
 * retry, a trap into the fault handler saves and restores windows, an IPI is a mondo and its acknowledgement, a page copy
 * moves 8 KiB at a time with block loads and stores.
 */
export function spitfireCost(pageShift: Sparc64PageShift): CostTable {
  const pages = 2 ** (pageShift - 13);
  return {
    walkReference: 10,
    softwareFill: 35,
    assist: 0, // done by page faults
    trap: 450,
    secondLevelHit: 0, // no second level
    purge: 30,
    ipi: 1500,
    contextSwitch: 20, // the context register
    copyPage: 3000 * pages,
    clearPage: 1500 * pages,
  };
}

/** Cycles on an UltraSPARC III of about 900 MHz; estimates, as above. */
export function cheetahCost(pageShift: Sparc64PageShift): CostTable {
  const pages = 2 ** (pageShift - 13);
  return {
    walkReference: 12,
    softwareFill: 50,
    assist: 0,
    trap: 600,
    secondLevelHit: 0,
    purge: 40,
    ipi: 2500,
    contextSwitch: 30,
    copyPage: 4000 * pages,
    clearPage: 2000 * pages,
  };
}
