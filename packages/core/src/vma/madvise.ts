/** madvise (generic-mm 9.9). */
import { ERRNO } from '../errors.js';
import { closeFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { vmtruncateRange } from '../pagecache/truncate.js';
import type { Op } from '../smp/lock.js';
import { nonlinearDetails } from '../zap/details.js';
import { zapPageRange } from '../zap/zap.js';
import {
  VM_DONTCOPY,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_NONLINEAR,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_WRITE,
} from './flags.js';
import { setVmaFlags } from './link.js';
import { vmaMerge } from './merge.js';
import type { Mm } from './mm.js';
import { cutOut } from './split.js';
import type { Vma } from './vma.js';
import { argument, isUnaligned, pageAlign, toPages, word } from './words.js';

export const MADV_NORMAL = 0;
export const MADV_RANDOM = 1;
export const MADV_SEQUENTIAL = 2;
export const MADV_WILLNEED = 3;
export const MADV_DONTNEED = 4;
/** Beyond the reference, which came weeks before them. MADV_REMOVE's number differs by machine: arch.madvRemove. */
export const MADV_DONTFORK = 10;
export const MADV_DOFORK = 11;
const HINTS: readonly number[] = [MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTFORK, MADV_DOFORK];

/** madvise. 0, or a negative errno; holes are skipped and answered with -ENOMEM at the end. */
export function* sysMadvise(k: Kernel, mm: Mm, addr: bigint, length: bigint, advice: number): Op<number> {
  // D14: originally an unknown advice is noticed only at an area.
  if (!k.defectsKept && !isKnown(k, advice)) return -ERRNO.EINVAL;
  const start = argument(k, addr);
  const bytes = argument(k, length);
  const aligned = pageAlign(k, bytes);
  const end = word(k, start + aligned);
  if (isUnaligned(k, start) || (bytes !== 0n && aligned === 0n) || end < start) return -ERRNO.EINVAL;
  if (end === start) return 0;
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const result = yield* adviseRange(k, mm, toPages(k, start), toPages(k, end), advice);
  mm.mmapSem.upWrite();
  return result;
}

function* adviseRange(k: Kernel, mm: Mm, first: number, end: number, advice: number): Op<number> {
  let unmapped = 0;
  let start = first;
  let vma = mm.vmas.find(start);
  while (vma !== null) {
    if (start < vma.start) {
      unmapped = -ERRNO.ENOMEM;
      start = vma.start;
      if (start >= end) return unmapped;
    }
    const stop = Math.min(vma.end, end);
    const error = yield* adviseArea(k, mm, vma, start, stop, advice);
    if (error < 0) return error;
    if (stop === end) return unmapped;
    start = stop;
    // Looked up afresh: the area may have merged, and REMOVE lets mmap_sem go for a while.
    vma = mm.vmas.find(start);
  }
  return -ERRNO.ENOMEM;
}

function* adviseArea(k: Kernel, mm: Mm, vma: Vma, start: number, end: number, advice: number): Op<number> {
  if (isRemove(k, advice)) return yield* removePages(k, mm, vma, start, end);
  if (HINTS.includes(advice)) return setHint(k, mm, vma, start, end, advice);
  if (advice === MADV_WILLNEED) return willNeed(vma, start, end);
  if (advice === MADV_DONTNEED) return yield* dontNeed(k, vma, start, end);
  return -ERRNO.EINVAL;
}

function setHint(k: Kernel, mm: Mm, area: Vma, start: number, end: number, advice: number): number {
  // What a driver keeps from children stays so.
  if (advice === MADV_DOFORK && (area.flags & VM_IO) !== 0) return -ERRNO.EINVAL;
  const flags = hintedFlags(area.flags, advice);
  if (flags === area.flags) return 0;
  const prev = start > area.start ? area : area.prev;
  let vma = vmaMerge(k, mm, prev, start, end, flags, area.anonVma, area.file, area.indexOf(start));
  if (vma === null) {
    const error = cutOut(k, area, start, end);
    if (error < 0) return error === -ERRNO.ENOMEM ? -ERRNO.EAGAIN : error;
    vma = area;
  }
  setVmaFlags(k, vma, flags);
  return 0;
}

function hintedFlags(flags: number, advice: number): number {
  switch (advice) {
    case MADV_SEQUENTIAL:
      return (flags & ~VM_RAND_READ) | VM_SEQ_READ;
    case MADV_RANDOM:
      return (flags & ~VM_SEQ_READ) | VM_RAND_READ;
    case MADV_DONTFORK:
      return flags | VM_DONTCOPY;
    case MADV_DOFORK:
      return flags & ~VM_DONTCOPY;
    default:
      return flags & ~(VM_RAND_READ | VM_SEQ_READ);
  }
}

function willNeed(vma: Vma, start: number, end: number): number {
  if (vma.file === null) return -ERRNO.EBADF;
  vma.file.inode.readAhead?.(vma.indexOf(start), vma.indexOf(end));
  return 0;
}

function* dontNeed(k: Kernel, vma: Vma, start: number, end: number): Op<number> {
  if ((vma.flags & (VM_LOCKED | VM_HUGETLB | VM_PFNMAP)) !== 0) return -ERRNO.EINVAL;
  const details = (vma.flags & VM_NONLINEAR) !== 0 ? nonlinearDetails(vma) : null;
  yield* zapPageRange(k, vma, start, end, details);
  return 0;
}

/** MADV_REMOVE: punches a hole into the file. D4: originally private and read-only areas may, and mmap_sem stays held. */
function* removePages(k: Kernel, mm: Mm, vma: Vma, start: number, end: number): Op<number> {
  if ((vma.flags & (VM_LOCKED | VM_NONLINEAR | VM_HUGETLB)) !== 0 || vma.file === null) return -ERRNO.EINVAL;
  const mayPunch = (vma.flags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE);
  if (!mayPunch && !k.defectsKept) return -ERRNO.EACCES;
  const { file } = vma;
  const { inode } = file;
  const from = vma.indexOf(start) * k.memory.pageSize;
  const to = vma.indexOf(end) * k.memory.pageSize;
  if (k.defectsKept) return yield* vmtruncateRange(k, inode, from, to);
  file.refs++;
  mm.mmapSem.upWrite();
  const error = yield* vmtruncateRange(k, inode, from, to);
  yield* closeFile(file);
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  return error;
}

function isRemove(k: Kernel, advice: number): boolean {
  return advice === k.arch.madvRemove && k.behaviour.madviseRemoves;
}

function isKnown(k: Kernel, advice: number): boolean {
  return HINTS.includes(advice) || advice === MADV_WILLNEED || advice === MADV_DONTNEED || isRemove(k, advice);
}
