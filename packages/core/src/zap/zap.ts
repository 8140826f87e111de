/**
 * Taking mappings out of page tables (generic-mm 7.1-7.3): zap_pte_range, unmap_vmas, zap_page_range.
 *
 * The inner loop is plain and makes no arch call: the machine's pending-flush rule is applied from data, frames go to
 * the gather, and rss is added up once a table. Work is counted as the kernel does: a present page costs a page size, an
 * empty entry of whatever level 1, any other entry nothing; after a block of it the gather is ended and others may run.
 */
import type { HugeFormat } from '../arch/hugetlb.js';
import { CLEAR_PTE, END_VMA, START_VMA } from '../events/kinds.js';
import { clearHugeRange } from '../hugetlb/unmap.js';
import type { Kernel } from '../kernel.js';
import { setPageDirty } from '../pagecache/dirty.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { PteCursor } from '../pgtable/cursor.js';
import { flushTlbRange } from '../pgtable/flush.js';
import { pteOffsetMap, pteUnmap } from '../pgtable/highpte.js';
import { pteLock, spinMapped } from '../pgtable/lock.js';
import { clearPte, queueOld, setPteAt, storeEntry } from '../pgtable/set-pte.js';
import { lruAddDrain, markPageAccessed } from '../reclaim/lru-batch.js';
import { pageRemoveRmap } from '../rmap/rmap.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import { freeSwapAndCache } from '../swap/cache.js';
import { pteToSwapEntry } from '../swap/entry.js';
import { VM_ACCOUNT, VM_HUGETLB, VM_PFNMAP } from '../vma/flags.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { needsBreak, type ZapDetails } from './details.js';
import { betweenGathers, type MmuGather } from './gather.js';

/** What is left of a block of work, carried from area to area. */
class ZapWork {
  /** zap_work: above 0 while the block lasts. */
  left: number;
  /** ZAP_BLOCK_SIZE. */
  readonly block: number;
  /** Bytes of addresses left of a block, in a kernel that counts those instead. */
  distance: number;
  readonly cursor: PteCursor;

  constructor(k: Kernel) {
    this.block = (k.preempt ? 8 : 1024) * k.memory.pageSize;
    this.left = this.block;
    this.distance = this.block;
    this.cursor = new PteCursor(k);
  }
}

/**
 * unmap_vmas: zaps [start, end) of a list of areas. The gather is open on entry and exit.
 * @returns the pages of VM_ACCOUNT areas passed (nr_accounted).
 */
export function* unmapVmas(k: Kernel, gather: MmuGather, areas: Iterable<Vma>, start: number, end: number): Op<number> {
  let accounted = 0;
  const work = new ZapWork(k);
  for (const vma of areas) {
    const first = Math.max(vma.start, start);
    const last = Math.min(vma.end, end);
    if (first >= last) continue;
    if ((vma.flags & VM_ACCOUNT) !== 0) accounted += last - first;
    if ((vma.flags & VM_HUGETLB) !== 0) yield* zapHuge(k, work, gather, vma, first, last);
    else if (k.behaviour.zapCountsWork) yield* zapArea(k, work, gather, vma, first, last, null);
    else yield* zapByDistance(k, work, gather, vma, first, last);
  }
  return accounted;
}

/**
 * zap_page_range: zaps pages [start, end) of one area.
 * @returns the page reached: `end`, or less where the zap broke off to let others have details.lock.
 */
export function* zapPageRange(
  k: Kernel,
  vma: Vma,
  start: number,
  end: number,
  details: ZapDetails | null = null,
): Op<number> {
  lruAddDrain(k);
  const gather = k.gather.start(vma.mm, false);
  vma.mm.updateHiwaterRss();
  const reached = yield* zapArea(k, new ZapWork(k), gather, vma, start, end, details);
  if (gather.isOpen) gather.finish();
  return reached;
}

/** unmap_hugepage_range, all at once: a huge page costs as much as a small one. Nobody waits with a gather open. */
function* zapHuge(k: Kernel, work: ZapWork, gather: MmuGather, vma: Vma, first: number, last: number): Op<void> {
  const { mm } = vma;
  const { fullmm } = gather;
  const lock = mm.pageTableLock;
  if (!lock.tryLock()) yield* betweenGathers(gather, lock.wait());
  clearHugeRange(k, vma, first, last);
  lock.unlock();
  flushTlbRange(k, mm, first, last);
  work.left -= ((last - first) / (k.arch.huge as HugeFormat).pages) * k.memory.pageSize;
  if (work.left > 0) return;
  gather.finish();
  if (needsBreak(k, 'unmap_vmas', null)) yield condResched(k);
  gather.start(mm, fullmm);
  work.left = work.block;
}

