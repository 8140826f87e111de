/**
 * Flushes, purges and interrupts of the fixed scenario on the ia64 machines, derived by hand (arch/ia64/mm/tlb.c, asm-ia64/tlb.h,
 * asm-ia64/tlbflush.h). A purge is one ptc.l or ptc.ga; ptc.ga reaches the other CPUs by itself. A range of R bytes is purged
 * in steps of 2^n: n is floor(log2(R + 0xfff)), or the next of 12 13 14 16 18 20 22 24 26 28 32, from its start rounded down.
 */

import type { Machine } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { machine } from '../support/machines.js';
import { type Counts, runScenario, type ScenarioCounts } from './scenario.js';

function purges({ kernel }: Machine): Counts {
  return { purges: kernel.counters.get('purges') };
}

/**
 * Purges of each unmapping: of the range, then of the bytes of the linear table that hold its ptes, 8 a page. The latter are one
 * step of 4 KiB, for 1,000 pages (8,000 bytes + 0xfff: 2^13) two of 8 KiB, as they begin in the middle of one.
 */
const PURGES = {
  // Steps of the range: 4K; 8K; 16K, two for 20 KiB; 256K, two for 400 KiB; 4M rounded down from 0x20200000, two.
  'ia64-4k': { one: 1 + 1, two: 1 + 1, five: 2 + 1, hundred: 2 + 1, thousand: 2 + 2 },
  // 8K; 16K; 64K, one for 40 KiB (2^15 is not there); 1M from 0x20000000 to 0x20148000; 4M, two for 8,000 KiB.
  'ia64-8k': { one: 1 + 1, two: 1 + 1, five: 1 + 1, hundred: 2 + 1, thousand: 2 + 2 },
  // 16K; 64K; 64K, two for 80 KiB; 1M, two for 1,600 KiB; 16M rounded down from 0x20800000 to 0x217a0000, two.
  'ia64-16k': { one: 1 + 1, two: 1 + 1, five: 2 + 1, hundred: 2 + 1, thousand: 2 + 2 },
  // 64K; 256K; 256K, two for 320 KiB; 4M, two for 6,400 KiB; 64M rounded down from 0x22000000 to 0x25e80000, two.
  'ia64-64k': { one: 1 + 1, two: 1 + 1, five: 2 + 1, hundred: 2 + 1, thousand: 2 + 2 },
} as const;

function expected(name: keyof typeof PURGES, cpus: 1 | 4): ScenarioCounts {
  const { one, two, five, hundred, thousand } = PURGES[name];
  // flush_tlb_mm gives the mm another number, which the other CPUs load by an interrupt: four users, so all are asked.
  const others = cpus === 1 ? {} : { ipiContext: 3, ipis: 3 };
  return {
    fork: { flushMm: 1, ...others },
    // ptep_establish: one page, one purge; from CPU 1 ptc.ga reaches the others.
    cow: { flushPage: 1, purges: 1 },
    // No users are left: flush_tlb_mm only gives the number up. A block of 1,024 pages, then the rest; 2,048 fit the gather.
    'exit of the child': { flushMm: 2 },
    // tlb_flush: flush_tlb_range of the pages, and of their part of the linear table.
    'munmap 1': { flushRange: 2, purges: one },
    'munmap 2': { flushRange: 2, purges: two },
    'munmap 5': { flushRange: 2, purges: five },
    'munmap 100': { flushRange: 2, purges: hundred },
    'munmap 1000': { flushRange: 2, purges: thousand },
    // Eight pages are one step on each of them: 64K (2^15 is not there), 64K, 256K, 1M.
    mprotect: { flushRange: 1, purges: 1 },
    exit: { flushMm: 1 },
  };
}

describe.each(['ia64-4k', 'ia64-8k', 'ia64-16k', 'ia64-64k'] as const)('%s', (name) => {
  test.each([1, 4] as const)('%i CPUs', (cpus) => {
    expect(runScenario(machine(name), cpus, purges)).toEqual(expected(name, cpus));
  });
});
