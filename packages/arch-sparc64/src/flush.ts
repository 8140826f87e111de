/**
 * TLB flushes (arch/sparc64/mm/tlb.c, ultra.S). Everything is driven by stores of ptes: an old word with VALID joins the
 * CPU's batch, and flush_tlb_page, _range and _mm only send the batch, whatever they are asked for. What is in a batch:
 * the page, bit 0 set when the old word had EXEC, which means "in the instruction TLB too".
 */
import {
  type Cpu,
  callFunction,
  FLUSH_PENDING,
  type FlushBatch,
  KERNEL_CONTEXT,
  type Mm,
  type MmuHost,
  PENDING_QUEUED,
  PURGES,
  TLB_BUCKETS,
  type Tlb,
} from '@fourfold/core/arch';
import type { ContextAllocator } from './context.js';
import type { VpteArea } from './layout.js';
import { EXEC_LO } from './pte.js';

/** What an interrupt does that brings nothing more. */
const NOTHING = (): void => {};

/** Sends what is pending, here and to the other CPUs of the mm's cpu_vm_mask by cross call (arch/sparc64/kernel/smp.c). */
export class Sparc64Flush {
  private readonly host: MmuHost;
  private readonly contexts: ContextAllocator;
  private readonly area: VpteArea;
  /** The TLB is one unit for each side. */
  private readonly byHash: boolean;
  /** What the flush under way is about, for the CPUs that it interrupts, and what it dropped. */
  private batch!: FlushBatch;
  private pending = 0;
  private first = 0;
  private last = 0;
  private purged = 0;
  /** VPTE pages of the range that is flushed. */
  private queued = 0;

  constructor(host: MmuHost, contexts: ContextAllocator, area: VpteArea) {
    this.host = host;
    this.contexts = contexts;
    this.area = area;
    this.byHash = host.arch.tlb.exec.length === 1 && host.arch.tlb.data.length === 1;
  }

  /**
   * flush_tlb_pending. Entries of an mm whose context is no longer valid are dropped: nobody can hit them.
   * @returns how many translations went; -1 when nothing was pending
   */
  pendingOf(cpu: Cpu): number {
    const { batch } = cpu;
    const { mm, nr } = batch;
    batch.nr = 0;
    batch.mm = null;
    if (nr === 0 || mm === null) return -1;
    this.purged = 0;
    if (this.contexts.isValid(mm.context)) {
      this.batch = batch;
      callFunction(this.host, this.others(cpu, mm), 'ipiFlushPage', this.onPending, mm, nr);
      this.onPending(cpu, mm, nr);
    }
    return this.purged;
  }

  /**
   * flush_tlb_pgtables: the kernel queues one demap for each VPTE page of the range and flushes whenever the batch is
   * full. Here the TLBs are searched once, so that a range of terabytes costs as little as a small one; the counters
   * are those of the loop. The batch is empty, or has entries of the same mm.
   * @returns how many translations went
   */
  tables(cpu: Cpu, mm: Mm, start: number, end: number): number {
    const { batch } = cpu;
    const { defectsKept, arch } = this.host;
    const { values } = this.host.counters;
    const range = vpteFlushRange(this.area, start, end, defectsKept);
    const everything = range.swapped && !defectsKept;
    this.first = everything ? this.area.windowPage : range.first;
    this.last = everything ? this.area.spacePages : range.end;
    this.batch = batch;
    this.pending = batch.nr;
    this.purged = 0;
    const queued = range.end - range.first;
    this.queued = queued;
    const flushes = Math.ceil((batch.nr + queued) / arch.pendingFlush.capacity);
    batch.nr = 0;
    batch.mm = null;
    if (flushes > 0 && this.contexts.isValid(mm.context)) {
      const others = this.others(cpu, mm);
      // The first cross call of the loop brings all that was queued, the others are counted.
      callFunction(this.host, others, 'ipiFlushPage', this.onTables, mm);
      for (let i = 1; i < flushes; i++) callFunction(this.host, others, 'ipiFlushPage', NOTHING, mm);
      this.onTables(cpu, mm);
    }
    values[PENDING_QUEUED] = (values[PENDING_QUEUED] as number) + queued;
    values[FLUSH_PENDING] = (values[FLUSH_PENDING] as number) + flushes;
    return this.purged;
  }

  /** flush_tlb_kernel_range: the nucleus's pages one by one, here and by cross call everywhere. How many translations went. */
  kernelRange(start: number, end: number): number {
    const { host } = this;
    this.first = start;
    this.last = end;
    this.purged = 0;
    callFunction(host, -1, 'ipiFlushPage', this.onKernelRange, host.initMm);
    this.onKernelRange(host.cpu);
    return this.purged;
  }

  /**
   * The CPUs that a flush on `cpu` has to reach (smp_flush_tlb_pending). With one user, who runs here, the others leave the mask:
   * they flush the context when they come back to it. The kernel takes the mm that the CPU has loaded for the one that runs: a
   * kernel thread that borrows it (reclaim, a truncation) leaves the CPU alone where its only user is. Mended as later kernels
   * did, which ask whether the task has the mm.
   */
  private others(cpu: Cpu, mm: Mm): number {
    const runsHere = cpu.mm === mm && (cpu.task !== null || this.host.defectsKept);
    if (runsHere && mm.users === 1) mm.cpuVmMask = 1 << cpu.id;
    return mm.cpuVmMask;
  }

