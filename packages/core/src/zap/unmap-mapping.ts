/** unmap_mapping_range (generic-mm 7.4): taking a file's pages out of every process that maps them. */
import type { Kernel } from '../kernel.js';
import type { AddressSpace } from '../pagecache/address-space.js';
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
