/** do_swap_page (generic-mm 4.7): a page comes back from swap. */
import { PGMAJFAULT } from '../events/counters.js';
import { pauseAt } from '../events/injection.js';
import type { Kernel } from '../kernel.js';
import { PG_UPTODATE } from '../memory/mem-map.js';
import { tryLockPage, unlockPage, waitForPage } from '../memory/page-lock.js';
import { pteOffsetMapLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { updateMmuCache } from '../pgtable/mmu-hooks.js';
import { setPteAt } from '../pgtable/set-pte.js';
import { markPageAccessed } from '../reclaim/lru-batch.js';
import { pageAddAnonRmap } from '../rmap/rmap.js';
import type { Op } from '../smp/lock.js';
import { canShareSwapPage, lookupSwapCache, removeExclusiveSwapPage } from '../swap/cache.js';
import { pteToSwapEntry } from '../swap/entry.js';
import { readSwapCacheAsync, swapinReadahead } from '../swap/read.js';
import { swapFree } from '../swap/swap.js';
import { addAnonRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import {
  VM_FAULT_MAJOR,
  VM_FAULT_MASK,
  VM_FAULT_MINOR,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  VM_FAULT_WRITE,
} from './codes.js';
import { newPteHi, newPteLo } from './install.js';
import { pteUnmapSame } from './same.js';
import { doWpPage, entryIs } from './wp.js';

/** Handles a fault on the swap entry (hi, lo) at word `at`, which was read without the lock; its table is mapped. */
export function* doSwapPage(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  write: boolean,
): Op<number> {
  const { mm } = vma;
  const f = k.arch.pteFormat;
  if (!(yield* pteUnmapSame(k, mm, at, hi, lo))) return VM_FAULT_MINOR;
  if (k.inject.pause !== null) yield* pauseAt(k, 'after pte read');
  const entry = pteToSwapEntry(f, hi, lo);
  let result = VM_FAULT_MINOR;
  let page = lookupSwapCache(k, entry);
  if (page < 0) {
    swapinReadahead(k, entry);
    page = yield* readSwapCacheAsync(k, entry);
    if (page < 0) {
      const lock = pteOffsetMapLock(k, mm, at);
      if (!lock.tryLock()) yield* spinMapped(k, lock);
      const same = entryIs(k, at, hi, lo);
      pteUnmapUnlock(k, at, lock);
      return same ? VM_FAULT_OOM : VM_FAULT_MINOR;
    }
    // A read is a major fault, whoever maps the page first in the end.
    result = VM_FAULT_MAJOR;
    k.counters.values[PGMAJFAULT] = (k.counters.values[PGMAJFAULT] as number) + 1;
    k.swapToken.grab(k, mm);
  }
  markPageAccessed(k, page);
  if (k.inject.pause !== null) yield* pauseAt(k, 'before page lock');
  if (!tryLockPage(k, page)) yield* waitForPage(k, page);
  const lock = pteOffsetMapLock(k, mm, at);
  if (!lock.tryLock()) yield* spinMapped(k, lock);
  if (!entryIs(k, at, hi, lo) || ((k.map.flags[page] as number) & PG_UPTODATE) === 0) {
    if (entryIs(k, at, hi, lo)) result = VM_FAULT_SIGBUS;
    else if (!k.behaviour.readIsMajorInRace) result = VM_FAULT_MINOR;
    pteUnmapUnlock(k, at, lock);
    unlockPage(k, page);
    k.pages.put(page);
    return result;
  }
  const shares = write && canShareSwapPage(k, page);
  const newLo = newPteLo(k, vma, page, shares);
  const newHi = newPteHi(k, vma, page, shares);
  addAnonRss(k, mm, 1);
  setPteAt(k, mm, vpn, at, newHi, newLo);
  pageAddAnonRmap(k, page, vma, vpn);
  swapFree(k, entry);
  if (k.swap.isFull) removeExclusiveSwapPage(k, page);
  unlockPage(k, page);
  if (write && !shares) {
    const copied = yield* doWpPage(k, vma, vpn, at, newHi, newLo, lock);
    if ((copied & VM_FAULT_MASK) === VM_FAULT_OOM) return VM_FAULT_OOM;
    // D13: originally it is forgotten that copy-on-write was broken.
    return k.defectsKept ? result : result | (copied & VM_FAULT_WRITE);
  }
  updateMmuCache(k, mm, vpn, newHi, newLo);
  pteUnmapUnlock(k, at, lock);
  return result;
}
