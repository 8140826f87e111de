/**
 * Address choice and limits of a machine whose address space is cut into regions of which only the start can be mapped
 * (Layout.regionPages and regionLimitPages). The search goes upward from the hint or from the free-area cache and
 * never jumps to the next region: where a region is full it starts over from the base, once. Cached holes play no part.
 */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from './mm.js';
import { pageAlign, toPages } from './words.js';

/** Finds room for `pages` pages; `addr` in bytes is where to start, 0 for no wish. The first page or -ENOMEM. */
export function regionUnmappedArea(k: Kernel, mm: Mm, addr: bigint, pages: number, shared: boolean): number {
  const { layout } = k.arch;
  const step = shared ? layout.colourPages : 1;
  let start = roundUp(addr === 0n ? mm.freeAreaCache : toPages(k, pageAlign(k, addr)), step);
  for (;;) {
    let at = start;
    for (let vma = mm.vmas.find(at); ; vma = vma.next) {
      if (at > layout.taskSizePages - pages || !fitsRegion(k, at, pages)) break;
      if (vma === null || at + pages <= vma.start) {
        mm.freeAreaCache = at + pages;
        return at;
      }
      at = roundUp(vma.end, step);
    }
    if (start === mm.mmapBase) return -ERRNO.ENOMEM;
    start = mm.mmapBase;
  }
}

/** Whether [start, start + pages) lies in the mappable part of one region; true on machines without regions. */
export function fitsRegion(k: Kernel, start: number, pages: number): boolean {
  const { regionPages, regionLimitPages } = k.arch.layout;
  return regionPages === 0 || (start % regionPages) + pages <= regionLimitPages;
}

function roundUp(page: number, step: number): number {
  return Math.ceil(page / step) * step;
}
