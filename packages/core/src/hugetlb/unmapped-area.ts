/**
 * Room for a mapping of huge pages: hugetlbfs_get_unmapped_area and what some machines have in its place, upward, as the mm
 * does, or in a range of its own. Which of them a machine uses is data of its HugeFormat; one that opens areas for huge
 * pages searches in its Mmu.
 */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';
import { holeEndAt } from '../vma/unmapped-area.js';
import { fitsRegion } from '../vma/unmapped-region.js';
import { toPages } from '../vma/words.js';
import { poolOf } from './entry.js';

/**
 * Finds room for `pages` base pages of huge pages.
 * @param addr in bytes, a wish; 0 for none.
 * @returns the first page, or -EINVAL or -ENOMEM.
 */
export function hugeUnmappedArea(k: Kernel, mm: Mm, addr: bigint, pages: number): number {
  const { format } = poolOf(k);
  if (pages % format.pages !== 0) return -ERRNO.EINVAL;
  if (pages > k.arch.layout.taskSizePages) return -ERRNO.ENOMEM;
  const hint = toPages(k, addr);
  const own = k.mmu.hugeUnmappedArea(mm, hint, pages);
  if (own !== null) return own;
  if (format.rangeStart >= 0) return searchRange(k, mm, hint, pages);
  if (addr !== 0n) {
    const wish = roundUp(hint, format.pages);
    if (isFree(k, mm, wish, pages)) return wish;
  }
  if (!format.followsMm) return upward(k, mm, pages, false);
  return mm.topDown ? downward(k, mm, pages) : upward(k, mm, pages, true);
}

/** The lowest free place in the range that is for huge pages alone, from the hint on if it lies there. */
function searchRange(k: Kernel, mm: Mm, hint: number, pages: number): number {
  const { format } = poolOf(k);
  const isUsable = format.inRange(hint) && hint % format.pages === 0;
  let at = isUsable ? hint : format.rangeStart;
  for (let vma = mm.vmas.find(at); fitsRegion(k, at, pages); vma = vma.next) {
    if (vma === null || at + pages <= vma.start) return at;
    at = roundUp(vma.end, format.pages);
  }
  return -ERRNO.ENOMEM;
}

/** First fit from the free-area cache, then once from the base. `notes`: what was found is remembered for the next search. */
function upward(k: Kernel, mm: Mm, pages: number, notes: boolean): number {
  const { layout } = k.arch;
  const step = poolOf(k).format.pages;
  const base = layout.unmappedBase;
  let start = mm.freeAreaCache;
  if (pages <= mm.cachedHoleSize) {
    start = base;
    if (notes) mm.cachedHoleSize = 0;
  }
  for (;;) {
    let at = roundUp(start, step);
    for (let vma = mm.vmas.find(at); ; vma = vma.next) {
      for (let hole = holeEndAt(layout, at, pages); hole >= 0; hole = holeEndAt(layout, at, pages)) {
        at = roundUp(hole, step);
        vma = mm.vmas.find(at);
      }
      if (at > layout.taskSizePages - pages) break;
      if (vma === null || at + pages <= vma.start) {
        if (notes) mm.freeAreaCache = at + pages;
        return at;
      }
      if (notes && at + mm.cachedHoleSize < vma.start) mm.cachedHoleSize = vma.start - at;
      at = roundUp(vma.end, step);
    }
    if (start === base) return -ERRNO.ENOMEM;
    start = base;
    if (notes) mm.cachedHoleSize = 0;
  }
}

/** From the free-area cache down, once more from the base, and at last upward. */
function downward(k: Kernel, mm: Mm, pages: number): number {
  mm.freeAreaCache = Math.min(mm.freeAreaCache, mm.mmapBase);
  if (pages <= mm.cachedHoleSize) {
    mm.cachedHoleSize = 0;
    mm.freeAreaCache = mm.mmapBase;
  }
  let found = downwardFrom(k, mm, pages);
  if (found < 0) {
    mm.freeAreaCache = mm.mmapBase;
    mm.cachedHoleSize = 0;
    found = downwardFrom(k, mm, pages);
  }
  if (found >= 0) return found;
  mm.freeAreaCache = k.arch.layout.unmappedBase;
  mm.cachedHoleSize = Number.POSITIVE_INFINITY;
  found = upward(k, mm, pages, true);
  mm.freeAreaCache = mm.mmapBase;
  mm.cachedHoleSize = Number.POSITIVE_INFINITY;
  return found;
}

function downwardFrom(k: Kernel, mm: Mm, pages: number): number {
  const step = poolOf(k).format.pages;
  let hole = mm.cachedHoleSize;
  let at = roundDown(mm.freeAreaCache - pages, step);
  while (at >= 0) {
    const vma = mm.vmas.find(at);
    if (vma === null) return at;
    if (at + pages <= vma.start) {
      mm.cachedHoleSize = hole;
      mm.freeAreaCache = at;
      return at;
    }
    // The cache comes down to the first hole there is.
    if (mm.freeAreaCache === vma.end) {
      mm.freeAreaCache = vma.start;
      mm.cachedHoleSize = hole;
    }
    if (at + hole < vma.start) hole = vma.start - at;
    at = roundDown(vma.start - pages, step);
  }
  return -ERRNO.ENOMEM;
}

function isFree(k: Kernel, mm: Mm, start: number, pages: number): boolean {
  const { layout } = k.arch;
  if (start > layout.taskSizePages - pages || holeEndAt(layout, start, pages) >= 0) return false;
  return mm.vmas.intersecting(start, start + pages) === null;
}

function roundUp(page: number, step: number): number {
  return Math.ceil(page / step) * step;
}

function roundDown(page: number, step: number): number {
  return Math.floor(page / step) * step;
}
