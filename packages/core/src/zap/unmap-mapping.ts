/** unmap_mapping_range and vmtruncate (generic-mm 7.4-7.6): taking a file's pages out of every process that maps them. */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { AddressSpace } from '../pagecache/address-space.js';
import type { DiskFile } from '../pagecache/disk-file.js';
import { removeFromPageCache } from '../pagecache/page-cache.js';
import type { Op } from '../smp/lock.js';
import { zapPageRange } from './zap.js';

/**
 * unmap_mapping_range: unmaps file pages [first, last) from every area, private copies too when `evenCows`.
 * @param last exclusive; Infinity for the rest of the file.
 */
export function* unmapMappingRange(
  k: Kernel,
  space: AddressSpace,
  first: number,
  last: number,
  evenCows: boolean,
): Op<void> {
  if (!space.lock.tryLock()) yield* space.lock.wait();
  space.truncateCount++;
  const details = { checkMapping: evenCows ? 0 : space.handle };
  for (const vma of space.linear) {
    const start = Math.max(first, vma.pgoff);
    const end = Math.min(last, vma.pgoff + vma.pages);
    if (start < end) zapPageRange(k, vma, vma.start + (start - vma.pgoff), vma.start + (end - vma.pgoff), details);
    vma.truncateCount = space.truncateCount;
  }
  space.lock.unlock();
}

/** vmtruncate: sets a file's size in bytes; what lies beyond is unmapped, private copies included. 0 or -errno. */
export function* vmtruncate(k: Kernel, file: DiskFile, size: number): Op<number> {
  if (size < 0) return -ERRNO.EINVAL;
  if (size > file.size) {
    file.size = size;
    return 0;
  }
  file.size = size;
  const { pageSize } = k.memory;
  const firstGone = Math.ceil(size / pageSize);
  yield* unmapMappingRange(k, file.mapping, firstGone, Infinity, true);
  for (const index of [...file.mapping.pages.keys()]) {
    if (index >= firstGone) removeFromPageCache(k, file.mapping, index);
  }
  // The rest of a partial last page reads as zero from now on.
  const partial = file.mapping.pages.get(firstGone - 1);
  if (size % pageSize !== 0 && partial !== undefined) {
    for (let at = size % pageSize; at < pageSize; at++) k.memory.storeByte(partial, at, 0);
    file.setPageDirty(partial);
  }
  file.freeBlocks(size);
  return 0;
}
