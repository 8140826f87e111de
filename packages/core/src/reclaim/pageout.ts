/** pageout and swap_writepage (generic-mm 12.2, 13.2): a dirty page is written to its file or to swap. */
import { PSWPOUT } from '../events/counters.js';
import { WRITEPAGE_ACTIVATE } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { PG_DIRTY, PG_RECLAIM, PG_SWAPCACHE, PG_WRITEBACK } from '../memory/mem-map.js';
import { unlockPage } from '../memory/page-lock.js';
import type { Op } from '../smp/lock.js';
import { removeExclusiveSwapPage } from '../swap/cache.js';
import { swapOffset } from '../swap/entry.js';
import { areaOf } from '../swap/swap.js';

export const PAGE_KEEP = 0;
/** It cannot be written now. */
export const PAGE_ACTIVATE = 1;
/** The write was begun, and may have ended; the page is unlocked. */
export const PAGE_SUCCESS = 2;

/** swap_writepage of a locked, clean page in the swap cache: it is unlocked after it. The write ends at once. */
export function swapWritepage(k: Kernel, page: number): void {
  // Nobody needs the slot any more: there is nothing to write, and the page is no swap page from now on.
  if (!removeExclusiveSwapPage(k, page)) {
    const entry = k.map.priv[page] as number;
    if (k.contents) areaOf(k, entry).device.write(k.memory, page, swapOffset(entry));
    k.counters.values[PSWPOUT] = (k.counters.values[PSWPOUT] as number) + 1;
  }
  unlockPage(k, page);
}

/** pageout of a dirty page of a file, which is locked. */
export function* pageoutFile(k: Kernel, page: number): Op<number> {
  const { map } = k;
  const space = k.mappings.file(map.mapping[page] as number);
  // The cache and the caller: anybody else would go on writing.
  if (map.count[page] !== 2 || space === null) return PAGE_KEEP;
  if (space.host.writepage === undefined) return PAGE_ACTIVATE;
  map.flags[page] = ((map.flags[page] as number) & ~PG_DIRTY) | PG_RECLAIM;
  const result = yield* space.host.writepage(page);
  if (result === WRITEPAGE_ACTIVATE || ((map.flags[page] as number) & PG_WRITEBACK) === 0)
    map.flags[page] = (map.flags[page] as number) & ~PG_RECLAIM;
  return result === WRITEPAGE_ACTIVATE ? PAGE_ACTIVATE : PAGE_SUCCESS;
}

/** pageout of a dirty page of the swap cache, which is locked: PAGE_KEEP or PAGE_SUCCESS. */
export function pageoutSwap(k: Kernel, page: number): number {
  const { map } = k;
  if (map.count[page] !== 2) return PAGE_KEEP;
  map.flags[page] = (map.flags[page] as number) & ~PG_DIRTY;
  swapWritepage(k, page);
  return PAGE_SUCCESS;
}

/** Whether a page's dirty data goes to swap. */
export function goesToSwap(k: Kernel, page: number): boolean {
  return ((k.map.flags[page] as number) & PG_SWAPCACHE) !== 0;
}
