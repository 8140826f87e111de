/**
 * hugetlbfs_file_mmap: what a mapping of huge pages must be, and how long it makes its file. No page is allocated and none
 * set aside: the test against the pool is a spot check.
 */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { VM_HUGETLB, VM_MAYSHARE, VM_RESERVED, VM_WRITE } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';
import { poolOf } from './entry.js';
import type { HugeFile } from './hugetlbfs.js';

/** f_op.mmap of a hugetlbfs file. mmap_sem is held for writing. 0, or a negative errno. */
export function* mapHugeFile(k: Kernel, file: HugeFile, vma: Vma): Op<number> {
  const { format } = poolOf(k);
  // Nothing copies huge pages on write yet.
  if ((vma.flags & (VM_MAYSHARE | VM_WRITE)) === VM_WRITE) return -ERRNO.EINVAL;
  const isWhole = [vma.pgoff, vma.start, vma.end].every((page) => page % format.pages === 0);
  if (!isWhole || vma.pages < format.pages) return -ERRNO.EINVAL;
  if (!poolOf(k).isEnough(pagesNeeded(k, file, vma))) return -ERRNO.ENOMEM;
  const { iSem } = file.mapping;
  if (!iSem.tryWrite()) yield* iSem.waitWrite();
  vma.flags |= VM_HUGETLB | VM_RESERVED;
  const length = (vma.pgoff + vma.pages) * k.memory.pageSize;
  const error = (vma.flags & VM_WRITE) === 0 && length > file.size ? -ERRNO.ENOMEM : 0;
  if (error === 0) {
    k.mmu.hugetlbHook(vma.mm);
    if (file.size < length) file.size = length;
  }
  iSem.upWrite();
  return error;
}

/**
 * huge_pages_needed: huge pages of the area that the page cache lacks.
 *
 * D18: the original counts the cached pages whose index, in huge pages, lies among the area's offsets in base pages: too many
 * near the start of a file, where the difference wraps around and nothing is ever enough, and too few further up.
 */
function pagesNeeded(k: Kernel, file: HugeFile, vma: Vma): number {
  const unit = k.defectsKept ? 1 : poolOf(k).format.pages;
  const first = vma.pgoff / unit;
  const end = (vma.pgoff + vma.pages) / unit;
  let needed = vma.pages / poolOf(k).format.pages;
  for (const index of file.mapping.pages.keys()) if (index >= first && index < end) needed--;
  return needed < 0 ? Infinity : needed;
}
