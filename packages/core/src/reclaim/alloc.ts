/** __alloc_pages beyond its first try: what a generator does when `PageAllocator.alloc` answers -1. */
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';

/** Takes one frame for a caller that may sleep; -1 when there is none to be had. */
export function* allocPage(k: Kernel): Op<number> {
  return k.pages.alloc(0);
}
