/**
 * shmem_getpage (generic-mm 14.2): the page of an index, wherever it is: in the page cache, in swap, or new.
 *
 * Locks: page lock, then the inode's lock. Neither is held across an allocation or a read; everything is looked at again
 * afterwards.
 */
import {
  addToPageCache,
  allocPage,
  ERRNO,
  findGetPage,
  KernelBug,
  lookupSwapCache,
  lruCacheAdd,
  moveFromSwapCache,
  type Op,
  PAGES_CLEARED,
  PG_WRITEBACK,
  PGMAJFAULT,
  readSwapCacheAsync,
  swapFree,
  swapinReadahead,
  tryLockPage,
  unlockPage,
  waitForPage,
  waitOnWriteback,
} from '@fourfold/core/fs';
import type { ShmemInode } from './inode.js';

/** sgp_type: how far getPage may go. */
export const SGP_QUICK = 0; // only what is cached
export const SGP_READ = 1; // not beyond i_size, and no new page: a hole is no page
export const SGP_CACHE = 2; // not beyond i_size; a hole gets a page
export const SGP_WRITE = 3; // beyond i_size too

/** A mode of getPage. */
export type Sgp = typeof SGP_QUICK | typeof SGP_READ | typeof SGP_CACHE | typeof SGP_WRITE;

/** What getPage found. */
export interface FoundPage {
  /** The page, unlocked, with a reference for the caller; -1 for none (a hole, or not cached). */
  page: number;
  /** It had to be read from swap. */
  major: boolean;
}

/** getPageNow cannot: something would have to be waited for, and nothing was done. */
export const MUST_WAIT = 1;

/** `getPage` where it has nothing to wait for: the page is cached, or a hole gets one. Else MUST_WAIT. */
export function getPageNow(inode: ShmemInode, index: number, sgp: Sgp, out: FoundPage): number {
  const { k, mapping, lock } = inode;
  out.major = false;
  const cached = mapping.pages.get(index);
  if (cached !== undefined) {
    if (!tryLockPage(k, cached)) return MUST_WAIT;
    unlockPage(k, cached);
    out.page = findGetPage(k, mapping, index);
    return 0;
  }
  if (sgp < SGP_CACHE || index >= inode.shmem.geometry.maxIndex || !lock.tryLock()) return MUST_WAIT;
  inode.recalc();
  const isHole = isReached(inode, index, sgp) && inode.vector.entry(index) === 0;
  const charged = isHole && takeRoom(inode);
  lock.unlock();
  if (!isHole) return MUST_WAIT;
  if (!charged) return -ERRNO.ENOSPC;
  const page = k.pages.alloc(0);
  // Nobody else has run: all is as it was.
  if (!lock.tryLock()) throw new KernelBug('the lock of a tmpfs inode was taken in a plain function');
  if (page >= 0) addPage(inode, index, page, out);
  else giveRoom(inode);
  lock.unlock();
  if (page >= 0) return 0;
  return k.pages.takeRefusal() ? -ERRNO.ENOMEM : MUST_WAIT;
}

/** shmem_getpage. 0 with `out` filled in, or -EFBIG, -EINVAL (beyond i_size), -ENOSPC, -ENOMEM. */
export function* getPage(inode: ShmemInode, index: number, sgp: Sgp, out: FoundPage): Op<number> {
  const { k, mapping, lock } = inode;
  out.page = -1;
  out.major = false;
  if (index >= inode.shmem.geometry.maxIndex) return -ERRNO.EFBIG;
  for (;;) {
    const cached = findGetPage(k, mapping, index);
    if (cached >= 0) {
      if (!tryLockPage(k, cached)) yield* waitForPage(k, cached);
      const isOurs = k.map.mapping[cached] === mapping.handle && k.map.index[cached] === index;
      unlockPage(k, cached);
      if (isOurs) {
        out.page = cached;
        return 0;
      }
      k.pages.put(cached);
      continue;
    }
    if (sgp === SGP_QUICK) return 0;
    if (!lock.tryLock()) yield* lock.wait();
    inode.recalc();
    const error = isReached(inode, index, sgp) ? 0 : yield* reachEntry(inode, index, sgp);
    if (error < 0) {
      lock.unlock();
      return error;
    }
    const entry = inode.vector.entry(index);
    const settled =
      entry !== 0
        ? yield* fromSwap(inode, index, entry, out)
        : sgp === SGP_READ
          ? lookAgain(inode, index)
          : yield* newPage(inode, index, sgp, out);
    if (settled <= 0) return settled;
  }
}

/** getPage found something else than expected, and starts over. */
const AGAIN = 1;

/** A hole for reading; unless the page came in while an index page was looked for. Unlocks the inode. */
function lookAgain(inode: ShmemInode, index: number): number {
  inode.lock.unlock();
  return inode.mapping.pages.has(index) ? AGAIN : 0;
}

/** The case of shmem_swp_alloc that has nothing to wait for: the index pages are there, and the file reaches so far. */
function isReached(inode: ShmemInode, index: number, sgp: Sgp): boolean {
  if (isBeyond(inode, index, sgp) || !inode.vector.reaches(index)) return false;
  if (index >= inode.nextIndex) inode.nextIndex = index + 1;
  return true;
}

/**
 * shmem_swp_alloc: makes the index pages that an index needs, the inode locked on entry and exit. For reading a missing one
 * is as good as an empty one.
 */
