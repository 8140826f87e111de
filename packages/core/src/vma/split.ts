/** split_vma: cutting an area in two (generic-mm 9.4). mmap_sem is held for writing. */
import type { HugeFormat } from '../arch/hugetlb.js';
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { adjustVma } from './adjust.js';
import { VM_HUGETLB } from './flags.js';
import { Vma } from './vma.js';

/**
 * Cuts `vma` at page `at`, which lies inside it. `vma` keeps the part above when `newBelow`, else the part below.
 * @returns 0, -EINVAL inside a huge page, or -ENOMEM when the mm has as many areas as it may have.
 */
export function splitVma(k: Kernel, vma: Vma, at: number, newBelow: boolean): number {
  if ((vma.flags & VM_HUGETLB) !== 0 && at % (k.arch.huge as HugeFormat).pages !== 0) return -ERRNO.EINVAL;
  if (vma.mm.vmas.size >= k.maxMapCount) return -ERRNO.ENOMEM;
  const upper = vma.indexOf(at);
  const piece = copyVmaFields(vma, newBelow ? vma.start : at, newBelow ? at : vma.end, newBelow ? vma.pgoff : upper);
  if (newBelow) adjustVma(k, vma, at, vma.end, upper, piece);
  else adjustVma(k, vma, vma.start, at, vma.pgoff, piece);
  return 0;
}

/** Splits `vma` so that it covers exactly [start, end). 0, or a negative errno. */
export function cutOut(k: Kernel, vma: Vma, start: number, end: number): number {
  if (start !== vma.start) {
    const error = splitVma(k, vma, start, true);
    if (error < 0) return error;
  }
  return end === vma.end ? 0 : splitVma(k, vma, end, false);
}

/** A new area like `vma` over other pages, with a reference to the file; in no list yet. */
export function copyVmaFields(vma: Vma, start: number, end: number, pgoff: number): Vma {
  const copy = new Vma(vma.mm, start, end, vma.flags, pgoff, vma.file);
  copy.protLo = vma.protLo;
  copy.protHi = vma.protHi;
  copy.anonVma = vma.anonVma;
  copy.ops = vma.ops;
  copy.unmapCursor = vma.unmapCursor;
  if (copy.file !== null) copy.file.refs++;
  copy.ops?.open?.(copy);
  return copy;
}
