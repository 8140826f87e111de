/** Pages of an address_space: find, add, remove (mm/filemap.c's lower half). The cache holds one reference a page. */
import type { Kernel } from '../kernel.js';
import { PG_CACHED, PG_DIRTY, PG_UPTODATE } from '../memory/mem-map.js';
import type { AddressSpace } from './address-space.js';

/** find_get_page: the cached page with a reference taken, or -1. */
export function findGetPage(k: Kernel, space: AddressSpace, index: number): number {
  const page = space.pages.get(index);
  if (page === undefined) return -1;
  k.map.count[page] = (k.map.count[page] as number) + 1;
  return page;
}

/** add_to_page_cache: the caller's fresh frame becomes the cached page; the cache takes a reference of its own. */
export function addToPageCache(k: Kernel, space: AddressSpace, index: number, page: number): void {
  if (space.handle === 0) k.mappings.addFile(space);
  k.map.count[page] = (k.map.count[page] as number) + 1;
  k.map.flags[page] = (k.map.flags[page] as number) | PG_CACHED | PG_UPTODATE;
  k.map.mapping[page] = space.handle;
  k.map.index[page] = index;
  space.pages.set(index, page);
  k.pageCachePages++;
}

/** remove_from_page_cache: drops the cache's reference. The page must not be mapped any more. */
export function removeFromPageCache(k: Kernel, space: AddressSpace, index: number): void {
  const page = space.pages.get(index);
  if (page === undefined) return;
  space.pages.delete(index);
  k.map.flags[page] = (k.map.flags[page] as number) & ~(PG_CACHED | PG_DIRTY | PG_UPTODATE);
  k.map.mapping[page] = 0;
  k.pageCachePages--;
  k.pages.put(page);
}