function* reachEntry(inode: ShmemInode, index: number, sgp: Sgp): Op<number> {
  const { k, vector, sb, lock } = inode;
  if (isBeyond(inode, index, sgp)) return -ERRNO.EINVAL;
  while (!vector.reaches(index)) {
    if (sgp === SGP_READ) return 0;
    // One block is left for the page itself: an index page alone would be of no use.
    if (!sb.takeBlock(inode, 1)) return -ERRNO.ENOSPC;
    lock.unlock();
    let page = k.pages.alloc(0);
    if (page < 0) page = yield* allocPage(k);
    if (!lock.tryLock()) yield* lock.wait();
    const error = page < 0 ? -ERRNO.ENOMEM : isBeyond(inode, index, sgp) ? -ERRNO.EINVAL : 0;
    if (error === 0 && !vector.reaches(index)) {
      vector.plant(index, page);
      // Even if no entry comes to stand in it: truncation looks at nothing from nextIndex on. (The kernel lost such pages.)
      inode.nextIndex = Math.max(inode.nextIndex, index + 1);
    } else {
      // Somebody else's page is there, the file got shorter, or there was none.
      sb.giveBlocks(inode, 1);
      if (page >= 0) k.pages.put(page);
    }
    if (error < 0) return error;
  }
  if (index >= inode.nextIndex) inode.nextIndex = index + 1;
  return 0;
}

function isBeyond(inode: ShmemInode, index: number, sgp: Sgp): boolean {
  return sgp !== SGP_WRITE && index * inode.k.memory.pageSize >= inode.size;
}

/** The page is in swap, or on its way from there. The inode is locked on entry, not on exit. 0, AGAIN, or -ENOMEM. */
function* fromSwap(inode: ShmemInode, index: number, entry: number, out: FoundPage): Op<number> {
  const { k, lock } = inode;
  const page = lookupSwapCache(k, entry);
  if (page < 0) {
    lock.unlock();
    return yield* readIn(inode, index, entry, out);
  }
  if (!tryLockPage(k, page)) {
    lock.unlock();
    yield* waitForPage(k, page);
    unlockPage(k, page);
    k.pages.put(page);
    return AGAIN;
  }
  const busy = ((k.map.flags[page] as number) & PG_WRITEBACK) !== 0;
  const moved = !busy && moveFromSwapCache(k, inode.mapping, index, page) === 0;
  if (moved) {
    inode.pageIn = true;
    inode.vector.setEntry(index, 0);
    inode.swapped--;
    swapFree(k, entry);
  }
  lock.unlock();
  if (busy) yield* waitOnWriteback(k, page);
  unlockPage(k, page);
  if (moved) {
    out.page = page;
    return 0;
  }
  k.pages.put(page);
  return AGAIN;
}

/** shmem_swapin: reads the page of an entry into the swap cache. */
function* readIn(inode: ShmemInode, index: number, entry: number, out: FoundPage): Op<number> {
  const { k, lock } = inode;
  if (!out.major) {
    out.major = true;
    k.counters.values[PGMAJFAULT] = (k.counters.values[PGMAJFAULT] as number) + 1;
  }
  swapinReadahead(k, entry);
  const page = yield* readSwapCacheAsync(k, entry);
  if (page < 0) {
    if (!lock.tryLock()) yield* lock.wait();
    const unchanged = inode.vector.entry(index) === entry;
    lock.unlock();
    return unchanged ? -ERRNO.ENOMEM : AGAIN;
  }
  k.pages.put(page);
  return AGAIN;
}

/** A hole gets a page, zeroed and clean. The inode is locked on entry, not on exit. 0, AGAIN, or a negative errno. */
function* newPage(inode: ShmemInode, index: number, sgp: Sgp, out: FoundPage): Op<number> {
  const { k, lock } = inode;
  const charged = takeRoom(inode);
  lock.unlock();
  if (!charged) return -ERRNO.ENOSPC;
  let page = k.pages.alloc(0);
  if (page < 0) page = yield* allocPage(k);
  if (!lock.tryLock()) yield* lock.wait();
  let error = page < 0 ? -ERRNO.ENOMEM : 0;
  // All may be different now: the file shorter, an index page gone, another page there.
  if (error === 0 && !isReached(inode, index, sgp)) error = yield* reachEntry(inode, index, sgp);
  if (error < 0 || inode.vector.entry(index) !== 0 || inode.mapping.pages.has(index)) {
    giveRoom(inode);
    lock.unlock();
    if (page >= 0) k.pages.put(page);
    return error < 0 ? error : AGAIN;
  }
  addPage(inode, index, page, out);
  lock.unlock();
  return 0;
}

/** The inode is locked: a fresh frame becomes the page of a hole. */
function addPage(inode: ShmemInode, index: number, page: number, out: FoundPage): void {
  const { k } = inode;
  addToPageCache(k, inode.mapping, index, page);
  lruCacheAdd(k, page);
  k.counters.values[PAGES_CLEARED] = (k.counters.values[PAGES_CLEARED] as number) + 1;
  inode.pageIn = true;
  inode.alloced++;
  out.page = page;
}

/** A block and the charge of one page. */
function takeRoom(inode: ShmemInode): boolean {
  if (!inode.sb.takeBlock(inode)) return false;
  if (inode.chargePage()) return true;
  inode.sb.giveBlocks(inode, 1);
  return false;
}

function giveRoom(inode: ShmemInode): void {
  inode.sb.giveBlocks(inode, 1);
  inode.unchargePage();
}
