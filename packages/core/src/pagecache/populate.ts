/**
 * filemap_populate (generic-mm 9.14): maps pages of a file with a page cache, for MAP_POPULATE and remap_file_pages. No
 * fault is counted.
 */
import { ERRNO } from '../errors.js';
import { type MappedFile, NOPAGE_SIGBUS, type Nopage, type PagedInode } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { VM_NONLINEAR } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';
import { installFileEntry, installFilePage } from './install-page.js';

/** How a file finds a page by its index: as nopage does, for no area in particular. */
export type PageFinder = (index: number, out: Nopage) => Op<void>;

/**
 * Maps file pages from `pgoff` on at pages [start, start + pages) of a shared area.
 * @param nonblock takes only what is cached; the rest of a nonlinear area gets file entries.
 * @returns 0; -EINVAL beyond the end of the file, -ENOMEM.
 */
export function* filemapPopulate(
  k: Kernel,
  vma: Vma,
  start: number,
  pages: number,
  pgoff: number,
  nonblock: boolean,
  find: PageFinder,
): Op<number> {
  const inode = (vma.file as MappedFile).inode as PagedInode;
  const found: Nopage = { page: NOPAGE_SIGBUS, major: false };
  if (!nonblock) inode.readAhead?.(pgoff, pgoff + pages);
  for (let i = 0; i < pages; i++) {
    // What is left of the range has to fit, not only its next page.
    if (pgoff + pages > Math.ceil(inode.size / k.memory.pageSize)) return -ERRNO.EINVAL;
    let error = 0;
    if (!nonblock || inode.mapping.pages.has(pgoff + i)) {
      yield* find(pgoff + i, found);
      if (found.page < 0) return -ERRNO.ENOMEM;
      error = yield* installFilePage(k, vma, start + i, found.page);
      if (error < 0) k.pages.put(found.page);
    } else if ((vma.flags & VM_NONLINEAR) !== 0) {
      error = yield* installFileEntry(k, vma, start + i, pgoff + i);
    }
    if (error < 0) return error;
  }
  return 0;
}
