/**
 * The lock that guards a pte table: mm.page_table_lock when the kernel was built for fewer than four CPUs, else one of
 * the table's own (split pte locks). Whoever locks a table has it mapped too (highpte.ts).
 */
import type { Kernel } from '../kernel.js';
import { type Op, SpinLock } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import { pteOffsetMap, pteUnmap } from './highpte.js';

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

/**
 * pte_offset_map_lock but for the waiting: maps the table and answers its lock, for the caller to take:
 * `if (!lock.tryLock()) yield* spinMapped(k, lock);`.
 */
export function pteOffsetMapLock(k: Kernel, mm: Mm, at: number): SpinLock {
  pteOffsetMap(k, at);
  return pteLock(k, mm, at);
}

/** spin_lock of a pte lock with tables mapped: they stay so, on a CPU that does nothing else. */
export function* spinMapped(k: Kernel, lock: SpinLock): Op<void> {
  const parked = k.pteMaps === null ? null : k.pteMaps.park();
  yield* lock.wait();
  if (parked !== null) k.pteMaps?.unpark(parked);
}

/** pte_unmap_unlock; `at` may be any entry of the table. */
export function pteUnmapUnlock(k: Kernel, at: number, lock: SpinLock): void {
  lock.unlock();
  pteUnmap(k, at);
}
