/**
 * mmu_gather: frames and tables taken out of an address space, kept until the translations of them are flushed
 * (asm-generic/tlb.h). With one CPU frames are freed at once ("fast mode") and the flush comes at the end: nothing can
 * use them in between.
 */

import { KernelBug } from '../errors.js';
import { GATHER_FINISH, GATHER_FLUSH, GATHER_START } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { PG_SWAPCACHE } from '../memory/mem-map.js';
import { freeTable } from '../pgtable/alloc.js';
import { flushTlbPending } from '../pgtable/flush.js';
import { lruAddDrain } from '../reclaim/lru-batch.js';
import type { Op } from '../smp/lock.js';
import { freeSwapCache } from '../swap/cache.js';
import type { Mm } from '../vma/mm.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import { TableBatch } from './table-batch.js';

/** The gather of the kernel: open from `start` to `finish`, and never across a yield. */
export class MmuGather {
  mm!: Mm;
  /** The whole address space is going away. */
  fullmm = false;
  /** Something a TLB may still have was taken out. Nobody clears it when a gather begins, only a flush does. */
  needFlush = false;
  /** Pages that the next flush is about, and the run that is being unmapped. */
  private first = Infinity;
  private end = 0;
  private runFirst = Infinity;
  private runEnd = 0;
  private readonly k: Kernel;
  private readonly pages: Int32Array;
  private nr = 0;
  /** Tables that wait, as level and physical address. */
  private readonly tables: number[] = [];
  /** Tables of a machine whose handlers walk them without a lock; null on others. */
  readonly unlocked: TableBatch | null;
  /** How many of them take up room that pages could have. */
  private collected = 0;
  private fast = true;
  /** Pages that the counters still have, in a kernel that lowers them when the gather ends. */
  private owedAnon = 0;
  private owedFile = 0;
  private open = false;

  constructor(k: Kernel) {
    this.k = k;
    this.pages = new Int32Array(k.arch.gather.capacity);
    this.unlocked = k.arch.gather.walkedUnlocked ? new TableBatch(k) : null;
  }

  /** Whether somebody is between `start` and `finish`. */
  get isOpen(): boolean {
    return this.open;
  }

  /** tlb_gather_mmu. */
  start(mm: Mm, fullmm: boolean): this {
    if (this.open) throw new KernelBug('mmu_gather opened twice on one CPU');
    const cpu = this.k.cpu;
    if (cpu.batch.nr !== 0) flushTlbPending(this.k, cpu);
    this.mm = mm;
    this.fullmm = fullmm;
    this.first = Infinity;
    this.end = 0;
    this.fast = this.k.cpus.length === 1;
    this.open = true;
    cpu.fullmmGather = fullmm;
    if (this.k.events.on) this.k.events.emit(GATHER_START, mm.id, fullmm ? 1 : 0);
    return this;
  }

  /** Pages [start, end) are unmapped, or tables in them freed, from now until the next note. */
  note(start: number, end: number): void {
    this.runFirst = start;
    this.runEnd = end;
    if (start < this.first) this.first = start;
    if (end > this.end) this.end = end;
  }

  /** The run noted last got no further than page `end`. */
  trim(end: number): void {
    if (this.end === this.runEnd) this.end = end;
    this.runEnd = end;
  }

  /** tlb_remove_page: drops a pte's reference now or after the flush. */
  removePage(page: number): void {
    this.needFlush = true;
    if (this.fast) {
      if (((this.k.map.flags[page] as number) & PG_SWAPCACHE) !== 0) freeSwapCache(this.k, page);
      this.k.pages.put(page);
      return;
    }
    this.pages[this.nr++] = page;
    if (this.nr + this.collected >= this.pages.length) this.flush();
  }

  /** pte_free_tlb, pmd_free_tlb, pud_free_tlb. */
  freeTable(level: number, pa: number): void {
    this.needFlush = true;
    if (this.unlocked !== null) {
      this.unlocked.free(this.mm, level, pa);
      return;
    }
    if (this.fast || this.k.quicklists !== null) {
      freeTable(this.k, level, pa);
      return;
    }
    this.tables.push(level, pa);
    if (!this.k.arch.gather.collectsTables) return;
    this.collected++;
    if (this.nr + this.collected >= this.pages.length) this.flush();
  }

  /** Pages to take off the counters at the end. */
  owe(anon: number, file: number): void {
    this.owedAnon += anon;
    this.owedFile += file;
  }

  /** tlb_flush_mmu. */
  flush(): void {
    if (!this.needFlush) return;
    this.needFlush = false;
    const freesFirst = this.k.arch.gather.freesBeforeFlush && this.k.defectsKept;
    if (freesFirst) this.free();
    if (this.k.events.on) this.k.events.emit(GATHER_FLUSH, this.mm.id, this.first, this.end);
    this.k.mmu.gatherFlush(this.mm, this.fullmm, this.first, this.end);
    this.unlocked?.submit();
    if (this.k.ledger !== null) this.k.ledger.called('tlb_flush', this.mm);
    this.first = this.runFirst;
    this.end = this.runEnd;
    this.free();
  }

  /** tlb_finish_mmu. */
  finish(): void {
    this.flush();
    if (this.owedAnon !== 0) addAnonRss(this.k, this.mm, -this.owedAnon);
    if (this.owedFile !== 0) addFileRss(this.k, this.mm, -this.owedFile);
    this.owe(-this.owedAnon, -this.owedFile);
    if (this.k.events.on) this.k.events.emit(GATHER_FINISH, this.mm.id, this.runFirst, this.runEnd);
    this.k.quicklists?.[this.k.cpu.id]?.trim();
    this.open = false;
    this.k.cpu.fullmmGather = false;
  }

  private free(): void {
    if (this.nr > 0) lruAddDrain(this.k);
    for (let i = 0; i < this.nr; i++) {
      const page = this.pages[i] as number;
      if (((this.k.map.flags[page] as number) & PG_SWAPCACHE) !== 0) freeSwapCache(this.k, page);
      this.k.pages.put(page);
    }
    this.nr = 0;
    for (let i = 0; i < this.tables.length; i += 2) {
      freeTable(this.k, this.tables[i] as number, this.tables[i + 1] as number);
    }
    this.tables.length = 0;
    this.collected = 0;
  }
}

/** Ends the gather, which flushes, and begins it anew; `pause` in between, for nobody may wait with a gather open. */
export function* betweenGathers(gather: MmuGather, pause: Op<void>): Op<void> {
  const { mm, fullmm } = gather;
  gather.finish();
  yield* pause;
  gather.start(mm, fullmm);
}
