/**
 * Flushes and interrupts of the fixed scenario on the three x86 machines, derived by hand (asm-generic/tlb.h, mm/memory.c,
 * arch/i386/kernel/smp.c, arch/x86_64/kernel/smp.c). Beside the calls what the CPUs do: CR3 loads and INVLPG, over all of them.
 */
import type { Machine } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { machine } from '../support/machines.js';
import { type Counts, runScenario, type ScenarioCounts } from './scenario.js';

interface Registers {
  readonly cr3Loads: number;
  readonly invlpgs: number;
  readonly leaves: number;
}

function registers({ kernel }: Machine): Counts {
  const all = kernel.cpus.map((cpu) => cpu.registers as Registers);
  const sum = (name: keyof Registers): number => all.reduce((n, of) => n + of[name], 0);
  return { cr3Loads: sum('cr3Loads'), invlpgs: sum('invlpgs'), leaves: sum('leaves') };
}

/**
 * One CPU. The gather is in fast mode: pages are freed at once, and one flush_tlb_mm comes when the gather is finished, if
 * anything was taken. A flush is a CR3 load, of a page an INVLPG.
 */
const ONE: ScenarioCounts = {
  // dup_mmap ends with flush_tlb_mm of the parent.
  fork: { flushMm: 1, cr3Loads: 1 },
  // ptep_establish: flush_tlb_page.
  cow: { flushPage: 1, invlpgs: 1 },
  // The switch to the child is a CR3 load. Of its 1,117 pages the zap does 1,024 (ZAP_BLOCK_SIZE), finishes the gather and
  // begins another for the 93 others and the tables: two flushes, two CR3 loads.
  'exit of the child': { flushMm: 2, cr3Loads: 3 },
  // The switch back to the process, and the flush.
  'munmap 1': { flushMm: 1, cr3Loads: 2 },
  'munmap 2': { flushMm: 1, cr3Loads: 1 },
  'munmap 5': { flushMm: 1, cr3Loads: 1 },
  'munmap 100': { flushMm: 1, cr3Loads: 1 },
  // Fewer than 1,024 pages: still one.
  'munmap 1000': { flushMm: 1, cr3Loads: 1 },
  // change_protection ends with flush_tlb_range, which is flush_tlb_mm here.
  mprotect: { flushRange: 1, cr3Loads: 1 },
  // Nine pages: one gather.
  exit: { flushMm: 1, cr3Loads: 1 },
};

/**
 * Four CPUs, all in user mode in the mm. Each flush of the mm is a CR3 load here and three interrupts, which are a CR3 load
 * each. A gather holds 506 pages, pages of tables among them.
 */
const FOUR: ScenarioCounts = {
  // 1 + 3 CR3 loads.
  fork: { flushMm: 1, ipiFlushMm: 3, ipis: 3, cr3Loads: 4 },
  // From CPU 1, to 0, 2 and 3: INVLPG on each.
  cow: { flushPage: 1, ipiFlushPage: 3, ipis: 3, invlpgs: 4 },
  // CPU 0 loads the child's tables and leaves the mask of the parent. The child has no user mode to return to: the CPU is
  // lazy when it flushes. 1,117 pages: flushes at page 506, at page 1,012, at page 1,024 (the end of the block, 12 pages)
  // and at the end (93 pages and the tables). At the first CPU 0 leaves the mm, and so it does at each, as leave_mm does not ask
  // whether it was there: 4 CR3 loads of the kernel's tables, after one of the child's. The mask is empty: no interrupt.
  'exit of the child': { flushMm: 4, leaves: 4, cr3Loads: 5 },
  // CPU 0 loads the process's tables again; 1 + 3 CR3 loads of the flush.
  'munmap 1': { flushMm: 1, ipiFlushMm: 3, ipis: 3, cr3Loads: 5 },
  'munmap 2': { flushMm: 1, ipiFlushMm: 3, ipis: 3, cr3Loads: 4 },
  'munmap 5': { flushMm: 1, ipiFlushMm: 3, ipis: 3, cr3Loads: 4 },
  'munmap 100': { flushMm: 1, ipiFlushMm: 3, ipis: 3, cr3Loads: 4 },
  // Two batches: 506 pages, then 494 (and two tables with 512 entries a table, which does not make 506).
  'munmap 1000': { flushMm: 2, ipiFlushMm: 6, ipis: 6, cr3Loads: 8 },
  mprotect: { flushRange: 1, ipiFlushMm: 3, ipis: 3, cr3Loads: 4 },
  // The threads are gone when the mm is taken down, so all four CPUs are lazy: each leaves it, three by an interrupt.
  exit: { flushMm: 1, ipiFlushMm: 3, ipis: 3, leaves: 4, cr3Loads: 4 },
};

describe.each(['i386', 'i386-pae', 'x86_64'] as const)('%s', (name) => {
  test('one CPU', () => expect(runScenario(machine(name), 1, registers)).toEqual(ONE));
  test('four CPUs', () => expect(runScenario(machine(name), 4, registers)).toEqual(FOUR));
});
