/**
 * Taking mappings out of page tables (generic-mm 7.1-7.3): zap_pte_range, unmap_vmas, zap_page_range.
 *
 * The inner loop is plain and makes no arch call: the machine's pending-flush rule is applied from data, frames go to
 * the gather, and rss is added up once a table.
 */
import type { Kernel } from '../kernel.js';
import { PteCursor } from '../pgtable/cursor.js';
import { pteLock } from '../pgtable/lock.js';
import { queueOld } from '../pgtable/set-pte.js';
import { pageRemoveRmap } from '../rmap/rmap.js';
import { type Op, RESCHED } from '../smp/lock.js';
import { VM_ACCOUNT } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';
import type { MmuGather } from './gather.js';

/** What to spare while zapping on behalf of a file. */
export interface ZapDetails {
  /** Only pages with this page.mapping handle; 0 for any. */
  readonly checkMapping: number;
}

/** Pages zapped between two chances to let others run. */
function zapBlock(k: Kernel): number {
  return k.preempt ? 8 : 1024;
}

/**
 * unmap_vmas: zaps [start, end) of a list of areas. The gather is open on entry and exit.
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
  const block = zapBlock(k);
  let work = block;
  for (const vma of areas) {
    const first = Math.max(vma.start, start);
    const last = Math.min(vma.end, end);
    if (first >= last) continue;
    if ((vma.flags & VM_ACCOUNT) !== 0) accounted += last - first;
    cursor.start(vma.mm, first, last);
    while (cursor.next()) {
      for (let done = 0; done < cursor.nr; ) {
        const nr = Math.min(cursor.nr - done, Math.max(1, Math.ceil(work)));
        const lock = pteLock(k, vma.mm, cursor.at);
        if (!lock.tryLock()) yield* lock.wait();
        zapPteRun(k, vma, gather, cursor.at + done * k.tables.pteWords, cursor.vpn + done, nr, details);
        lock.unlock();
        done += nr;
        work -= nr;
        if (work > 0) continue;
        work = block;
        if (k.needResched?.()) {
          const { mm, fullmm } = gather;
          gather.finish();
          yield RESCHED;
          gather.start(mm, fullmm);
        }
      }
    }
  }
  return accounted;
}

/** zap_page_range: zaps pages [start, end) of one area, as one atomic step. */
export function zapPageRange(k: Kernel, vma: Vma, start: number, end: number, details: ZapDetails | null = null): void {
  const gather = k.gather.start(vma.mm, false);
  vma.mm.updateHiwaterRss();
  const cursor = new PteCursor(k);
  cursor.start(vma.mm, start, end);
  while (cursor.next()) zapPteRun(k, vma, gather, cursor.at, cursor.vpn, cursor.nr, details);
  gather.finish();
}

/** zap_pte_range over one run of entries inside a table: `nr` entries from word `at`, the first for page `vpn`. */
function zapPteRun(
  k: Kernel,
  vma: Vma,
  gather: MmuGather,
  at: number,
  vpn: number,
  nr: number,
  details: ZapDetails | null,
): void {
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
  let anon = 0;
  let file = 0;
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
    if (details !== null && page >= 0 && details.checkMapping !== 0 && mapping[page] !== details.checkMapping) continue;
    clearEntry(words, entry, loAt, hiAt);
    gather.needFlush = true;
    if (((lo & queueLo) | (hi & queueHi)) !== 0) queueOld(k, rule, vma.mm, vpn + (entry - at) / pteWords, hi, lo);
    if (page < 0) continue;
    if (((mapping[page] as number) & 1) !== 0) {
      anon++;
    } else {
      file++;
      if (format.isDirty(hi, lo)) k.mappings.file(mapping[page] as number)?.host.setPageDirty(page);
    }
    pageRemoveRmap(k, page);
    gather.removePage(page);
  }
  vma.mm.anonRss -= anon;
  vma.mm.fileRss -= file;
}

function clearEntry(words: Int32Array, entry: number, loAt: number, hiAt: number): void {
  words[entry + loAt] = 0;
  words[entry + hiAt] = 0;
}
