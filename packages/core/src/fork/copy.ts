/**
 * copy_page_range (generic-mm 6.1, 6.2): the parent's entries for the child, private ones write-protected in both.
 * The inner loop is plain and makes no arch call; it breaks for others every 32 units of work (an empty entry 1, a copied
 * one 8), as the kernel does.
 *
 * Only what can be written is protected, as later kernels have it: wrprotect of an entry that cannot may take more away, or
 * give more, than it means to (where rights are one field, execute-only can become readable). With the defects kept every entry is.
 */
import { ERRNO } from '../errors.js';
import { needLockbreak } from '../events/injection.js';
import { copyHugetlbRange } from '../hugetlb/copy.js';
import type { Kernel } from '../kernel.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { allocPte } from '../pgtable/alloc.js';
import { PteCursor } from '../pgtable/cursor.js';
import { pteOffsetMapNested, pteUnmapNested } from '../pgtable/highpte.js';
import { pteLock, pteOffsetMapLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { queueOld } from '../pgtable/set-pte.js';
import type { Op, SpinLock } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import { pteToSwapEntry } from '../swap/entry.js';
import { swapDuplicate } from '../swap/swap.js';
import { isCowMapping, VM_HUGETLB, VM_INSERTPAGE, VM_NONLINEAR, VM_PFNMAP, VM_SHARED } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';

const ALWAYS_COPIED = VM_HUGETLB | VM_NONLINEAR | VM_PFNMAP | VM_INSERTPAGE;

/** Copies the entries of one area of the parent into the child. Both mmap_sems are held. 0 or -ENOMEM. */
export function* copyPageRange(k: Kernel, child: Mm, vma: Vma): Op<number> {
  // Without an anon_vma every page can be faulted in again from the file or the zero page.
  const copied = k.behaviour.forkCopiesInserted ? ALWAYS_COPIED : ALWAYS_COPIED & ~VM_INSERTPAGE;
  if (vma.anonVma === null && (vma.flags & copied) === 0) return 0;
  if ((vma.flags & VM_HUGETLB) !== 0) return yield* copyHugetlbRange(k, child, vma);
  const cursor = new PteCursor(k);
  const { pteWords } = k.tables;
  cursor.start(vma.mm, vma.start, vma.end);
  while (cursor.next()) {
    const to = yield* allocPte(k, child, (cursor.vpn / 4294967296) | 0, cursor.vpn | 0);
    if (to === 0) return -ERRNO.ENOMEM;
    for (let done = 0; done < cursor.nr; ) {
      const childLock = pteOffsetMapLock(k, child, to);
      if (!childLock.tryLock()) yield* spinMapped(k, childLock);
      pteOffsetMapNested(k, cursor.at);
      const parentLock = pteLock(k, vma.mm, cursor.at);
      if (!parentLock.tryLock()) yield* spinMapped(k, parentLock);
      done += copyRun(
        k,
        child,
        vma,
        to + done * pteWords,
        cursor.at + done * pteWords,
        cursor.vpn + done,
        cursor.nr - done,
        childLock,
        parentLock,
      );
      parentLock.unlock();
      pteUnmapNested(k, cursor.at);
      pteUnmapUnlock(k, to, childLock);
      if (done < cursor.nr) yield condResched(k);
    }
  }
  return 0;
}

/** Copies entries until the run ends or a poll says that others want to run; answers how many were done. */
function copyRun(
  k: Kernel,
  child: Mm,
  vma: Vma,
  to: number,
  from: number,
  vpn: number,
  nr: number,
  childLock: SpinLock,
  parentLock: SpinLock,
): number {
  const { memory, map, tables } = k;
  if (tables.stopped !== null) tables.stopped.letGo();
  const words = memory.words;
  const { loAt, pteWords } = tables;
  const wide = pteWords === 2;
  const hiAt = wide ? tables.hiAt : loAt;
  const f = k.arch.pteFormat;
  const { countLo, countHi, presentLo, presentHi } = f;
  const { wrprotect, mkold, mkclean, storeSetLo, storeSetHi } = f;
  const cow = isCowMapping(vma.flags);
  const protectsAll = k.defectsKept;
  const raw = (vma.flags & VM_PFNMAP) !== 0;
  const shared = (vma.flags & VM_SHARED) !== 0;
  const rule = k.arch.pendingFlush;
  const { ledger } = k;
  const resets = k.behaviour.resetsCopyProgress;
  const batches = k.behaviour.batchesRss;
  let anon = 0;
  let file = 0;
  let progress = 0;
  let swapped = false;
  let i = 0;
  for (; i < nr; i++) {
    if (progress >= 32) {
      if (resets) progress = 0;
      if (k.inject.needResched?.('copy_pte_range') || needLockbreak(k, parentLock) || needLockbreak(k, childLock))
        break;
    }
    const at = from + i * pteWords;
    let lo = words[at + loAt] as number;
    let hi = wide ? (words[at + hiAt] as number) : 0;
    if (((lo & countLo) | (hi & countHi)) === 0) {
      progress++;
      continue;
    }
    progress += 8;
    if (((lo & presentLo) | (hi & presentHi)) !== 0) {
      if (cow && (protectsAll || f.write.allows(hi, lo) || f.hardwareWrite.allows(hi, lo))) {
        const protectedLo = (lo & wrprotect.keepLo) | wrprotect.setLo;
        const protectedHi = (hi & wrprotect.keepHi) | wrprotect.setHi;
        if (protectedLo !== lo || protectedHi !== hi) {
          if (wide) words[at + hiAt] = protectedHi;
          words[at + loAt] = protectedLo;
          if (ledger !== null) ledger.changed(vma.mm, vpn + i, hi, lo, protectedHi, protectedLo);
          if (((lo & rule.queueLo) | (hi & rule.queueHi)) !== 0) queueOld(k, rule, vma.mm, vpn + i, hi, lo);
          lo = protectedLo;
          hi = protectedHi;
        }
      }
      if (shared) {
        lo = (lo & mkclean.keepLo) | mkclean.setLo;
        hi = (hi & mkclean.keepHi) | mkclean.setHi;
      }
      lo = (lo & mkold.keepLo) | mkold.setLo;
      hi = (hi & mkold.keepHi) | mkold.setHi;
      let page = raw ? -1 : memory.pfnToPage(f.frame(hi, lo));
      if (page < 0) page = vmNormalPage(k, vma, vpn + i, hi, lo);
      if (page >= 0) {
        map.count[page] = (map.count[page] as number) + 1;
        map.mapcount[page] = (map.mapcount[page] as number) + 1;
        const isAnon = ((map.mapping[page] as number) & 1) !== 0;
        if (isAnon) anon++;
        else file++;
        if (!batches) (isAnon ? addAnonRss : addFileRss)(k, child, 1);
      }
    } else if (!f.isFile(hi, lo)) {
      swapDuplicate(k, pteToSwapEntry(f, hi, lo));
      swapped = true;
    }
    const target = to + i * pteWords;
    words[target + loAt] = (lo & countLo) | storeSetLo;
    if (wide) words[target + hiAt] = (hi & countHi) | storeSetHi;
  }
  if (anon !== 0 && batches) addAnonRss(k, child, anon);
  if (file !== 0 && batches) addFileRss(k, child, file);
  if (swapped) k.swap.mms.add(child);
  return i;
}
