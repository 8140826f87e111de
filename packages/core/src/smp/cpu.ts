/** A virtual CPU: its TLBs, the mm it runs, and the batch of translations it still has to flush. */
import type { TlbShape } from '../arch/mmu-data.js';
import { PageBatch } from '../reclaim/lru-batch.js';
import { Tlb } from '../tlb/tlb.js';
import type { Mm } from '../vma/mm.js';

/** One CPU. */
export class Cpu {
  readonly id: number;
  readonly tlb: Tlb;
  /** active_mm; null while no user tables are loaded. */
  mm: Mm | null = null;
  /** The process whose user mode the CPU returns to; null while a kernel thread runs, with the mm borrowed (lazy TLB). */
  task: object | null = null;
  /** Context number the TLB is looked up with: what the last switch loaded. -1: no user translation can be used. */
  context = 0;
  /** Offset in its page of the access under way; of accesses that are known by their pages alone, 0. */
  accessOffset = 0;
  readonly batch: FlushBatch;
  /** Pages on their way to the active and the inactive list. */
  readonly lruActive: PageBatch = new PageBatch();
  readonly lruInactive: PageBatch = new PageBatch();
  /** A gather of a dying mm is open on this CPU. */
  fullmmGather = false;
  /** Per-CPU registers of the machine (CR3, region registers, SLB ...), owned by its Mmu. */
  registers: unknown = null;

  constructor(id: number, shape: TlbShape, batchCapacity: number) {
    this.id = id;
    this.tlb = new Tlb(shape);
    this.batch = new FlushBatch(batchCapacity);
  }
}

/** Old entries of one mm whose translations wait to be flushed (the port's TLB batch). */
export class FlushBatch {
  mm: Mm | null = null;
  nr = 0;
  /** The entries are of huge pages, each one pte: a batch holds one page size. */
  huge = false;
  readonly vpn: Float64Array;
  readonly oldLo: Int32Array;
  readonly oldHi: Int32Array;

  constructor(capacity: number) {
    this.vpn = new Float64Array(capacity);
    this.oldLo = new Int32Array(capacity);
    this.oldHi = new Int32Array(capacity);
  }
}
