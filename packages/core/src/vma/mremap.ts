/**
 * mremap (generic-mm 9.8): growing, shrinking and moving a mapping. Moving carries the page-table entries over, so no
 * page is copied and no count changes.
 */
import { ERRNO } from '../errors.js';
import { makePagesPresent } from '../gup/get-user-pages.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { chargeMemory, exceedsMemlock, mayExpandVm, statAccount, unchargeMemory } from './accounting.js';
import { adjustVma } from './adjust.js';
import { VM_ACCOUNT, VM_DONTEXPAND, VM_HUGETLB, VM_LOCKED, VM_MAYSHARE, VM_PFNMAP } from './flags.js';
import type { Mm } from './mm.js';
import { moveVma } from './move.js';
import { munmapBytes } from './munmap.js';
import { getUnmappedArea, holeEndAt, isForHugePages, outOfReach } from './unmapped-area.js';
import { fitsRegion } from './unmapped-region.js';
import type { Vma } from './vma.js';
import { argument, isUnaligned, pageAlign, taskSize, toAddress, toPages, word } from './words.js';

export const MREMAP_MAYMOVE = 1;
export const MREMAP_FIXED = 2;
const MAP_SHARED = 1;

/** mremap. The first page of the mapping afterwards, or a negative errno. */
export function* sysMremap(
  k: Kernel,
  mm: Mm,
  addr: bigint,
  oldLength: bigint,
  newLength: bigint,
  flags: number,
  newAddr: bigint,
): Op<number> {
  const [from, oldBytes, newBytes] = [argument(k, addr), argument(k, oldLength), argument(k, newLength)];
  if (outOfReach(k, from, oldBytes) || tooLong(k, newBytes)) return -ERRNO.EINVAL;
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const result = yield* doMremap(k, mm, from, oldBytes, newBytes, flags, argument(k, newAddr));
  mm.mmapSem.upWrite();
  return result;
}

/** Longer than any mapping, on a machine whose own mremap asks. */
function tooLong(k: Kernel, bytes: bigint): boolean {
  const { layout } = k.arch;
  return layout.holes.length > 0 && bytes > toAddress(k, layout.maxLengthPages);
}

function* doMremap(
  k: Kernel,
  mm: Mm,
  addr: bigint,
  oldLength: bigint,
  newLength: bigint,
  flags: number,
  newAddr: bigint,
): Op<number> {
  if ((flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE)) !== 0 || isUnaligned(k, addr)) return -ERRNO.EINVAL;
  let oldBytes = pageAlign(k, oldLength);
  const newBytes = pageAlign(k, newLength);
  if (newBytes === 0n) return -ERRNO.EINVAL;
  const fixed = (flags & MREMAP_FIXED) !== 0;
  if (fixed) {
    if (!fixedAllowed(k, mm, addr, oldBytes, newAddr, newBytes, flags)) return -ERRNO.EINVAL;
    const error = yield* munmapBytes(k, mm, newAddr, newBytes);
    if (error < 0) return error;
  }
  const moves = fixed && addr !== newAddr;
  if (oldBytes >= newBytes) {
    const error = yield* munmapBytes(k, mm, word(k, addr + newBytes), oldBytes - newBytes);
    if (error < 0 && oldBytes !== newBytes) return error;
    if (!moves) return toPages(k, addr);
    oldBytes = newBytes;
  }
  const start = toPages(k, addr);
  const oldPages = toPages(k, oldBytes);
  const newPages = toPages(k, newBytes);
  const vma = mm.vmas.containing(start);
  const error = resizeRefused(k, mm, vma, start, oldPages, newPages);
  if (error !== 0 || vma === null) return error;
  const growth = newPages - oldPages;
  let charged = 0;
  if ((vma.flags & VM_ACCOUNT) !== 0) {
    if (chargeMemory(k, mm, growth) < 0) return chargeError(k, vma);
    charged = growth;
  }
  const to = fixed ? toPages(k, newAddr) : -1;
  const result = yield* resize(k, mm, vma, start, oldPages, newPages, flags, moves, to);
  if (result < 0) unchargeMemory(k, charged);
  return result;
}

