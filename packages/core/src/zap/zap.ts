/**
 * Taking mappings out of page tables (generic-mm 7.1-7.3): zap_pte_range, unmap_vmas, zap_page_range.
 *
 * The inner loop is plain and makes no arch call: the machine's pending-flush rule is applied from data, frames go to
 * the gather, and rss is added up once a table.
 */
import { CLEAR_PTE, END_VMA, SET_DIRTY, START_VMA } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { PteCursor } from '../pgtable/cursor.js';
import { pteLock } from '../pgtable/lock.js';
import { queueOld } from '../pgtable/set-pte.js';
import { pageRemoveRmap } from '../rmap/rmap.js';
import { type Op, RESCHED } from '../smp/lock.js';
import { VM_ACCOUNT } from '../vma/flags.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import type { MmuGather } from './gather.js';

/** What to spare while zapping on behalf of a file. */
export interface ZapDetails {
  /** Only pages with this page.mapping handle; 0 for any. */
  readonly checkMapping: number;
}

/** Present pages zapped before the gather is ended and others may run (ZAP_BLOCK_SIZE). */
function zapBlock(k: Kernel): number {
  return k.preempt ? 8 : 1024;
}

/**
 * unmap_vmas: zaps [start, end) of a list of areas. The gather is open on entry and exit; it is ended and begun anew
 * after every block of work, in which a present page costs a page size and an empty entry, of whatever level, 1.
 * @returns the pages of VM_ACCOUNT areas passed (nr_accounted).
 */
export function* unmapVmas(
  k: Kernel,
  gather: MmuGather,
  areas: Iterable<Vma>,
  start: number,
  end: number,
  details: ZapDetails | null,
): Op<number> {
  let accounted = 0;
  const cursor = new PteCursor(k);
  const { pageSize } = k.memory;
  const block = zapBlock(k) * pageSize;
  let work = block;
  for (const vma of areas) {
    const first = Math.max(vma.start, start);
    const last = Math.min(vma.end, end);
    if (first >= last) continue;
    if ((vma.flags & VM_ACCOUNT) !== 0) accounted += last - first;
    cursor.start(vma.mm, first, last);
    if (k.events.on) k.events.emit(START_VMA, vma.mm.id, first);
    while (cursor.next()) {
      work -= cursor.skipped;
      cursor.skipped = 0;
      for (let done = 0; done < cursor.nr; ) {
        const nr = Math.min(cursor.nr - done, Math.max(1, Math.ceil(work / pageSize)));
        const lock = pteLock(k, vma.mm, cursor.at);
        if (!lock.tryLock()) yield* betweenGathers(gather, lock.wait());
        const present = zapPteRun(k, vma, gather, cursor.at + done * k.tables.pteWords, cursor.vpn + done, nr, details);
        lock.unlock();
        done += nr;
        work -= present * pageSize + (nr - present);
        if (work > 0) continue;
        work = block;
        if (k.events.on) k.events.emit(END_VMA, vma.mm.id, first);
        yield* betweenGathers(gather, k.inject.needResched?.('unmap_vmas') ? resched() : null);
        if (k.events.on) k.events.emit(START_VMA, vma.mm.id, cursor.vpn + done);
      }
    }
    work -= cursor.skipped;
    if (k.events.on) k.events.emit(END_VMA, vma.mm.id, first);
  }
  return accounted;
}

/** Ends the gather, which flushes, and begins it anew; `pause` in between, for nobody may wait with a gather open. */
export function* betweenGathers(gather: MmuGather, pause: Op<void> | null): Op<void> {
  const { mm, fullmm } = gather;
  gather.finish();
  if (pause !== null) yield* pause;
  gather.start(mm, fullmm);
}

function* resched(): Op<void> {
  yield RESCHED;
}

/** zap_page_range: zaps pages [start, end) of one area, as one atomic step. */
export function zapPageRange(k: Kernel, vma: Vma, start: number, end: number, details: ZapDetails | null = null): void {
  const gather = k.gather.start(vma.mm, false);
  vma.mm.updateHiwaterRss();
  const cursor = new PteCursor(k);
  const block = zapBlock(k);
  let work = block;
  cursor.start(vma.mm, start, end);
  while (cursor.next()) {
    for (let done = 0; done < cursor.nr; ) {
      const nr = Math.min(cursor.nr - done, work);
      work -= zapPteRun(k, vma, gather, cursor.at + done * k.tables.pteWords, cursor.vpn + done, nr, details);
      done += nr;
      if (work > 0) continue;
      work = block;
      gather.finish();
      gather.start(vma.mm, false);
    }
  }
  gather.finish();
}

/**
 * zap_pte_range over one run of entries inside a table: `nr` entries from word `at`, the first for page `vpn`.
 * @returns how many were present, those that `details` spares included.
 */
function zapPteRun(
  k: Kernel,
  vma: Vma,
  gather: MmuGather,
  at: number,
  vpn: number,
  nr: number,
  details: ZapDetails | null,
): number {
  const { memory, map, tables } = k;
  const words = memory.words;
  const { loAt, pteWords } = tables;
  const hiAt = pteWords === 2 ? tables.hiAt : loAt;
  const wide = pteWords === 2;
  const format = k.arch.pteFormat;
  const { countLo, countHi, presentLo, presentHi } = format;
  const rule = k.arch.pendingFlush;
  const { queueLo, queueHi } = rule;
  const mapping = map.mapping;
  const spied = k.events.on;
  let anon = 0;
  let file = 0;
  let others = 0;
  gather.note(vpn, vpn + nr);
  const end = at + nr * pteWords;
  for (let entry = at; entry < end; entry += pteWords) {
    const lo = words[entry + loAt] as number;
    const hi = wide ? (words[entry + hiAt] as number) : 0;
    if (((lo & countLo) | (hi & countHi)) === 0) continue;
    if (((lo & presentLo) | (hi & presentHi)) === 0) {
      if (details === null) clearEntry(words, entry, loAt, hiAt);
      continue;
    }
    const page = memory.pfnToPage(format.frame(hi, lo));
    if (details !== null && page >= 0 && details.checkMapping !== 0 && mapping[page] !== details.checkMapping) {
      others++;
      continue;
    }
    clearEntry(words, entry, loAt, hiAt);
    gather.needFlush = true;
    if (spied) k.events.emit(CLEAR_PTE, vma.mm.id, vpn + (entry - at) / pteWords, gather.fullmm ? 1 : 0);
    if (((lo & queueLo) | (hi & queueHi)) !== 0) queueOld(k, rule, vma.mm, vpn + (entry - at) / pteWords, hi, lo);
    if (page < 0) {
      others++;
      continue;
    }
    if (((mapping[page] as number) & 1) !== 0) {
      anon++;
    } else {
      file++;
      if (format.isDirty(hi, lo)) {
        if (spied) k.events.emit(SET_DIRTY, page);
        k.mappings.file(mapping[page] as number)?.host.setPageDirty(page);
      }
    }
    pageRemoveRmap(k, page);
    gather.removePage(page);
  }
  if (anon !== 0) addAnonRss(k, vma.mm, -anon);
  if (file !== 0) addFileRss(k, vma.mm, -file);
  return anon + file + others;
}

function clearEntry(words: Int32Array, entry: number, loAt: number, hiAt: number): void {
  words[entry + loAt] = 0;
  words[entry + hiAt] = 0;
}
