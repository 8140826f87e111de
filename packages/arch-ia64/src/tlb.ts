/**
 * TLBs, gather and costs.
 *
 * Itanium 2 has 32 first-level and 128 second-level entries, fully associative, for each side; the figures are of common
 * knowledge, not of the kernel, and not verified. The walker works with the second level alone, where the pages of the linear
 * table are; every other translation goes through both levels. (The real first-level data TLB holds 4 KiB pieces.)
 */
import type { CostTable, GatherSpec, TlbShape } from '@fourfold/core/arch';

export const ITANIUM2_TLB: TlbShape = {
  processor: 'Intel Itanium 2',
  source: 'Intel Itanium 2 reference manual (251110); 7-cpu.com, Itanium 2: measured',
  units: [
    { name: 'l1 itlb', sets: 1, ways: 32 },
    { name: 'l1 dtlb', sets: 1, ways: 32 },
    { name: 'l2 itlb', sets: 1, ways: 128 },
    { name: 'l2 dtlb', sets: 1, ways: 128 },
  ],
  exec: [0, 2],
  data: [1, 3],
};

/** FREE_PTE_NR of asm-ia64/tlb.h on SMP. */
export const IA64_GATHER: GatherSpec = { capacity: 2048 };

/**
 * Cycles on an Itanium 2 of about 1.3 GHz. Estimates of the right size, not measurements: the walker reads through the
 * second-level cache, a software handler is an interruption of some twenty bundles, a trap into the fault handler saves
 * the register stack, a broadcast purge goes over the bus, a switch writes five region registers and waits for them, copying and clearing move about 3 and 6 bytes a cycle.
 */
export function createCost(pageShift: number): CostTable {
  return {
    walkReference: 15,
    softwareFill: 70,
    assist: 70, // a handler of the same kind
    trap: 900,
    secondLevelHit: 4,
    purge: 40,
    ipi: 2000,
    contextSwitch: 60, // region registers
    copyPage: Math.round(2 ** pageShift / 3),
    clearPage: Math.round(2 ** pageShift / 6),
  };
}
