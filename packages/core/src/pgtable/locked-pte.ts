/** get_locked_pte (generic-mm 3.1): the entry of a page, made if need be, with its lock held. */
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import { allocPte } from './alloc.js';
import { pteOffsetMapLock, spinMapped } from './lock.js';

/**
 * Word index of the pte of page `vpn`, mapped and locked: `pteUnmapUnlock(k, at, pteLock(k, mm, at))` lets it go. 0 when memory is
 * short, nothing locked.
 */
export function* getLockedPte(k: Kernel, mm: Mm, vpn: number): Op<number> {
  const at = yield* allocPte(k, mm, (vpn / 4294967296) | 0, vpn | 0);
  if (at === 0) return 0;
  const lock = pteOffsetMapLock(k, mm, at);
  if (!lock.tryLock()) yield* spinMapped(k, lock);
  return at;
}
