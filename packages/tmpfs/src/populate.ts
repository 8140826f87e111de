/** MAP_POPULATE and remap_file_pages of a tmpfs file (shmem_populate, generic-mm 9.14). */
import {
  ERRNO,
  installFileEntry,
  installFilePage,
  markPageAccessed,
  NOPAGE_SIGBUS,
  type Nopage,
  type Op,
  VM_NONLINEAR,
  type Vma,
} from '@fourfold/core/fs';
import { getPage, SGP_CACHE, SGP_QUICK } from './getpage.js';
import type { ShmemInode } from './inode.js';

/**
 * vm_ops.populate: maps file pages from `pgoff` on at pages [start, start + pages).
 * @param nonblock takes only what is in memory; the rest of a nonlinear area gets file entries.
 * @returns 0, or a negative errno: -EINVAL when the file ends before the range does.
 */
export function* populate(
  inode: ShmemInode,
  vma: Vma,
  start: number,
  pages: number,
  pgoff: number,
  nonblock: boolean,
): Op<number> {
  const { k } = inode;
  const found: Nopage = { page: NOPAGE_SIGBUS, major: false };
  if (pgoff + pages > Math.ceil(inode.size / k.memory.pageSize)) return -ERRNO.EINVAL;
  for (let i = 0; i < pages; i++) {
    let error = yield* getPage(inode, pgoff + i, nonblock ? SGP_QUICK : SGP_CACHE, found);
    if (error < 0) return error;
    if (found.page >= 0) {
      markPageAccessed(k, found.page);
      error = yield* installFilePage(k, vma, start + i, found.page);
      if (error < 0) k.pages.put(found.page);
    } else if ((vma.flags & VM_NONLINEAR) !== 0) {
      error = yield* installFileEntry(k, vma, start + i, pgoff + i);
    }
    if (error < 0) return error;
  }
  return 0;
}
