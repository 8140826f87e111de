/**
 * The lock that guards a pte table: mm.page_table_lock when the kernel was built for fewer than four CPUs, else one of
 * the table's own (split pte locks).
 */
import type { Kernel } from '../kernel.js';
import { SpinLock } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';

/** pte_lockptr for an entry (or any word) of a pte table. */
export function pteLock(k: Kernel, mm: Mm, at: number): SpinLock {
  if (!k.splitPteLocks) return mm.pageTableLock;
  const table = at - (at % k.memory.pageWords);
  let lock = k.pteLocks.get(table);
  if (lock === undefined) {
    lock = new SpinLock('pte lock', k.events);
    k.pteLocks.set(table, lock);
  }
  return lock;
}
