/** Reading from swap (mm/swap_state.c, swapin_readahead of mm/memory.c). */
import { PSWPIN } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import { PG_LOCKED, PG_UPTODATE } from '../memory/mem-map.js';
import { unlockPage } from '../memory/page-lock.js';
import { allocPage } from '../reclaim/alloc.js';
import { lruAddDrain, lruCacheAddActive } from '../reclaim/lru-batch.js';
import type { Op } from '../smp/lock.js';
import { SWAP_MAP_MAX } from './area.js';
import { insertSwapCache, lookupSwapCache } from './cache.js';
import { swapEntry, swapOffset, swapType } from './entry.js';
import { areaOf, swapDuplicate } from './swap.js';

/**
 * read_swap_cache_async: the page of an entry, read from its slot if it is not cached, with a reference for the caller.
 * @returns -1 when memory is short or nobody has the entry any more.
 */
export function* readSwapCacheAsync(k: Kernel, entry: number): Op<number> {
  const cached = lookupSwapCache(k, entry);
  if (cached >= 0) return cached;
  let page = k.pages.easyPage();
  if (page < 0) page = yield* allocPage(k);
  return page < 0 ? -1 : readInto(k, entry, page);
}

/**
 * swapin_readahead: the block of 2^page_cluster slots around an entry, as far as its slots are in use and there is memory
 * without reclaim. The wanted one is read by the caller, and found.
 */
export function swapinReadahead(k: Kernel, entry: number): void {
  const { pageCluster } = k.swap;
  if (pageCluster === 0) return;
  const type = swapType(entry);
  const map = k.swap.areas[type]?.map;
  if (map === undefined) return;
  const block = 2 ** pageCluster;
  const start = Math.floor(swapOffset(entry) / block) * block;
  const end = Math.min(start + block, map.length);
  for (let offset = Math.max(start, 1); offset < end; offset++) {
    const count = map[offset] as number;
    if (count === 0 || count > SWAP_MAP_MAX) break;
    const neighbour = swapEntry(type, offset);
    let page = lookupSwapCache(k, neighbour);
    if (page < 0) {
      const fresh = k.pages.alloc(0);
      if (fresh < 0) break;
      page = readInto(k, neighbour, fresh);
    }
    if (page >= 0) k.pages.put(page);
  }
  lruAddDrain(k);
}

/** Makes a fresh frame the page of an entry and reads it; answers the entry's page, which may be another by now, or -1. */
function readInto(k: Kernel, entry: number, page: number): number {
  const { map } = k;
  const cached = lookupSwapCache(k, entry);
  if (cached >= 0 || !swapDuplicate(k, entry)) {
    k.pages.put(page);
    return cached;
  }
  insertSwapCache(k, page, entry);
  map.flags[page] = (map.flags[page] as number) | PG_LOCKED;
  lruCacheAddActive(k, page);
  if (k.contents) areaOf(k, entry).device.read(k.memory, page, swapOffset(entry));
  map.flags[page] = (map.flags[page] as number) | PG_UPTODATE;
  k.counters.values[PSWPIN] = (k.counters.values[PSWPIN] as number) + 1;
  unlockPage(k, page);
  return page;
}
