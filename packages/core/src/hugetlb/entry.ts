/**
 * Entries of huge pages: huge_pte_offset, huge_pte_alloc, set_huge_pte_at and huge_ptep_get_and_clear, from the machine's
 * HugeFormat. mm.page_table_lock guards them all, with split pte locks too.
 */
import { wordToBigInt } from '../arch/words.js';
import type { Kernel } from '../kernel.js';
import { allocEntry } from '../pgtable/alloc.js';
import { flushTlbPending } from '../pgtable/flush.js';
import { pteOffsetMap, pteUnmap } from '../pgtable/highpte.js';
import { setPteAt, updatePteAt } from '../pgtable/set-pte.js';
import type { Op } from '../smp/lock.js';
import { VM_WRITE } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import type { HugePool } from './pool.js';

/** The pool of a machine that has huge pages: whoever works on an area of them may count on it. */
export function poolOf(k: Kernel): HugePool {
  return k.hugetlb as HugePool;
}

/** huge_pte_alloc: the entry for the huge page around `vpn` with every table on the way; 0 when memory is short. */
export function allocHugePte(k: Kernel, mm: Mm, vpn: number): Op<number> {
  const { format } = poolOf(k);
  const slot = format.slotPage(vpn);
  return allocEntry(k, mm, format.level, (slot / 4294967296) | 0, slot | 0);
}

/** pte_none of an entry at a word index. */
export function hugePteIsNone(k: Kernel, at: number): boolean {
  return k.arch.pteFormat.isNone(highOf(k, at), lowOf(k, at));
}

/** First page of the huge page that an entry maps. */
export function hugePageOf(k: Kernel, at: number): number {
  return k.memory.pfnToPage(k.arch.pteFormat.frame(highOf(k, at), lowOf(k, at)));
}

/** The entry as a word, for people. */
export function hugePteWord(k: Kernel, at: number): bigint {
  return wordToBigInt(highOf(k, at), lowOf(k, at));
}

/**
 * make_huge_pte and set_huge_pte_at: maps a huge page as its area says, writable and dirty with VM_WRITE, else
 * write-protected; young in any case, so that no access needs another fault.
 */
export function installHugePage(k: Kernel, vma: Vma, vpn: number, at: number, head: number): void {
  const f = k.arch.pteFormat;
  const pfn = k.memory.pageToPfn(head);
  let lo = f.makeLo(pfn, vma.protLo);
  let hi = f.makeHi(pfn, vma.protHi);
  const writable = (vma.flags & VM_WRITE) !== 0;
  const changes = writable ? [f.mkdirty, f.mkwrite, f.mkyoung, f.mkhuge] : [f.wrprotect, f.mkyoung, f.mkhuge];
  for (const change of changes) {
    lo = (lo & change.keepLo) | change.setLo;
    hi = (hi & change.keepHi) | change.setHi;
  }
  setHugePteAt(k, vma.mm, vpn, at, hi, lo);
}

/** A copy of one mm's entry in another (fork): rights, dirty and accessed as they are. */
export function copyHugePte(k: Kernel, mm: Mm, vpn: number, to: number, from: number): void {
  setHugePteAt(k, mm, vpn, to, highOf(k, from), lowOf(k, from));
}

/** huge_ptep_get_and_clear: empties an entry, and queues what its machine has cached of it. */
export function clearHugePte(k: Kernel, mm: Mm, vpn: number, at: number): void {
  const { format } = poolOf(k);
  const first = format.firstPage(vpn);
  if (format.entries === 1) {
    updatePteAt(k, mm, first, at, 0, 0, true);
    return;
  }
  pteOffsetMap(k, at);
  for (let i = 0; i < format.entries; i++) updatePteAt(k, mm, first + i, at + i * k.tables.pteWords, 0, 0);
  pteUnmap(k, at);
}

/** Stores an entry, or a run of them of which each maps its own part. What the format ignores is never stored. */
function setHugePteAt(k: Kernel, mm: Mm, vpn: number, at: number, hi: number, lo: number): void {
  const { format } = poolOf(k);
  const { pteWords } = k.tables;
  const f = k.arch.pteFormat;
  const first = format.firstPage(vpn);
  if (format.entries > 1) {
    const step = 2 ** f.pfnShift;
    pteOffsetMap(k, at);
    for (let i = 0; i < format.entries; i++) setPteAt(k, mm, first + i, at + i * pteWords, hi, lo + i * step);
    pteUnmap(k, at);
    return;
  }
  if (k.arch.pendingFlush.flushOnOverwrite && f.isPresent(highOf(k, at), lowOf(k, at))) {
    clearHugePte(k, mm, vpn, at);
    flushTlbPending(k, k.cpu);
  }
  updatePteAt(k, mm, first, at, hi & f.countHi, lo & f.countLo, true);
}

function lowOf(k: Kernel, at: number): number {
  return k.memory.words[at + k.tables.loAt] as number;
}

function highOf(k: Kernel, at: number): number {
  return k.tables.pteWords === 2 ? (k.memory.words[at + k.tables.hiAt] as number) : 0;
}
