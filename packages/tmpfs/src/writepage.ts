/** From the page cache to swap (shmem_writepage, generic-mm 14.4), and back for swapoff (shmem_unuse). */
import {
  getSwapPage,
  KernelBug,
  moveFromSwapCache,
  moveToSwapCache,
  type Op,
  swapFree,
  unlockPage,
  WRITEPAGE_ACTIVATE,
} from '@fourfold/core/fs';
import type { ShmemInode } from './inode.js';

/**
 * a_ops.writepage: the page moves to the swap cache, where a later pass writes it to its slot.
 * @param page locked, unmapped, its dirty bit cleared.
 * @returns 0 with the page unlocked, or WRITEPAGE_ACTIVATE with it dirty again and still locked.
 */
export function* writepage(inode: ShmemInode, page: number): Op<number> {
  const { k, lock, mapping } = inode;
  if (k.map.mapcount[page] !== 0) throw new KernelBug(`writepage of page ${page}, which is mapped`);
  const entry = inode.isLocked ? 0 : getSwapPage(k);
  if (entry !== 0) {
    if (!lock.tryLock()) yield* lock.wait();
    inode.recalc();
    const index = k.map.index[page] as number;
    // Behind nextIndex, or without its index page, it is about to be truncated.
    const isGoing = index >= inode.nextIndex || !inode.vector.reaches(index);
    if (!isGoing && moveToSwapCache(k, mapping, index, page, entry) === 0) {
      inode.vector.setEntry(index, entry);
      inode.swapped++;
      inode.shmem.swapList.add(inode);
      lock.unlock();
      unlockPage(k, page);
      return 0;
    }
    lock.unlock();
    swapFree(k, entry);
  }
  inode.setPageDirty(page);
  return WRITEPAGE_ACTIVATE;
}

/**
 * shmem_unuse_inode: takes `entry` out of the vector if it is there; its page, locked and in the swap cache, becomes the
 * file's again.
 */
export function* unuseInode(inode: ShmemInode, entry: number, page: number): Op<boolean> {
  const { k, lock, vector } = inode;
  if (!lock.tryLock()) yield* lock.wait();
  let found = false;
  for (const at of vector.used(inode.nextIndex)) {
    if (at.entry !== entry) continue;
    found = true;
    if (moveFromSwapCache(k, inode.mapping, at.index, page) === 0) {
      inode.pageIn = true;
      vector.setEntry(at.index, 0);
      inode.swapped--;
    }
    // Even when the entry stays behind: swapoff goes on as if it were gone, and puts the count right.
    swapFree(k, entry);
    break;
  }
  lock.unlock();
  return found;
}
