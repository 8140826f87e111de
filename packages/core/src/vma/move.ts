/** move_vma and copy_vma: the second half of mremap, when a mapping goes elsewhere (generic-mm 9.8). */
import { ERRNO } from '../errors.js';
import { makePagesPresent } from '../gup/get-user-pages.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { statAccount, unchargeMemory } from './accounting.js';
import { VM_ACCOUNT, VM_LOCKED } from './flags.js';
import { linkVma } from './link.js';
import { vmaMerge } from './merge.js';
import type { Mm } from './mm.js';
import { movePageTables } from './move-ptes.js';
import { doMunmap } from './munmap.js';
import { copyVmaFields } from './split.js';
import type { Vma } from './vma.js';

/**
 * Moves `oldPages` pages of `vma` from page `from` to a mapping of `newPages` pages at page `to`. mmap_sem is held for
 * writing. With oldPages 0 the old mapping stays and the new one is a second view of the same file.
 * @returns `to`, or -ENOMEM with everything where it was.
 */
export function* moveVma(
  k: Kernel,
  mm: Mm,
  vma: Vma,
  from: number,
  oldPages: number,
  newPages: number,
  to: number,
): Op<number> {
  // The move may need three areas more than there are: the copy, and two pieces of the old one.
  if (mm.vmas.size >= k.maxMapCount - 3) return -ERRNO.ENOMEM;
  const copy = copyVma(k, mm, vma, to, newPages, vma.indexOf(from));
  // The new place may have merged with the old area itself.
  const source = mm.vmas.containing(from) as Vma;
  const moved = yield* movePageTables(k, source, copy, from, to, oldPages);
  if (moved === oldPages) {
    const locked = (source.flags & VM_LOCKED) !== 0;
    yield* takeAway(k, mm, source, from, oldPages, newPages);
    if (locked) {
      mm.lockedVm += newPages;
      if (newPages > oldPages) yield* makePagesPresent(k, mm, to + oldPages, to + newPages);
    }
    return to;
  }
  yield* movePageTables(k, copy, source, to, from, moved);
  const locked = (copy.flags & VM_LOCKED) !== 0;
  yield* takeAway(k, mm, copy, to, newPages, newPages);
  if (locked) mm.lockedVm += newPages;
  return -ERRNO.ENOMEM;
}

/**
 * Unmaps [start, start + pages) of `vma`, whose charge has moved elsewhere with the `added` pages that join the mm:
 * VM_ACCOUNT is concealed meanwhile and comes back on what is left of the area.
 */
function* takeAway(k: Kernel, mm: Mm, vma: Vma, start: number, pages: number, added: number): Op<void> {
  const accounted = (vma.flags & VM_ACCOUNT) !== 0;
  let left = 0;
  let splits = false;
  if (accounted) {
    vma.flags &= ~VM_ACCOUNT;
    left = vma.pages - pages;
    splits = start > vma.start && start + pages < vma.end;
  }
  // total_vm is too high until the unmap: the peak must not see it.
  const { hiwaterVm } = mm;
  mm.totalVm += added;
  statAccount(mm, vma.flags, vma.file, added);
  if ((pages === 0 ? -ERRNO.EINVAL : yield* doMunmap(k, mm, start, pages)) < 0) {
    unchargeMemory(k, left);
    left = 0;
  }
  mm.hiwaterVm = hiwaterVm;
  if (left === 0) return;
  vma.flags |= VM_ACCOUNT;
  if (splits && vma.next !== null) vma.next.flags |= VM_ACCOUNT;
}

/** copy_vma: an area like `vma` at another place, merged with what is there if it can be. */
function copyVma(k: Kernel, mm: Mm, vma: Vma, start: number, pages: number, index: number): Vma {
  // Anonymous pages that were never touched have no index yet: number them by the new place.
  const pgoff = vma.file === null && vma.anonVma === null ? start : index;
  const end = start + pages;
  const merged = vmaMerge(k, mm, mm.vmas.before(start), start, end, vma.flags, vma.anonVma, vma.file, pgoff);
  if (merged !== null) return merged;
  const copy = copyVmaFields(vma, start, end, pgoff);
  linkVma(k, copy);
  return copy;
}
