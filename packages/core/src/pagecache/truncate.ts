/**
 * Truncation (generic-mm 7.5, 7.6): a new file size, or a hole in a file, and what it means for everybody who maps the file.
 *
 * Order: i_size first, then truncate_count and the unmapping, then the page cache. do_no_page reads truncate_count
 * before it asks for a page and again under the pte lock, so a page that is on its way out is never mapped again.
 * Locks: i_sem, i_alloc_sem, then i_mmap_lock inside unmapMappingRange. The callers of vmtruncate hold i_sem.
 */
import { ERRNO } from '../errors.js';
import { pauseAt } from '../events/injection.js';
import type { Inode } from '../fs/file.js';
import { maxFileSize } from '../fs/limits.js';
import type { Kernel } from '../kernel.js';
import { PG_LOCKED, PG_WRITEBACK } from '../memory/mem-map.js';
import { tryLockPage, unlockPage, waitForPage, waitOnWriteback } from '../memory/page-lock.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import { unmapMappingRange } from '../zap/unmap-mapping.js';
import type { AddressSpace } from './address-space.js';
import { findGetPage, removeFromPageCache } from './page-cache.js';

/** Pages taken out of the cache before others may run (PAGEVEC_SIZE). */
const BATCH = 14;

/** vmtruncate: sets i_size in bytes; what lies behind is unmapped everywhere, private copies too. 0, or -EFBIG, -EINVAL. */
export function* vmtruncate(k: Kernel, inode: Inode, size: number): Op<number> {
  if (size < 0) return -ERRNO.EINVAL;
  if (size > inode.size) {
    if (size > maxFileSize(k, inode)) return -ERRNO.EFBIG;
    inode.size = size;
  } else {
    inode.size = size;
    yield* unmapMappingRange(k, inode.mapping, Math.ceil(size / k.memory.pageSize), Infinity, true);
    yield* truncateInodePages(k, inode.mapping, size);
  }
  if (inode.truncate !== undefined) yield* inode.truncate();
  return 0;
}

/** do_truncate: vmtruncate under the locks of the inode, by way of its file system's setattr. */
export function* doTruncate(inode: Inode, setSize: () => Op<number>): Op<number> {
  const { iSem, iAllocSem } = inode.mapping;
  if (!iSem.tryWrite()) yield* iSem.waitWrite();
  if (!iAllocSem.tryWrite()) yield* iAllocSem.waitWrite();
  const error = yield* setSize();
  iAllocSem.upWrite();
  iSem.upWrite();
  return error;
}

/**
 * vmtruncate_range: punches bytes [start, end), whole pages, out of a file; i_size stays. 0, or -ENOSYS when its file
 * system cannot.
 */
export function* vmtruncateRange(k: Kernel, inode: Inode, start: number, end: number): Op<number> {
  if (inode.truncateRange === undefined) return -ERRNO.ENOSYS;
  const { mapping } = inode;
  const first = start / k.memory.pageSize;
  const last = end / k.memory.pageSize;
  if (!mapping.iSem.tryWrite()) yield* mapping.iSem.waitWrite();
  if (!mapping.iAllocSem.tryWrite()) yield* mapping.iAllocSem.waitWrite();
  yield* unmapMappingRange(k, mapping, first, last, true);
  if (k.inject.pause !== null) yield* pauseAt(k, 'before cache removal');
  yield* truncateInodePagesRange(k, mapping, start, end);
  // D5: the size does not protect a hole. What was faulted back in before its page left the cache would stay mapped.
  if (!k.defectsKept) yield* unmapMappingRange(k, mapping, first, last, true);
  yield* inode.truncateRange(start, end);
  mapping.iAllocSem.upWrite();
  mapping.iSem.upWrite();
  return 0;
}

/** truncate_inode_pages: the page cache from byte `start` on goes. */
export function truncateInodePages(k: Kernel, mapping: AddressSpace, start: number): Op<void> {
  return truncateInodePagesRange(k, mapping, start, Infinity);
}

/**
 * truncate_inode_pages_range: pages of bytes [start, end) leave the cache; a page that `start` lies inside of keeps its
 * head and reads as zero behind it. A first pass takes what nobody has locked, the others wait, until none is left.
 * @param end the end of a page, or Infinity.
 */
export function* truncateInodePagesRange(k: Kernel, mapping: AddressSpace, start: number, end: number): Op<void> {
  const { pageSize } = k.memory;
  const first = Math.ceil(start / pageSize);
  const last = end / pageSize;
  if (mapping.pages.size === 0) return;
  let batched = 0;
  for (const index of indexesIn(mapping, first, last)) {
    truncateIdlePage(k, mapping, index);
    if (++batched % BATCH === 0 && k.inject.needResched?.('truncate_inode_pages')) yield condResched(k);
  }
  if (start % pageSize !== 0) yield* truncatePartialPage(k, mapping, first - 1, start % pageSize);
  for (;;) {
    const left = indexesIn(mapping, first, last);
    if (left.length === 0) return;
    for (const index of left) yield* truncatePage(k, mapping, index);
  }
}

/** A page that is neither locked nor being written: nothing to wait for. */
function truncateIdlePage(k: Kernel, mapping: AddressSpace, index: number): void {
  const page = mapping.pages.get(index);
  if (page === undefined || ((k.map.flags[page] as number) & (PG_LOCKED | PG_WRITEBACK)) !== 0) return;
  removeFromPageCache(k, mapping, index);
}

function* truncatePage(k: Kernel, mapping: AddressSpace, index: number): Op<void> {
  const page = findGetPage(k, mapping, index);
  if (page < 0) return;
  if (!tryLockPage(k, page)) yield* waitForPage(k, page);
  yield* waitOnWriteback(k, page);
  // It may have gone another way while we waited.
  if (mapping.pages.get(index) === page) removeFromPageCache(k, mapping, index);
  unlockPage(k, page);
  k.pages.put(page);
}

function* truncatePartialPage(k: Kernel, mapping: AddressSpace, index: number, offset: number): Op<void> {
  const page = findGetPage(k, mapping, index);
  if (page < 0) return;
  if (!tryLockPage(k, page)) yield* waitForPage(k, page);
  yield* waitOnWriteback(k, page);
  if (mapping.pages.get(index) === page) zeroTail(k, page, offset);
  unlockPage(k, page);
  k.pages.put(page);
}

/** Indexes of cached pages in [first, last). */
function indexesIn(mapping: AddressSpace, first: number, last: number): number[] {
  const found: number[] = [];
  if (last - first < mapping.pages.size) {
    for (let index = first; index < last; index++) if (mapping.pages.has(index)) found.push(index);
  } else {
    for (const index of mapping.pages.keys()) if (index >= first && index < last) found.push(index);
  }
  return found;
}

/** memclear_highpage: bytes from `offset` to the end of a page become zero. */
function zeroTail(k: Kernel, page: number, offset: number): void {
  const { memory } = k;
  if (memory.slot[page] === 0) return;
  for (let at = offset; at < memory.pageSize; at++) memory.storeByte(page, at, 0);
}
