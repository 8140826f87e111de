/**
 * The swap cache (swapper_space): pages that have a slot, by entry. A page in it has PG_SWAPCACHE, its entry in `priv`, one
 * reference and one count of the slot; page.mapping and page.index stay those of the anonymous page. Plain: tree_lock could
 * never be seen held. Whoever adds or removes a page holds its page lock.
 */
import { ERRNO, KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { PG_DIRTY, PG_LOCKED, PG_SWAPCACHE, PG_UPTODATE, PG_WRITEBACK } from '../memory/mem-map.js';
import { tryLockPage, unlockPage } from '../memory/page-lock.js';
import type { AddressSpace } from '../pagecache/address-space.js';
import { addToPageCache, removeFromPageCache } from '../pagecache/page-cache.js';
import { swapOffset, swapType } from './entry.js';
import { areaOf, getSwapPage, swapCount, swapDuplicate, swapFree } from './swap.js';

/** lookup_swap_cache: the page of an entry with a reference taken, or -1. */
export function lookupSwapCache(k: Kernel, entry: number): number {
  const area = k.swap.areas[swapType(entry)];
  const page = area ? (area.cached[swapOffset(entry)] ?? -1) : -1;
  if (page >= 0) k.map.count[page] = (k.map.count[page] as number) + 1;
  return page;
}

/** __add_to_swap_cache: 0, or -EEXIST when another page is there. The slot's count is the caller's business. */
export function insertSwapCache(k: Kernel, page: number, entry: number): number {
  const { map } = k;
  const area = areaOf(k, entry);
  const offset = swapOffset(entry);
  if ((area.cached[offset] as number) >= 0) return -ERRNO.EEXIST;
  area.cached[offset] = page;
  k.swap.cachedPages++;
  map.count[page] = (map.count[page] as number) + 1;
  map.flags[page] = (map.flags[page] as number) | PG_SWAPCACHE;
  map.priv[page] = entry;
  return 0;
}

/** add_to_swap: gives a locked anonymous page a slot, whose one count is the cache's. False when swap is full. */
export function addToSwap(k: Kernel, page: number): boolean {
  const entry = getSwapPage(k);
  if (entry === 0) return false;
  if (insertSwapCache(k, page, entry) < 0) throw new KernelBug(`a free slot ${entry} is in the swap cache`);
  k.map.flags[page] = (k.map.flags[page] as number) | PG_UPTODATE | PG_DIRTY;
  return true;
}

/** delete_from_swap_cache: the page's slot loses the cache's count, the page the cache's reference. */
export function deleteFromSwapCache(k: Kernel, page: number): void {
  const { map } = k;
  const flags = map.flags[page] as number;
  if ((flags & (PG_SWAPCACHE | PG_LOCKED | PG_WRITEBACK)) !== (PG_SWAPCACHE | PG_LOCKED)) {
    throw new KernelBug(`page ${page} taken out of the swap cache with flags ${flags}`);
  }
  const entry = map.priv[page] as number;
  areaOf(k, entry).cached[swapOffset(entry)] = -1;
  k.swap.cachedPages--;
  map.flags[page] = flags & ~PG_SWAPCACHE;
  map.priv[page] = 0;
  swapFree(k, entry);
  k.pages.put(page);
}

/** move_to_swap_cache: a locked page of a file's cache becomes the page of `entry`, which gains a count. 0 or -EEXIST. */
export function moveToSwapCache(k: Kernel, space: AddressSpace, index: number, page: number, entry: number): number {
  const error = insertSwapCache(k, page, entry);
  if (error < 0) return error;
  removeFromPageCache(k, space, index);
  if (!swapDuplicate(k, entry)) throw new KernelBug(`entry ${entry} vanished under its page`);
  k.map.flags[page] = (k.map.flags[page] as number) | PG_UPTODATE | PG_DIRTY;
  return 0;
}

/** move_from_swap_cache: a locked page of the swap cache becomes page `index` of a file; its slot loses the cache's count. */
export function moveFromSwapCache(k: Kernel, space: AddressSpace, index: number, page: number): number {
  if (space.pages.has(index)) return -ERRNO.EEXIST;
  addToPageCache(k, space, index, page);
  deleteFromSwapCache(k, page);
  space.host.setPageDirty(page);
  return 0;
}

/** page_swapcount: the other references to the slot of a page in the swap cache, its own left out; else 0. */
function otherSwapReferences(k: Kernel, page: number): number {
  return ((k.map.flags[page] as number) & PG_SWAPCACHE) === 0 ? 0 : swapCount(k, k.map.priv[page] as number) - 1;
}

/** can_share_swap_page: nobody but one entry uses the locked page or its slot. `mapcount` pages map it already. */
export function canShareSwapPage(k: Kernel, page: number): boolean {
  const mapped = k.map.mapcount[page] as number;
  return mapped > 1 ? false : mapped + otherSwapReferences(k, page) === 1;
}

/**
 * remove_exclusive_swap_page: takes a locked page out of the swap cache when only the caller and the cache refer to it and
 * nobody else to its slot. The page is dirty then: swap has no copy any more.
 */
export function removeExclusiveSwapPage(k: Kernel, page: number): boolean {
  const { map } = k;
  const flags = map.flags[page] as number;
  if ((flags & (PG_SWAPCACHE | PG_WRITEBACK)) !== PG_SWAPCACHE) return false;
  if (map.count[page] !== 2 || swapCount(k, map.priv[page] as number) !== 1) return false;
  deleteFromSwapCache(k, page);
  map.flags[page] = (map.flags[page] as number) | PG_DIRTY;
  return true;
}

/** free_swap_and_cache: an entry goes; its cached page goes with it when nobody else needs it. */
export function freeSwapAndCache(k: Kernel, entry: number): void {
  if (swapFree(k, entry) !== 1) return;
  const { map } = k;
  const page = areaOf(k, entry).cached[swapOffset(entry)] as number;
  if (page < 0 || !tryLockPage(k, page)) return;
  // The kernel counts the reference it took to look: two users are the cache and that one.
  const onlyCache = map.count[page] === 1;
  map.count[page] = (map.count[page] as number) + 1;
  if (((map.flags[page] as number) & PG_WRITEBACK) === 0 && (onlyCache || k.swap.isFull)) {
    deleteFromSwapCache(k, page);
    map.flags[page] = (map.flags[page] as number) | PG_DIRTY;
  }
  unlockPage(k, page);
  k.pages.put(page);
}

/** free_swap_cache: before an entry's reference to a page is dropped, the slot that only this page uses goes. */
export function freeSwapCache(k: Kernel, page: number): void {
  if (((k.map.flags[page] as number) & (PG_SWAPCACHE | PG_LOCKED)) !== PG_SWAPCACHE || !tryLockPage(k, page)) return;
  removeExclusiveSwapPage(k, page);
  unlockPage(k, page);
}