/** Grows in place where that is possible, else moves. The growth is charged already. */
function* resize(
  k: Kernel,
  mm: Mm,
  vma: Vma,
  start: number,
  oldPages: number,
  newPages: number,
  flags: number,
  moves: boolean,
  to: number,
): Op<number> {
  const mayMove = (flags & MREMAP_MAYMOVE) !== 0;
  if (start + oldPages === vma.end && !moves && (oldPages !== newPages || !mayMove)) {
    if (hasRoom(k, vma, start, newPages)) {
      yield* growInPlace(k, mm, vma, start + oldPages, start + newPages);
      return start;
    }
  }
  if (!mayMove) return -ERRNO.ENOMEM;
  let target = to;
  if (target < 0) {
    const shared = (vma.flags & VM_MAYSHARE) !== 0 ? MAP_SHARED : 0;
    target = getUnmappedArea(k, mm, vma.file, 0n, newPages, vma.pgoff, shared);
    if (target < 0) return target;
  }
  return yield* moveVma(k, mm, vma, start, oldPages, newPages, target);
}

function* growInPlace(k: Kernel, mm: Mm, vma: Vma, oldEnd: number, newEnd: number): Op<void> {
  const pages = newEnd - oldEnd;
  adjustVma(k, vma, vma.start, newEnd, vma.pgoff, null);
  mm.totalVm += pages;
  statAccount(mm, vma.flags, vma.file, pages);
  if ((vma.flags & VM_LOCKED) !== 0) {
    mm.lockedVm += pages;
    yield* makePagesPresent(k, mm, oldEnd, newEnd);
  }
}

/** Step 2's tests of MREMAP_FIXED. */
function fixedAllowed(
  k: Kernel,
  mm: Mm,
  addr: bigint,
  oldBytes: bigint,
  newAddr: bigint,
  newBytes: bigint,
  flags: number,
): boolean {
  if (isUnaligned(k, newAddr) || (flags & MREMAP_MAYMOVE) === 0) return false;
  const size = taskSize(k);
  if (newBytes > size || newAddr > size - newBytes) return false;
  const start = toPages(k, newAddr);
  const pages = toPages(k, newBytes);
  if (holeEndAt(k.arch.layout, start, pages) >= 0 || !fitsRegion(k, start, pages)) return false;
  if (isForHugePages(k, mm, start, pages)) return false;
  if (newAddr <= addr && word(k, newAddr + newBytes) > addr) return false;
  return !(addr <= newAddr && word(k, addr + oldBytes) > newAddr);
}

/** Step 4's tests up to the charge. 0, or a negative errno. */
function resizeRefused(k: Kernel, mm: Mm, vma: Vma | null, start: number, oldPages: number, newPages: number): number {
  if (vma === null) return -ERRNO.EFAULT;
  if ((vma.flags & VM_HUGETLB) !== 0) return -ERRNO.EINVAL;
  if (oldPages > vma.end - start) return -ERRNO.EFAULT;
  const growth = newPages - oldPages;
  if ((vma.flags & (VM_DONTEXPAND | VM_PFNMAP)) !== 0 && growth > 0) return -ERRNO.EFAULT;
  if ((vma.flags & VM_LOCKED) !== 0 && exceedsMemlock(k, mm, mm.lockedVm + growth)) return -ERRNO.EAGAIN;
  return mayExpandVm(k, mm, growth) ? 0 : -ERRNO.ENOMEM;
}

/** D19: originally the errno of whatever test came before. */
function chargeError(k: Kernel, vma: Vma): number {
  if (!k.defectsKept) return -ERRNO.ENOMEM;
  return (vma.flags & VM_LOCKED) !== 0 ? -ERRNO.EAGAIN : -ERRNO.EFAULT;
}

/** Whether the area may end at start + newPages: nothing is there, and the machine can map it. */
function hasRoom(k: Kernel, vma: Vma, start: number, newPages: number): boolean {
  const limit = vma.next === null ? k.arch.layout.taskSizePages : vma.next.start;
  if (newPages > limit - start) return false;
  if (holeEndAt(k.arch.layout, start, newPages) >= 0 || !fitsRegion(k, start, newPages)) return false;
  return !isForHugePages(k, vma.mm, start, newPages);
}
