/**
 * get_unmapped_area: choosing the address of a mapping (generic-mm 9.2, and what the machines' own versions add). What
 * differs between machines is data of their Layout: address holes, cache colours, regions, the longest mapping.
 *
 * `mm.freeAreaCache` is where the next search starts and `mm.cachedHoleSize` the largest gap known to lie on the wrong
 * side of it; Infinity means that nothing is known, so the next search starts from the base.
 */
import type { Layout } from '../arch/layout.js';
import { ERRNO } from '../errors.js';
import type { MappedFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from './mm.js';
import { MAP_32BIT, MAP_FIXED, MAP_SHARED } from './mmap-bits.js';
import { regionUnmappedArea } from './unmapped-region.js';
import { isUnaligned, pageAlign, taskSize, toAddress, toPages } from './words.js';

/**
 * Finds room for `pages` pages.
 * @param addr the address asked for, in bytes: binding with MAP_FIXED, else a hint (0 none).
 * @param pgoff page offset in the file, for cache colours.
 * @returns the first page, or -ENOMEM or -EINVAL.
 */
export function getUnmappedArea(
  k: Kernel,
  mm: Mm,
  file: MappedFile | null,
  addr: bigint,
  pages: number,
  pgoff: number,
  flags: number,
): number {
  const isHuge = file !== null && file.inode.isHuge === true;
  let start = toPages(k, addr);
  if ((flags & MAP_FIXED) === 0) {
    start =
      file?.inode.unmappedArea?.(mm, file, addr, pages, pgoff, flags) ??
      searchUnmapped(k, mm, file, addr, pages, pgoff, flags);
    if (start < 0) return start;
  } else {
    if (addr > taskSize(k) - toAddress(k, pages)) return -ERRNO.ENOMEM;
    if (isUnaligned(k, addr)) return -ERRNO.EINVAL;
  }
  const refused = isHuge ? k.mmu.prepareHugepageRange(mm, start, pages) !== 0 : isForHugePages(k, mm, start, pages);
  return refused ? -ERRNO.EINVAL : start;
}

/** is_hugepage_only_range: whether ordinary pages have no place in some of `pages` pages from `start`. */
export function isForHugePages(k: Kernel, mm: Mm, start: number, pages: number): boolean {
  return k.arch.huge?.reserves === true && k.mmu.isHugepageOnlyRange(mm, start, pages);
}

/** arch_unmap_area, called for the gap an unmap leaves: it ends at `prevEnd` below and `nextStart` above. */
export function noteUnmapped(k: Kernel, mm: Mm, prevEnd: number | null, nextStart: number | null): void {
  if (mm.topDown) {
    mm.freeAreaCache = Math.min(mm.mmapBase, Math.max(mm.freeAreaCache, nextStart ?? mm.mmapBase));
    return;
  }
  const at = prevEnd ?? mm.mmapBase;
  if (at < k.arch.layout.unmappedBase || at >= mm.freeAreaCache) return;
  mm.freeAreaCache = at;
  mm.cachedHoleSize = Number.POSITIVE_INFINITY;
}

/** The first hole of the address space that [start, start + pages) touches, as its end page; -1 when it touches none. */
export function holeEndAt(layout: Layout, start: number, pages: number): number {
  const { holes } = layout;
  for (let i = 0; i < holes.length; i += 2) {
    if (start < (holes[i + 1] as number) && start + pages > (holes[i] as number)) return holes[i + 1] as number;
  }
  return -1;
}

/** What a machine with holes says to a call about `length` bytes at `addr`, before the generic code does: whether it is refused. */
export function outOfReach(k: Kernel, addr: bigint, length: bigint): boolean {
  const { layout } = k.arch;
  if (layout.holes.length === 0) return false;
  const start = toPages(k, addr);
  const pages = Math.ceil(Number(addr + length) / k.memory.pageSize) - start;
  return pages > layout.maxLengthPages || holeEndAt(layout, start, pages) >= 0;
}

/** arch_get_unmapped_area: the machine's search for any mapping. `file` and MAP_SHARED decide about colours. */
export function searchUnmapped(
  k: Kernel,
  mm: Mm,
  file: MappedFile | null,
  addr: bigint,
  pages: number,
  pgoff: number,
  flags: number,
): number {
  const { layout, huge } = k.arch;
  const low = (flags & MAP_32BIT) === 0 ? null : layout.map32;
  const end = low === null ? layout.taskSizePages : low.end;
  if (pages > end || pages > layout.maxLengthPages) return -ERRNO.ENOMEM;
  if (layout.regionPages !== 0) {
    const wish = huge?.inRange(toPages(k, addr)) === true ? 0n : addr;
    return regionUnmappedArea(k, mm, wish, pages, (flags & MAP_SHARED) !== 0);
  }
  const coloured = layout.colourPages > 1 && (file !== null || (flags & MAP_SHARED) !== 0);
  const step = coloured ? layout.colourPages : 1;
  const phase = coloured ? ((pgoff % step) + step) % step : 0;
  if (addr !== 0n) {
    const hint = colourAlign(toPages(k, pageAlign(k, addr)), step, phase);
    // The kernel would take a hint that reaches into a hole; what lies there shares its page-table entries with others.
    const reachable = end - pages >= hint && holeEndAt(layout, hint, pages) < 0;
    if (reachable && isFree(mm, hint, pages) && !isForHugePages(k, mm, hint, pages)) return hint;
  }
  if (low !== null) return bottomUp(k, mm, pages, step, phase, low.start, end, true);
  return mm.topDown ? topDown(k, mm, pages, step, phase) : bottomUpAll(k, mm, pages, step, phase);
}

function bottomUpAll(k: Kernel, mm: Mm, pages: number, step: number, phase: number): number {
  const { layout } = k.arch;
  return bottomUp(k, mm, pages, step, phase, layout.unmappedBase, layout.taskSizePages, !layout.forgetsHoles);
}

/** @param holes a mapping no longer than the largest hole known is looked for from the beginning */
function bottomUp(
  k: Kernel,
  mm: Mm,
  pages: number,
  step: number,
  phase: number,
  base: number,
  end: number,
  holes: boolean,
): number {
  const { layout } = k.arch;
  const last = end - pages;
  const areas = k.arch.huge?.opensAreas === true;
  let start = Math.max(base, mm.freeAreaCache);
  if (holes && pages <= mm.cachedHoleSize) {
    start = base;
    mm.cachedHoleSize = 0;
  }
  for (;;) {
    let at = colourAlign(start, step, phase);
    let vma = mm.vmas.find(at);
    for (;;) {
      for (let above = holeEndAt(layout, at, pages); above >= 0; above = holeEndAt(layout, at, pages)) {
        at = above;
        vma = mm.vmas.find(at);
      }
      if (at > last) break;
      if (areas) {
        const past = k.mmu.pastHugeArea(mm, at, pages, true);
        if (past >= 0) {
          at = colourAlign(past, step, phase);
          vma = mm.vmas.find(at);
          continue;
        }
      }
      if (vma === null || at + pages <= vma.start) {
        mm.freeAreaCache = at + pages;
        return at;
      }
      if (at + mm.cachedHoleSize < vma.start) mm.cachedHoleSize = vma.start - at;
      at = colourAlign(vma.end, step, phase);
      vma = vma.next;
    }
    if (start === base) return -ERRNO.ENOMEM;
    start = base;
    mm.cachedHoleSize = 0;
  }
}

function topDown(k: Kernel, mm: Mm, pages: number, step: number, phase: number): number {
  if (pages <= mm.cachedHoleSize) {
    mm.cachedHoleSize = 0;
    mm.freeAreaCache = mm.mmapBase;
  }
  const below = mm.freeAreaCache - pages;
  if (below > 0 && isFree(mm, below, pages) && !isForHugePages(k, mm, below, pages)) {
    mm.freeAreaCache -= pages;
    return mm.freeAreaCache;
  }
  if (mm.mmapBase >= pages) {
    let at = mm.mmapBase - pages;
    for (;;) {
      while (k.arch.huge?.opensAreas === true && at >= 0) {
        const past = k.mmu.pastHugeArea(mm, at, pages, false);
        if (past < 0) break;
        at = past - pages;
      }
      if (at < 0) break;
      const vma = mm.vmas.find(at);
      if (vma === null || at + pages <= vma.start) {
        mm.freeAreaCache = at;
        return at;
      }
      if (at + mm.cachedHoleSize < vma.start) mm.cachedHoleSize = vma.start - at;
      if (pages >= vma.start) break;
      at = vma.start - pages;
    }
  }
  // No room below the base: look above it once, then go on from the base as before.
  mm.cachedHoleSize = Number.POSITIVE_INFINITY;
  const found = bottomUpAll(k, mm, pages, step, phase);
  mm.freeAreaCache = mm.mmapBase;
  mm.cachedHoleSize = Number.POSITIVE_INFINITY;
  return found;
}

function isFree(mm: Mm, start: number, pages: number): boolean {
  const vma = mm.vmas.find(start);
  return vma === null || start + pages <= vma.start;
}

function colourAlign(page: number, step: number, phase: number): number {
  return step === 1 ? page : Math.ceil(page / step) * step + phase;
}
