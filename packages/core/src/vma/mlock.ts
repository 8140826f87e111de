/** mlock, munlock, mlockall and munlockall (generic-mm 9.10). */
import { ERRNO } from '../errors.js';
import { makePagesPresent } from '../gup/get-user-pages.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { canDoMlock, exceedsMemlock } from './accounting.js';
import { VM_IO, VM_LOCKED } from './flags.js';
import { vmaMerge } from './merge.js';
import type { Mm } from './mm.js';
import { cutOut } from './split.js';
import type { Vma } from './vma.js';
import { argument, pageAlign, toPages, word } from './words.js';

export const MCL_CURRENT = 1;
export const MCL_FUTURE = 2;

/** mlock. 0, a negative errno, or -1 when not all pages could be made present. */
export function* sysMlock(k: Kernel, mm: Mm, addr: bigint, length: bigint): Op<number> {
  if (!canDoMlock(mm)) return -ERRNO.EPERM;
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const { start, bytes } = outward(k, addr, length);
  const first = toPages(k, start);
  const pages = toPages(k, bytes);
  let wanted = mm.lockedVm + pages;
  // D12: originally pages that are locked already count again.
  if (!k.defectsKept) wanted -= lockedPages(mm, first, first + pages);
  const result = exceedsMemlock(k, mm, wanted) ? -ERRNO.ENOMEM : yield* lockRange(k, mm, start, bytes, VM_LOCKED);
  mm.mmapSem.upWrite();
  return result;
}

/** munlock. 0, or a negative errno. */
export function* sysMunlock(k: Kernel, mm: Mm, addr: bigint, length: bigint): Op<number> {
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const { start, bytes } = outward(k, addr, length);
  const result = yield* lockRange(k, mm, start, bytes, 0);
  mm.mmapSem.upWrite();
  return result;
}

/** mlockall with MCL_ flags. 0, or a negative errno. */
export function* sysMlockall(k: Kernel, mm: Mm, flags: number): Op<number> {
  if (flags === 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE)) !== 0) return -ERRNO.EINVAL;
  if (!canDoMlock(mm)) return -ERRNO.EPERM;
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const refused = (flags & MCL_CURRENT) !== 0 && exceedsMemlock(k, mm, mm.totalVm);
  if (!refused) yield* lockAll(k, mm, flags);
  mm.mmapSem.upWrite();
  return refused ? -ERRNO.ENOMEM : 0;
}

/** munlockall. Always 0. */
export function* sysMunlockall(k: Kernel, mm: Mm): Op<number> {
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  yield* lockAll(k, mm, 0);
  mm.mmapSem.upWrite();
  return 0;
}

/** The pages a range touches: start rounded down, end up; wraps as the machine's words do. */
function outward(k: Kernel, addr: bigint, length: bigint): { start: bigint; bytes: bigint } {
  const inPage = BigInt(k.memory.pageSize - 1);
  const at = argument(k, addr);
  return { start: at & ~inPage, bytes: pageAlign(k, argument(k, length) + (at & inPage)) };
}

/** do_mlock: sets or clears VM_LOCKED over a range of whole pages. */
function* lockRange(k: Kernel, mm: Mm, addr: bigint, bytes: bigint, locked: number): Op<number> {
  const top = word(k, addr + bytes);
  if (top < addr) return -ERRNO.EINVAL;
  if (top === addr) return 0;
  const start = toPages(k, addr);
  const end = toPages(k, top);
  let vma = mm.vmas.containing(start);
  if (vma === null) return -ERRNO.ENOMEM;
  let prev = start > vma.start ? vma : vma.prev;
  for (let at = start; ; ) {
    const flags: number = (vma.flags & ~VM_LOCKED) | locked;
    const done = changeLock(k, mm, vma, prev, at, Math.min(vma.end, end), flags);
    if (typeof done === 'number') return done;
    if (done.changed && locked !== 0 && (flags & VM_IO) === 0) {
      const error = yield* makePagesPresent(k, mm, at, done.end);
      if (error < 0) return error === -ERRNO.ENOMEM ? -ERRNO.EAGAIN : error;
    }
    prev = done.vma;
    at = Math.max(done.end, prev.end);
    if (at >= end) return 0;
    vma = prev.next;
    if (vma === null || vma.start !== at) return -ERRNO.ENOMEM;
  }
}

/** do_mlockall: every area, errors ignored, and what later areas begin with. */
function* lockAll(k: Kernel, mm: Mm, flags: number): Op<void> {
  mm.defFlags = (flags & MCL_FUTURE) !== 0 ? VM_LOCKED : 0;
  if (flags === MCL_FUTURE) return;
  const locked = (flags & MCL_CURRENT) !== 0 ? VM_LOCKED : 0;
  let prev: Vma | null = null;
  for (let vma = mm.vmas.first; vma !== null; vma = prev === null ? null : prev.next) {
    const { start, end }: { start: number; end: number } = vma;
    const wanted: number = (vma.flags & ~VM_LOCKED) | locked;
    const done: Locked | number = changeLock(k, mm, vma, prev, start, end, wanted);
    if (typeof done === 'number') {
      prev = vma;
      continue;
    }
    prev = done.vma;
    if (done.changed && locked !== 0 && (wanted & VM_IO) === 0) yield* makePagesPresent(k, mm, start, end);
  }
}

/** What changeLock did: the area that covers the range now, the range's end, and whether anything changed. */
interface Locked {
  readonly vma: Vma;
  readonly end: number;
  readonly changed: boolean;
}

/** mlock_fixup up to the faulting in. A negative errno when the area cannot be split. */
function changeLock(
  k: Kernel,
  mm: Mm,
  area: Vma,
  prev: Vma | null,
  start: number,
  end: number,
  flags: number,
): Locked | number {
  if (flags === area.flags) return { vma: area, end, changed: false };
  let vma = vmaMerge(k, mm, prev, start, end, flags, area.anonVma, area.file, area.indexOf(start));
  if (vma === null) {
    const error = cutOut(k, area, start, end);
    if (error < 0) return error === -ERRNO.ENOMEM ? -ERRNO.EAGAIN : error;
    vma = area;
  }
  vma.flags = flags;
  mm.lockedVm += (flags & VM_LOCKED) !== 0 ? end - start : start - end;
  return { vma, end, changed: true };
}

/** Pages of [start, end) in locked areas. */
function lockedPages(mm: Mm, start: number, end: number): number {
  let pages = 0;
  for (let vma = mm.vmas.find(start); vma !== null && vma.start < end; vma = vma.next) {
    if ((vma.flags & VM_LOCKED) !== 0) pages += Math.min(vma.end, end) - Math.max(vma.start, start);
  }
  return pages;
}
