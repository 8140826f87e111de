/** unmap_mapping_range (generic-mm 7.4): taking a file's pages out of every process that maps them. */
import type { Kernel } from '../kernel.js';
import type { AddressSpace } from '../pagecache/address-space.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import type { Vma } from '../vma/vma.js';
import { needsBreak, type ZapDetails } from './details.js';
import { zapPageRange } from './zap.js';

/** A page.mapping that no page has: of a file that never cached one. */
const NO_PAGE = -1;

/**
 * unmap_mapping_range: unmaps file pages [first, last) from every area, private copies too when `evenCows`.
 *
 * It is done in pieces, for i_mmap_lock is let go whenever others want to run: an area that is done carries this
 * truncation's count, one that is half done the address to go on from. Counts that look like addresses, whole pages, are
 * never used for that reason.
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
  const count = nextTruncateCount(k, space);
  const details: ZapDetails = {
    checkMapping: evenCows ? 0 : space.handle || NO_PAGE,
    firstIndex: first,
    lastIndex: last - 1,
    nonlinear: null,
    lock: space.lock,
    busy: null,
  };
  while (yield* unmapUntilBreak(k, space, details, count)) {
    space.lock.unlock();
    yield details.busy ?? condResched(k);
    details.busy = null;
    if (!space.lock.tryLock()) yield* space.lock.wait();
  }
  space.lock.unlock();
}

/** Goes through the file's areas that are not done yet; true when i_mmap_lock has to be let go before the rest. */
function* unmapUntilBreak(k: Kernel, space: AddressSpace, details: ZapDetails, count: number): Op<boolean> {
  const { firstIndex: first, lastIndex: last } = details;
  details.nonlinear = null;
  for (const vma of space.linear) {
    if (vma.truncateCount === count || vma.pgoff > last || vma.pgoff + vma.pages <= first) continue;
    const start = Math.max(vma.start, vma.start + (first - vma.pgoff));
    const end = Math.min(vma.end, vma.start + (last + 1 - vma.pgoff));
    if (yield* unmapFromArea(k, vma, start, end, details, count)) return true;
  }
  for (const vma of space.nonlinear) {
    if (vma.truncateCount === count) continue;
    details.nonlinear = vma;
    if (yield* unmapFromArea(k, vma, vma.start, vma.end, details, count)) return true;
  }
  return false;
}

/**
 * unmap_mapping_range_vma: zaps [first, end) of one area, from where an earlier piece of the work left it.
 * @returns whether i_mmap_lock has to be let go; truncateCount says whether the area is done.
 */
function* unmapFromArea(
  k: Kernel,
  vma: Vma,
  first: number,
  end: number,
  details: ZapDetails,
  count: number,
): Op<boolean> {
  const { pageSize } = k.memory;
  let start = first;
  for (;;) {
    if (vma.truncateCount % pageSize === 0) start = Math.max(start, vma.truncateCount / pageSize);
    // The rest may have been split off since last time.
    const reached = start >= end ? end : yield* zapPageRange(k, vma, start, end, details);
    const breaks = details.busy !== null || needsBreak(k, 'unmap_mapping_range', details.lock);
    vma.truncateCount = reached >= end ? count : reached * pageSize;
    if (reached >= end || breaks) return breaks;
  }
}

/** Raises truncate_count past values that a restart address could have. */
function nextTruncateCount(k: Kernel, space: AddressSpace): number {
  let count = (space.truncateCount + 1) % 2 ** k.arch.wordBits;
  if (count % k.memory.pageSize === 0) {
    if (count === 0) {
      for (const vma of space.linear) vma.truncateCount = 0;
      for (const vma of space.nonlinear) vma.truncateCount = 0;
    }
    count++;
  }
  space.truncateCount = count;
  return count;
}
