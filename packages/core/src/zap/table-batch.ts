/**
 * Tables that handlers of other CPUs may be walking without a lock (pgtable_free_tlb of a port). One of an mm
 * with a single user, or that this CPU alone has run, is freed at once. Others are written into a page, which is given to RCU when it
 * is full and when the gather flushes; without a page for them, every CPU is interrupted once and the table freed then.
 */
import type { Kernel } from '../kernel.js';
import { freeTable } from '../pgtable/alloc.js';
import { callFunction } from '../smp/ipi.js';
import type { Mm } from '../vma/mm.js';

/** Bytes of the head of a batch, in its page before the tables, and of each of them. */
const HEAD_BYTES = 24;
const TABLE_BYTES = 8;

export class TableBatch {
  private readonly k: Kernel;
  /** PTE_FREELIST_SIZE. */
  readonly capacity: number;
  /** The page that they are written into; -1 for none. */
  private page = -1;
  /** Level and physical address of each. */
  private tables: number[] = [];

  constructor(k: Kernel) {
    this.k = k;
    this.capacity = Math.floor((k.arch.pageSize - HEAD_BYTES) / TABLE_BYTES);
  }

  /** pgtable_free_tlb of a table of `level` at physical address `pa`, which nothing links any more. */
  free(mm: Mm, level: number, pa: number): void {
    const { k } = this;
    if (mm.users < 2 || mm.cpuVmMask === 1 << k.cpu.id) {
      freeTable(k, level, pa);
      return;
    }
    if (this.page < 0) this.page = k.pages.alloc(0);
    if (this.page < 0) {
      k.tables.stopped?.finish();
      callFunction(k, -1, 'ipiCall', () => {}, mm);
      freeTable(k, level, pa);
      return;
    }
    this.tables.push(level, pa);
    if (this.tables.length === 2 * this.capacity) this.submit();
  }

  /** pte_free_finish: what was collected waits for a grace period. */
  submit(): void {
    const { k, tables, page } = this;
    if (page < 0) return;
    this.page = -1;
    this.tables = [];
    k.rcu.call(() => {
      for (let i = 0; i < tables.length; i += 2) freeTable(k, tables[i] as number, tables[i + 1] as number);
      k.pages.free(page, 0);
    });
  }
}