  private countPurges(demaps: number): void {
    const { values } = this.host.counters;
    values[PURGES] = (values[PURGES] as number) + demaps;
  }

  /** xcall_flush_tlb_pending, and __flush_tlb_pending of the CPU itself. */
  private readonly onPending = ({ tlb }: Cpu, mm: Mm, nr: number): void => {
    this.countPurges(nr);
    this.purged += demapBatch(tlb, this.byHash, this.batch, nr, this.contexts.numberOf(mm.context));
  };

  /** xcall_flush_tlb_kernel_range. */
  private readonly onKernelRange = ({ tlb }: Cpu): void => {
    this.countPurges(this.last - this.first);
    this.purged += tlb.dropRange(this.first, this.last, KERNEL_CONTEXT);
  };

  private readonly onTables = ({ tlb }: Cpu, mm: Mm): void => {
    const context = this.contexts.numberOf(mm.context);
    this.countPurges(this.pending + this.queued);
    this.purged += demapBatch(tlb, this.byHash, this.batch, this.pending, context);
    this.purged += tlb.dropRange(this.first, this.last, context);
  };
}

/**
 * Demaps every entry of a batch from one TLB; answers how many slots went. The kernel goes from last to first.
 * @param byHash whether the TLB is one unit for each side, so that the hash of the first level knows all of it.
 */
export function demapBatch(tlb: Tlb, byHash: boolean, batch: FlushBatch, nr: number, context: number): number {
  let dropped = 0;
  for (let i = nr - 1; i >= 0; i--) {
    const vpn = batch.vpn[i] as number;
    const vpnHi = (vpn / 4294967296) | 0;
    const vpnLo = vpn | 0;
    if (!byHash || tlb.wideSlots !== 0) {
      dropped += tlb.dropPage(vpnHi, vpnLo, context);
      continue;
    }
    tlb.watch?.dropping(vpn, vpn + 1, context);
    const before = dropped;
    if (((batch.oldLo[i] as number) & EXEC_LO) !== 0 && !tlb.sharedFirstLevel) {
      dropped += demapSide(tlb, TLB_BUCKETS, vpnHi, vpnLo, context);
    }
    dropped += demapSide(tlb, 0, vpnHi, vpnLo, context);
    tlb.watch?.dropped(dropped - before);
  }
  return dropped;
}

/** Demaps a page from one side, through the hash of its first level. */
function demapSide(tlb: Tlb, bucketBase: number, vpnHi: number, vpnLo: number, context: number): number {
  let dropped = 0;
  let slot = tlb.head[bucketBase + (vpnLo & (TLB_BUCKETS - 1))] as number;
  while (slot >= 0) {
    const next = tlb.linkOf(slot);
    if (tlb.vpnLoOf(slot) === vpnLo && tlb.vpnHiOf(slot) === vpnHi && tlb.contextOf(slot) === context) {
      tlb.drop(slot);
      dropped++;
    }
    slot = next;
  }
  return dropped;
}

/** Pages of the linear table that flush_tlb_pgtables puts into the batch. */
export interface VpteRange {
  /** First page, and the page behind the last; end - first is the number of batch entries. */
  readonly first: number;
  readonly end: number;
  /** The range reached from one half of user space into the other, so the kernel swapped its ends. */
  readonly swapped: boolean;
}

/**
 * flush_tlb_pgtables: the VPTE pages of pages [start, end), rounded out to whole pte tables.
 *
 * When the end lies below the start (the range crosses the hole) the kernel swaps them, and so names all VPTE pages
 * *but* those of the range.
 * @param wrapped whether an end at the top of the address space counts as 0, as in the kernel's 64-bit arithmetic: a
 *   range that ends where the hole begins is then swapped too.
 */
export function vpteFlushRange(area: VpteArea, start: number, end: number, wrapped: boolean): VpteRange {
  const ptes = 2 ** area.pteBits;
  const first = area.pageOf(Math.floor(start / ptes) * ptes);
  let last = area.pageOf(Math.ceil(end / ptes) * ptes);
  if (wrapped && last === area.spacePages) last = 0;
  return last < first ? { first: last, end: first, swapped: true } : { first, end: last, swapped: false };
}

// --- demap commands, as the kernel writes them to the MMU ------------------------------------------------------------

/** Context that a demap command acts on, bits 5:4. */
export const DEMAP_PRIMARY = 0x00n;
export const DEMAP_SECONDARY = 0x10n;
export const DEMAP_NUCLEUS = 0x20n;
/** Bit 6: the whole context instead of a page; bit 7: everything that is not locked (cheetah). */
export const DEMAP_CONTEXT = 0x40n;
export const DEMAP_ALL = 0x80n;

/** A batch entry as the kernel stores it: the page address, bit 0 for "instruction TLB too". */
export function batchEntry(pageAddress: bigint, exec: boolean): bigint {
  return exec ? pageAddress | 1n : pageAddress;
}

/** The demap address spitfire writes for a batch entry: the page in the secondary context. */
export function spitfireDemapWord(entry: bigint): bigint {
  return (entry & ~1n) | DEMAP_SECONDARY;
}

/**
 * The demap address cheetah writes: the plain page. Its instruction MMU cannot demap the secondary context, so the
 * context is put into the primary register first.
 */
export function cheetahDemapWord(entry: bigint): bigint {
  return (entry & ~1n) | DEMAP_PRIMARY;
}
