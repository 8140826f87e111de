/** pte_unmap_same (generic-mm 4.7): whether an entry read without its lock was ever there as it was read. */
import type { Kernel } from '../kernel.js';
import { pteUnmap } from '../pgtable/highpte.js';
import { pteLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import { entryIs } from './wp.js';

/**
 * Looks again under the lock where an entry is wider than a word and others may run in between; elsewhere it is true. The table is
 * mapped on entry, not on exit.
 */
export function* pteUnmapSame(k: Kernel, mm: Mm, at: number, hi: number, lo: number): Op<boolean> {
  if (k.arch.pteFormat.bytes * 8 <= k.arch.wordBits || (k.nrCpus === 1 && !k.preempt)) {
    pteUnmap(k, at);
    return true;
  }
  const lock = pteLock(k, mm, at);
  if (!lock.tryLock()) yield* spinMapped(k, lock);
  const same = entryIs(k, at, hi, lo);
  pteUnmapUnlock(k, at, lock);
  return same;
}
