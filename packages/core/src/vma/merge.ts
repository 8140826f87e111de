/**
 * vma_merge: joining a range with the areas beside it instead of making an area of its own (generic-mm 9.3).
 *
 * The range [start, end) is either free (mmap, brk, mremap) or part of the area behind `prev` (mprotect, mlock,
 * madvise), which is about to get `flags`. Which of the kernel's eight cases applies follows from where the range lies:
 *
 *   1 free, joins both sides     2 free, joins prev         3 free, joins next
 *   4 tail of prev goes to next  5 head of next goes to prev
 *   6 a whole area joins both    7 a whole area joins prev  8 a whole area joins next
 */
import type { MappedFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { AnonVma } from '../rmap/anon-vma.js';
import { adjustVma } from './adjust.js';
import { VM_SPECIAL } from './flags.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';

/**
 * Merges [start, end) with its neighbours if they are alike.
 * @param prev the area before the range (it may reach into it: case 4), or null at the bottom of the mm.
 * @param pgoff page offset of `start` in the file or in the numbering of anonymous pages.
 * @returns the area that covers the range now, or null. Its flags are `flags`, except in case 8: the caller sets them.
 */
export function vmaMerge(
  k: Kernel,
  mm: Mm,
  prev: Vma | null,
  start: number,
  end: number,
  flags: number,
  anonVma: AnonVma | null,
  file: MappedFile | null,
  pgoff: number,
): Vma | null {
  if ((flags & VM_SPECIAL) !== 0) return null;
  const area = prev === null ? mm.vmas.first : prev.next;
  // Cases 6, 7 and 8: the range is all of `area`, its neighbour is the one behind.
  const next = area !== null && area.end === end ? area.next : area;
  const joinsNext =
    next !== null && next.start === end && isAlike(next, flags, anonVma, file) && next.pgoff === pgoff + (end - start);
  if (prev !== null && prev.end === start && isAlike(prev, flags, anonVma, file) && prev.pgoff + prev.pages === pgoff) {
    const both = joinsNext && anonVmasAgree(prev.anonVma, next.anonVma);
    adjustVma(k, prev, prev.start, both ? next.end : end, prev.pgoff, null);
    return prev;
  }
  if (!joinsNext) return null;
  if (prev !== null && start < prev.end) {
    adjustVma(k, prev, prev.start, start, prev.pgoff, null);
    return next;
  }
  adjustVma(k, area as Vma, start, next.end, next.pgoff - (end - start), null);
  return area;
}

/**
 * is_mergeable_vma and is_mergeable_anon_vma: whether `vma` could be of one piece with a range of these properties,
 * page offsets aside. All flags count, the hints and VM_ACCOUNT included, and the open file, not the inode.
 */
export function isAlike(vma: Vma, flags: number, anonVma: AnonVma | null, file: MappedFile | null): boolean {
  return (
    vma.flags === flags && vma.file === file && vma.ops?.close === undefined && anonVmasAgree(vma.anonVma, anonVma)
  );
}

/** One is missing, or both are the same. */
function anonVmasAgree(a: AnonVma | null, b: AnonVma | null): boolean {
  return a === null || b === null || a === b;
}
