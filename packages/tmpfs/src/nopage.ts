/** Faults on a tmpfs file (shmem_nopage, generic-mm 14.3). */
import {
  ERRNO,
  ended,
  markPageAccessed,
  NOPAGE_OOM,
  NOPAGE_SIGBUS,
  type Nopage,
  type Op,
  type Vma,
} from '@fourfold/core/fs';
import { getPage, getPageNow, MUST_WAIT, SGP_CACHE } from './getpage.js';
import type { ShmemInode } from './inode.js';

/**
 * vm_ops.nopage: SIGBUS beyond i_size and for everything that is no lack of memory. An operation that has ended already
 * unless something has to be waited for.
 */
export function nopage(inode: ShmemInode, vma: Vma, vpn: number, out: Nopage): Op<void> {
  const index = vma.indexOf(vpn);
  // Below 0: an area that grew down beyond the start of its file. The kernel's index is unsigned.
  if (index < 0 || index * inode.k.memory.pageSize >= inode.size) {
    out.page = NOPAGE_SIGBUS;
    out.major = false;
    return ended();
  }
  const result = getPageNow(inode, index, SGP_CACHE, out);
  if (result === MUST_WAIT) return waitForPage(inode, index, out);
  answer(inode, result, out);
  return ended();
}

function* waitForPage(inode: ShmemInode, index: number, out: Nopage): Op<void> {
  answer(inode, yield* getPage(inode, index, SGP_CACHE, out), out);
}

function answer(inode: ShmemInode, result: number, out: Nopage): void {
  if (result < 0) out.page = result === -ERRNO.ENOMEM ? NOPAGE_OOM : NOPAGE_SIGBUS;
  else markPageAccessed(inode.k, out.page);
}
