/**
 * Flushes of the fixed scenario on the ppc64 machines, derived by hand (asm-powerpc/tlbflush.h, arch/powerpc/mm/tlb_64.c,
 * asm-ppc64/pgtable.h). Every entry with HASHPTE that is changed joins the batch of 192; the flush calls send the batch and look
 * at nothing else. tlbie reaches every CPU by itself: nobody is interrupted, so with four CPUs the totals are those of one.
 */
import { describe, expect, test } from 'vitest';
import { machine } from '../support/machines.js';
import { runScenario, type ScenarioCounts } from './scenario.js';

const ANY: ScenarioCounts = {
  // 1,117 hashed entries are write-protected: five full batches (960), and 157 that flush_tlb_mm sends.
  fork: { flushMm: 1, pendingQueued: 1117, flushPending: 6 },
  // set_pte_at over a present entry takes it out, hashed, and flushes at once; flush_tlb_page finds nothing more.
  cow: { flushPage: 1, pendingQueued: 1, flushPending: 1 },
  // The child's entries were stored without HASHPTE, and it never ran.
  'exit of the child': {},
  // ptep_set_wrprotect left HASHPTE in the parent's entries, though their HPTEs are gone.
  'munmap 1': { pendingQueued: 1, flushPending: 1 },
  'munmap 2': { pendingQueued: 2, flushPending: 1 },
  'munmap 5': { pendingQueued: 5, flushPending: 1 },
  'munmap 100': { pendingQueued: 100, flushPending: 1 },
  // One CPU: five full batches and 40. Four: full at 192 and 384, 122 when the gather is full at 506, full at 192 and 384 of the
  // 494 that are left, and 110. Six either way.
  'munmap 1000': { pendingQueued: 1000, flushPending: 6 },
  mprotect: { flushRange: 1, pendingQueued: 8, flushPending: 1 },
  // Nine pages: mprotect stored the eight of A anew, without HASHPTE, and nobody came back to them.
  exit: { pendingQueued: 1, flushPending: 1 },
};

describe.each(['ppc64-4k', 'ppc64-64k'] as const)('%s', (name) => {
  test.each([1, 4] as const)('%i CPUs', (cpus) => expect(runScenario(machine(name), cpus)).toEqual(ANY));
});
