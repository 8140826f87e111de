/** Where the memory of a screen is mapped. */
import type { MappedFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';
import { MAP_SHARED } from '../vma/mmap-bits.js';
import { searchUnmapped } from '../vma/unmapped-area.js';

/**
 * get_fb_unmapped_area: aligned for the largest run that the mapping is long enough for, else for a smaller one. The place is looked
 * for as that of private memory, with so much more room, of which what is not needed stays free.
 */
export function frameBufferArea(
  k: Kernel,
  mm: Mm,
  file: MappedFile,
  addr: bigint,
  pages: number,
  pgoff: number,
  flags: number,
): number {
  const { ioRemap } = k.arch;
  if (ioRemap === null) return searchUnmapped(k, mm, file, addr, pages, pgoff, flags);
  for (const run of ioRemap.runs) {
    if (run.pages > pages) continue;
    const at = searchUnmapped(k, mm, null, addr, pages + run.pages - 1, pgoff, flags & ~MAP_SHARED);
    if (at >= 0) return Math.ceil(at / run.pages) * run.pages;
  }
  return searchUnmapped(k, mm, null, addr, pages, pgoff, flags & ~MAP_SHARED);
}