/** Without 51c6f666fc: a block is so many bytes of addresses, whether anything is mapped there or not. */
function* zapByDistance(k: Kernel, work: ZapWork, gather: MmuGather, vma: Vma, first: number, last: number): Op<void> {
  const { pageSize } = k.memory;
  for (let at = first; at < last; ) {
    const end = Math.min(last, at + work.distance / pageSize);
    work.left = Infinity;
    yield* zapArea(k, work, gather, vma, at, end, null);
    work.distance -= (end - at) * pageSize;
    at = end;
    if (work.distance > 0) continue;
    work.distance = work.block;
    const { mm, fullmm } = gather;
    gather.finish();
    if (needsBreak(k, 'unmap_vmas', null)) yield condResched(k);
    gather.start(mm, fullmm);
  }
}

/** unmap_page_range in blocks. Answers the page reached; the gather is closed if that is less than `last`. */
function* zapArea(
  k: Kernel,
  work: ZapWork,
  gather: MmuGather,
  vma: Vma,
  first: number,
  last: number,
  details: ZapDetails | null,
): Op<number> {
  const { mm } = vma;
  const { fullmm } = gather;
  const { cursor } = work;
  const lockToBreak = details === null ? null : details.lock;
  const spares = details !== null && details.checkMapping === 0 && details.nonlinear === null ? null : details;
  // Without 508034a32b one lock was held around all of it.
  const outer = k.behaviour.zapLocksTables ? null : mm.pageTableLock;
  if (outer?.tryLock() === false) yield* betweenGathers(gather, outer.wait());
  cursor.start(mm, first, last);
  if (k.events.on) k.events.emit(START_VMA, mm.id, first);
  let inRun = false;
  let ended = false;
  let done = 0;
  for (let reached = first; reached < last; ) {
    if (!inRun) {
      cursor.patience = work.left;
      inRun = cursor.next();
      done = 0;
      work.left -= cursor.skipped;
      cursor.skipped = 0;
    }
    if (inRun) {
      pteOffsetMap(k, cursor.at);
      const lock = outer ?? pteLock(k, mm, cursor.at);
      if (outer === null && !lock.tryLock()) {
        if (details !== null && lockToBreak !== null) {
          // Nobody waits with i_mmap_lock held.
          pteUnmap(k, cursor.at);
          gather.finish();
          details.busy = lock;
          return reached;
        }
        yield* betweenGathers(gather, spinMapped(k, lock));
      }
      done += zapPteRange(k, vma, gather, work, cursor, done, spares);
      if (outer === null) lock.unlock();
      pteUnmap(k, cursor.at);
      reached = cursor.vpn + done;
      inRun = done < cursor.nr;
    } else {
      reached = cursor.position;
    }
    if (work.left > 0) continue;
    if (k.events.on) k.events.emit(END_VMA, mm.id, first);
    gather.finish();
    if (needsBreak(k, 'unmap_vmas', lockToBreak)) {
      if (lockToBreak !== null) {
        outer?.unlock();
        return reached;
      }
      yield condResched(k);
    }
    gather.start(mm, fullmm);
    work.left = work.block;
    if (reached < last && k.events.on) k.events.emit(START_VMA, mm.id, reached);
    ended = reached === last;
  }
  if (!ended && k.events.on) k.events.emit(END_VMA, mm.id, first);
  outer?.unlock();
  return last;
}

/**
 * zap_pte_range over the cursor's run, from its entry number `done` to its end or the end of the block.
 * The table is mapped and locked.
 * @returns how many entries it went through.
 */
