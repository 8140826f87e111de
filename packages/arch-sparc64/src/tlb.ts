/**
 * TLBs, pending batch, gather and costs.
 *
 * Spitfire (UltraSPARC I and II) is the default: 64 instruction and 64 data entries, fully associative, any page size
 * (64 follows from the kernel's highest locked entry, 63). Cheetah (UltraSPARC III) keeps unlocked 8 KiB pages in a
 * two-way array of 512 data and 128 instruction entries and all else in 16 fully associative ones (a comment of the
 * kernel says so). Cheetah_plus (III+) has two such arrays for data, each for pages of the size that the context says
 * (page-sizes.ts). Sizes belong to units here, so a machine has the shape of one state of the register: with huge pages, unless
 * another is given.
 */
import type { CostTable, GatherSpec, PendingFlushSpec, TlbShape, TlbUnitSpec } from '@fourfold/core/arch';
import type { Sparc64PageShift } from './geometry.js';
import type { Sparc64HugeShift } from './hugetlb.js';
import { PAGE_VALID } from './pte.js';

/** Processors whose shape and costs are here. */
export type Sparc64Chip = 'spitfire' | 'cheetah' | 'cheetah_plus';

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
  source: 'a comment in arch/sparc64/kernel/dtlb_base.S',
  units: [
    { name: 'itlb-128', sets: 64, ways: 2, largest: 13 },
    { name: 'itlb-16', sets: 1, ways: 16, smallest: 16 },
    { name: 'dtlb-512', sets: 256, ways: 2, largest: 13 },
    { name: 'dtlb-16', sets: 1, ways: 16, smallest: 16 },
  ],
  exec: [0, 1],
  data: [2, 3],
};

/** Cheetah with 64 KiB pages: they fit the small arrays only. */
export const CHEETAH_TLB_64K: TlbShape = {
  processor: 'Sun UltraSPARC III, 64 KiB pages',
  source: 'a comment in arch/sparc64/kernel/dtlb_base.S',
  units: [
    { name: 'itlb-16', sets: 1, ways: 16 },
    { name: 'dtlb-16', sets: 1, ways: 16 },
  ],
  exec: [0],
  data: [1],
};

const CHEETAH_PLUS_SOURCE =
  "UltraSPARC III Cu user's manual, MMU: T16, T512_0 and T512_1; arch/sparc64/mm/hugetlbpage.c: hugetlb_prefault_arch_hook";

/**
 * Cheetah_plus as it is while a program with huge pages runs: one bank of the data TLB for base pages, one for huge ones, and the
 * small array for the sizes between. Fetches have the two arrays of cheetah.
 */
export function cheetahPlusTlb(pageShift: Sparc64PageShift, hugeShift: Sparc64HugeShift): TlbShape {
  return {
    processor: `Sun UltraSPARC III+, pages of ${sizeOf(pageShift)} and ${sizeOf(hugeShift)}`,
    source: CHEETAH_PLUS_SOURCE,
    units: [
      ...fetchUnits(pageShift),
      { name: 'dtlb-512-0', sets: 256, ways: 2, largest: pageShift },
      { name: 'dtlb-512-1', sets: 256, ways: 2, smallest: hugeShift, largest: hugeShift },
      // Of the sizes that no bank has those up to 4 MiB; where the huge size lies among them it has a copy here.
      hugeShift === 22
        ? { name: 'dtlb-16', sets: 1, ways: 16, smallest: pageShift + 3, largest: 19 }
        : { name: 'dtlb-16', sets: 1, ways: 16, smallest: hugeShift === 16 ? 19 : 16 },
    ],
    ...chains(pageShift, 3),
  };
}

/**
 * Cheetah_plus as it is while any other program runs: the context says 8 KiB for both banks, which then are four ways of one
 * array. Base pages of 64 KiB have the small array alone.
 */
export function cheetahPlusPlainTlb(pageShift: Sparc64PageShift): TlbShape {
  const small = { name: 'dtlb-16', sets: 1, ways: 16, ...(pageShift === 13 ? { smallest: 16 } : {}) };
  return {
    processor: `Sun UltraSPARC III+, pages of ${sizeOf(pageShift)} alone`,
    source: CHEETAH_PLUS_SOURCE,
    units: [
      ...fetchUnits(pageShift),
      ...(pageShift === 13 ? [{ name: 'dtlb-512-0-1', sets: 256, ways: 4, largest: 13 }] : []),
      small,
    ],
    ...chains(pageShift, pageShift === 13 ? 2 : 1),
  };
}

/** The instruction TLB of cheetah and of cheetah_plus: 8 KiB pages have an array of their own. */
function fetchUnits(pageShift: Sparc64PageShift): TlbUnitSpec[] {
  const small = { name: 'itlb-16', sets: 1, ways: 16 };
  return pageShift === 13
    ? [
        { name: 'itlb-128', sets: 64, ways: 2, largest: 13 },
        { ...small, smallest: 16 },
      ]
    : [small];
}

/** `data` units behind those of fetchUnits. */
function chains(pageShift: Sparc64PageShift, data: number): { exec: number[]; data: number[] } {
  const fetch = pageShift === 13 ? 2 : 1;
  return { exec: Array.from({ length: fetch }, (_, u) => u), data: Array.from({ length: data }, (_, u) => fetch + u) };
}

/** A page size for people. */
function sizeOf(shift: number): string {
  return shift === 22 ? '4 MiB' : `${2 ** (shift - 10)} KiB`;
}

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
