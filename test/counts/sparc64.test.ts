/**
 * Flushes and cross calls of the fixed scenario on the sparc64 machines, derived by hand (arch/sparc64/mm/tlb.c, kernel/smp.c,
 * asm-sparc64/tlb.h). Every entry that was valid and is stored over joins the batch of 192; the flush calls send the batch and
 * look at nothing else. No table goes before the end, so flush_tlb_pgtables is never called: the last page shares its table
 * with the area of 1,000, and A with the others.
 */
import { describe, expect, test } from 'vitest';
import { machine } from '../support/machines.js';
import { runScenario, type ScenarioCounts } from './scenario.js';

/** One CPU: what is queued and sent; nobody is interrupted. */
const ONE: ScenarioCounts = {
  // 1,117 entries are write-protected: five full batches (960), and 157 that flush_tlb_mm sends.
  fork: { flushMm: 1, pendingQueued: 1117, flushPending: 6 },
  // ptep_establish stores over a valid entry, then flush_tlb_page.
  cow: { flushPage: 1, pendingQueued: 1, flushPending: 1 },
  // A dying address space queues and flushes nothing; the next owner of its context number will.
  'exit of the child': {},
  'munmap 1': { pendingQueued: 1, flushPending: 1 },
  'munmap 2': { pendingQueued: 2, flushPending: 1 },
  'munmap 5': { pendingQueued: 5, flushPending: 1 },
  'munmap 100': { pendingQueued: 100, flushPending: 1 },
  // Five full batches and 40 at the end of the gather.
  'munmap 1000': { pendingQueued: 1000, flushPending: 6 },
  // Eight valid entries, then flush_tlb_range.
  mprotect: { flushRange: 1, pendingQueued: 8, flushPending: 1 },
  exit: {},
};

/** Four CPUs, all in cpu_vm_mask, four users: every batch that is sent is a cross call to three. */
const FOUR: ScenarioCounts = {
  fork: { flushMm: 1, pendingQueued: 1117, flushPending: 6, ipiFlushPage: 18, ipis: 18 },
  // From CPU 1, to 0, 2 and 3.
  cow: { flushPage: 1, pendingQueued: 1, flushPending: 1, ipiFlushPage: 3, ipis: 3 },
  'exit of the child': {},
  // CPU 0 never left cpu_vm_mask: coming back to the process it flushes nothing.
  'munmap 1': { pendingQueued: 1, flushPending: 1, ipiFlushPage: 3, ipis: 3 },
  'munmap 2': { pendingQueued: 2, flushPending: 1, ipiFlushPage: 3, ipis: 3 },
  'munmap 5': { pendingQueued: 5, flushPending: 1, ipiFlushPage: 3, ipis: 3 },
  'munmap 100': { pendingQueued: 100, flushPending: 1, ipiFlushPage: 3, ipis: 3 },
  // Full at 192 and 384; the gather is full at 506 and sends the 122 there are before it frees; 494 more are full at 192 and 384,
  // and leave 110. (In the original order, pages freed first: five full and 40. Six as well.)
  'munmap 1000': { pendingQueued: 1000, flushPending: 6, ipiFlushPage: 18, ipis: 18 },
  mprotect: { flushRange: 1, pendingQueued: 8, flushPending: 1, ipiFlushPage: 3, ipis: 3 },
  exit: {},
};

describe.each(['sparc64-8k', 'sparc64-64k'] as const)('%s', (name) => {
  test('one CPU', () => expect(runScenario(machine(name), 1)).toEqual(ONE));
  test('four CPUs', () => expect(runScenario(machine(name), 4)).toEqual(FOUR));
});
