/** Faults on a tmpfs file (shmem_nopage, generic-mm 14.3). */
import { ERRNO, markPageAccessed, NOPAGE_OOM, NOPAGE_SIGBUS, type Nopage, type Op, type Vma } from '@fourfold/core/fs';
import { getPage, SGP_CACHE } from './getpage.js';
import type { ShmemInode } from './inode.js';

/** vm_ops.nopage: SIGBUS beyond i_size and for everything that is no lack of memory. */
export function* nopage(inode: ShmemInode, vma: Vma, vpn: number, out: Nopage): Op<void> {
  const index = vma.indexOf(vpn);
  if (index * inode.k.memory.pageSize >= inode.size) {
    out.page = NOPAGE_SIGBUS;
    out.major = false;
    return;
  }
  const error = yield* getPage(inode, index, SGP_CACHE, out);
  if (error < 0) out.page = error === -ERRNO.ENOMEM ? NOPAGE_OOM : NOPAGE_SIGBUS;
  else markPageAccessed(inode.k, out.page);
}