function zapPteRange(
  k: Kernel,
  vma: Vma,
  gather: MmuGather,
  work: ZapWork,
  run: PteCursor,
  done: number,
  details: ZapDetails | null,
): number {
  const { memory, map, tables } = k;
  if (tables.stopped !== null) tables.stopped.letGo();
  const words = memory.words;
  const { loAt, pteWords } = tables;
  const wide = pteWords === 2;
  const hiAt = wide ? tables.hiAt : loAt;
  const format = k.arch.pteFormat;
  const { countLo, countHi, presentLo, presentHi } = format;
  const rule = k.arch.pendingFlush;
  const { queueLo, queueHi } = rule;
  const { mapping } = map;
  const { pageSize } = memory;
  const raw = (vma.flags & VM_PFNMAP) !== 0;
  const at = run.at + done * pteWords;
  const first = run.vpn + done;
  const end = run.at + run.nr * pteWords;
  const spied = k.events.on;
  const torn = k.inject.tear !== null;
  const { ledger } = k;
  const { zapDropsAnonDirty, batchesRss } = k.behaviour;
  let left = work.left;
  let anon = 0;
  let file = 0;
  gather.note(first, run.vpn + run.nr);
  let entry = at;
  for (; entry < end && left > 0; entry += pteWords) {
    const lo = words[entry + loAt] as number;
    const hi = wide ? (words[entry + hiAt] as number) : 0;
    if (((lo & countLo) | (hi & countHi)) === 0) {
      left--;
      continue;
    }
    if (((lo & presentLo) | (hi & presentHi)) === 0) {
      // Swapped-out copies and file entries are nothing a truncation has to take away.
      if (details === null) {
        if (!format.isFile(hi, lo)) freeSwapAndCache(k, pteToSwapEntry(format, hi, lo));
        if (torn) clearPte(k, entry);
        else clearEntry(words, entry, loAt, hiAt);
      }
      continue;
    }
    left -= pageSize;
    let page = raw ? -1 : memory.pfnToPage(format.frame(hi, lo));
    if (page < 0) page = vmNormalPage(k, vma, first + (entry - at) / pteWords, hi, lo);
    if (details !== null && page >= 0 && isSpared(k, details, page)) continue;
    // ptep_get_and_clear_full: of a dying mm a plain pte_clear.
    if (!torn) clearEntry(words, entry, loAt, hiAt);
    else if (gather.fullmm) clearPte(k, entry);
    else storeEntry(k, entry, 0, 0);
    if (ledger !== null) ledger.changed(vma.mm, first + (entry - at) / pteWords, hi, lo, 0, 0);
    gather.needFlush = true;
    if (spied) k.events.emit(CLEAR_PTE, vma.mm.id, first + (entry - at) / pteWords, gather.fullmm ? 1 : 0);
    if (((lo & queueLo) | (hi & queueHi)) !== 0) queueOld(k, rule, vma.mm, first + (entry - at) / pteWords, hi, lo);
    if (page < 0) continue;
    if (details !== null && details.nonlinear !== null) {
      keepOffset(k, details.nonlinear, first + (entry - at) / pteWords, entry, page);
    }
    if (((mapping[page] as number) & 1) !== 0) {
      anon++;
      if (!zapDropsAnonDirty && format.isDirty(hi, lo)) setPageDirty(k, page);
    } else {
      file++;
      if (format.isDirty(hi, lo)) setPageDirty(k, page);
      if (format.isYoung(hi, lo) && page !== k.zeroPage) markPageAccessed(k, page);
    }
    pageRemoveRmap(k, page);
    gather.removePage(page);
    if (!batchesRss) {
      lowerRss(k, gather, anon, file);
      anon = 0;
      file = 0;
    }
  }
  work.left = left;
  lowerRss(k, gather, anon, file);
  gather.trim(first + (entry - at) / pteWords);
  return (entry - at) / pteWords;
}

/** Takes what was unmapped off the counters, each once if at all; without fc2acab31b when the gather ends. */
function lowerRss(k: Kernel, gather: MmuGather, anon: number, file: number): void {
  if (!k.behaviour.zapLowersRss) {
    gather.owe(anon, file);
    return;
  }
  if (anon !== 0) addAnonRss(k, gather.mm, -anon);
  if (file !== 0) addFileRss(k, gather.mm, -file);
}

/** Whether a truncation leaves a page alone: a private copy, or one of a nonlinear area that is not cut off. */
function isSpared(k: Kernel, details: ZapDetails, page: number): boolean {
  const { mapping, index } = k.map;
  if (details.checkMapping !== 0 && details.checkMapping !== mapping[page]) return true;
  if (details.nonlinear === null) return false;
  const at = index[page] as number;
  return at < details.firstIndex || at > details.lastIndex;
}

/** A page that is not where a linear area would have it leaves a file entry: the next fault has to find it again. */
function keepOffset(k: Kernel, vma: Vma, vpn: number, entry: number, page: number): void {
  const index = k.map.index[page] as number;
  if (index === vma.indexOf(vpn)) return;
  const f = k.arch.pteFormat;
  setPteAt(k, vma.mm, vpn, entry, f.fileEntryHi(index), f.fileEntryLo(index));
}

function clearEntry(words: Int32Array, entry: number, loAt: number, hiAt: number): void {
  words[entry + loAt] = 0;
  words[entry + hiAt] = 0;
}
