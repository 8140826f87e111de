/** msync (generic-mm 9.12): dirty bits move from page-table entries to the pages of the file. */

import { ERRNO } from '../errors.js';
import type { Inode } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { PteCursor } from '../pgtable/cursor.js';
import { flushTlbPage } from '../pgtable/flush.js';
import { pteOffsetMapLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { flushCacheRange } from '../pgtable/mmu-hooks.js';
import { updatePteAt } from '../pgtable/set-pte.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import { VM_HUGETLB, VM_LOCKED, VM_SHARED } from './flags.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';
import { argument, isUnaligned, pageAlign, toPages, word } from './words.js';

export const MS_ASYNC = 1;
export const MS_INVALIDATE = 2;
export const MS_SYNC = 4;

/** An inode with a disk behind it: writes its dirty pages back. */
interface WritesBack extends Inode {
  sync?(): void;
}

/** msync. 0, or a negative errno; holes are skipped and answered with -ENOMEM at the end. */
export function* sysMsync(k: Kernel, mm: Mm, addr: bigint, length: bigint, flags: number): Op<number> {
  const start = argument(k, addr);
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0 || isUnaligned(k, start)) return -ERRNO.EINVAL;
  if ((flags & MS_ASYNC) !== 0 && (flags & MS_SYNC) !== 0) return -ERRNO.EINVAL;
  const end = word(k, start + pageAlign(k, argument(k, length)));
  if (end < start) return -ERRNO.ENOMEM;
  if (end === start) return 0;
  if (!mm.mmapSem.tryRead()) yield* mm.mmapSem.waitRead();
  const result = yield* syncRange(k, mm, toPages(k, start), toPages(k, end), flags);
  mm.mmapSem.upRead();
  return result;
}

function* syncRange(k: Kernel, mm: Mm, first: number, end: number, flags: number): Op<number> {
  let unmapped = 0;
  let start = first;
  for (let vma = mm.vmas.find(start); vma !== null; vma = vma.next) {
    if (start < vma.start) {
      unmapped = -ERRNO.ENOMEM;
      start = vma.start;
      if (start >= end) return unmapped;
    }
    const stop = Math.min(vma.end, end);
    const error = yield* syncArea(k, vma, start, stop, flags);
    if (error < 0) return error;
    if (stop === end) return unmapped;
    start = stop;
  }
  return -ERRNO.ENOMEM;
}

function* syncArea(k: Kernel, vma: Vma, start: number, end: number, flags: number): Op<number> {
  if ((flags & MS_INVALIDATE) !== 0 && (vma.flags & VM_LOCKED) !== 0) return -ERRNO.EBUSY;
  if (vma.file === null || (vma.flags & VM_SHARED) === 0) return 0;
  if ((vma.flags & VM_HUGETLB) === 0) yield* collectDirty(k, vma, start, end);
  if ((flags & MS_SYNC) !== 0) {
    const inode: WritesBack = vma.file.inode;
    inode.sync?.();
  }
  return 0;
}

/** filemap_sync, one table at a time. */
function* collectDirty(k: Kernel, vma: Vma, start: number, end: number): Op<void> {
  flushCacheRange(k, vma.mm, start, end);
  const cursor = new PteCursor(k);
  cursor.start(vma.mm, start, end);
  while (cursor.next()) {
    for (let done = 0; done < cursor.nr; ) {
      const lock = pteOffsetMapLock(k, vma.mm, cursor.at);
      if (!lock.tryLock()) yield* spinMapped(k, lock);
      done += syncPteRun(k, vma, cursor.at + done * k.tables.pteWords, cursor.vpn + done, cursor.nr - done);
      pteUnmapUnlock(k, cursor.at, lock);
      if (done < cursor.nr) yield condResched(k);
    }
  }
}

/** Cleans entries until the run ends or a poll says that others want to run; answers how many were done. */
function syncPteRun(k: Kernel, vma: Vma, at: number, vpn: number, nr: number): number {
  const { memory, tables } = k;
  const { words } = memory;
  const { loAt, pteWords } = tables;
  const hiAt = pteWords === 2 ? tables.hiAt : loAt;
  const f = k.arch.pteFormat;
  const { mkclean } = f;
  const { inode } = vma.file as NonNullable<Vma['file']>;
  let progress = 0;
  let i = 0;
  for (; i < nr; i++) {
    if (progress >= 64) {
      progress = 0;
      if (k.inject.needResched?.('msync')) break;
    }
    progress++;
    const entry = at + i * pteWords;
    const lo = words[entry + loAt] as number;
    const hi = pteWords === 2 ? (words[entry + hiAt] as number) : 0;
    if (!f.isPresent(hi, lo) || !f.isDirty(hi, lo)) continue;
    const page = vmNormalPage(k, vma, vpn + i, hi, lo);
    if (page < 0) continue;
    updatePteAt(
      k,
      vma.mm,
      vpn + i,
      entry,
      (hi & mkclean.keepHi) | mkclean.setHi,
      (lo & mkclean.keepLo) | mkclean.setLo,
    );
    flushTlbPage(k, vma.mm, vpn + i);
    inode.setPageDirty(page);
    progress += 3;
  }
  return i;
}
