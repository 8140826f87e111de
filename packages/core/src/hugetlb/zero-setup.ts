/** hugetlb_zero_setup: the file behind a SysV segment of huge pages, on an internal mount without quota. */
import { ERRNO } from '../errors.js';
import { type OpenFile, openFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { canDoMlock, exceedsMemlock } from '../vma/accounting.js';
import { poolOf } from './entry.js';
import { Hugetlbfs } from './hugetlbfs.js';

/**
 * Makes a file of `size` bytes for the process that runs. Its pages count as locked by its user, who gives them back with
 * `HugePool.lockedShm` when the segment goes.
 * @returns an open file, or -EPERM or -ENOMEM.
 */
export function hugetlbZeroSetup(k: Kernel, size: number): OpenFile | number {
  const pool = poolOf(k);
  const { mm } = k.cpu;
  if (mm !== null && !pool.inShmGroup && !canDoMlock(mm)) return -ERRNO.EPERM;
  if (!pool.isEnough(Math.ceil(size / 2 ** pool.format.shift))) return -ERRNO.ENOMEM;
  const pages = Math.ceil(size / k.memory.pageSize);
  if (mm !== null && exceedsMemlock(k, mm, pool.lockedShm + pages)) return -ERRNO.ENOMEM;
  pool.lockedShm += pages;
  pool.internal ??= new Hugetlbfs(k);
  const inode = pool.internal.unnamed('SYSV');
  inode.size = size;
  return openFile(inode);
}
