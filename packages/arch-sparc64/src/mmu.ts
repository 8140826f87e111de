/**
 * The MMU of UltraSPARC as Linux 2.6.15 drives it: no hardware walk, the TLB is filled by a trap handler that finds the
 * pte with one load from a linear page table ("VPTE area", layout.ts). That load needs a translation of its own, in the
 * same context and the same data TLB; when it is missing a nested handler reads pgd and pmd with physical loads and
 * puts the VPTE page into the TLB, for privileged use only (arch/sparc64/kernel: dtlb_base.S, itlb_base.S,
 * dtlb_backend.S).
 *
 * - The handler looks at VALID, and for a fetch at EXEC. What it finds goes to the TLB as it is: a store through an entry
 *   without W fills the TLB and is then stopped by the protection trap, which is a rights fault.
 * - Contexts are given when a CPU first runs an mm (context.ts) and flushed by whoever gets a number next.
 * - Nothing is flushed at exit. What the old number's translations point at is out of reach by then.
 *
 * Port defects, mended unless the host keeps them:
 * - After a change of the context version the kernel leaves cpu_vm_mask alone, so a CPU that ran the mm long ago reuses
 *   another mm's leftovers under the new number, and CPUs that run other threads of it keep the old number. Mended as
 *   later kernels did: the mask starts anew with the number, and the running mms of other CPUs are given theirs at once.
 * - A kernel thread that borrows an mm flushes it on its own CPU alone (flush.ts).
 * - flush_tlb_pgtables across the address hole flushes the complement of the range. Mended by flushing all of the area.
 */
import {
  type AccessKind,
  CONTEXTS_ALLOCATED,
  type Cpu,
  EXEC,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RIGHTS,
  LOAD,
  MISSES_REFUSED,
  type Mm,
  Mmu,
  type MmuHost,
  NESTED_FILLS,
  type PhysicalMemory,
  PURGED_ENTRIES,
  PURGES,
  type ReportLine,
  SOFTWARE_FILLS,
  TLB_TABLE,
  type TlbTruth,
  WALK_REFERENCES,
} from '@fourfold/core/arch';
import { ContextAllocator, CTX_VERSION_STEP, contextBits } from './context.js';
import { DataCache } from './dcache.js';
import { Sparc64Flush } from './flush.js';
import { pteIndexBits, upperIndexBits } from './geometry.js';
import { IoRuns } from './io-runs.js';
import { Sparc64KernelAccess } from './kernel-access.js';
import { VpteArea } from './layout.js';
import { ContextPageSizes, type PageSizes } from './page-sizes.js';
import { E_LO, EXEC_LO, P_LO } from './pte.js';
import { UPPER_SHIFT } from './tables.js';

/** PADDR bits 42:32, in the high half. */
const PADDR_HI = 0x7ff;

export class Sparc64Mmu extends Mmu {
  /** The machine's context numbers. */
  readonly contexts: ContextAllocator;
  readonly dcache: DataCache;
  /** The page sizes of contexts, on a processor that has them. */
  readonly pageSizes: ContextPageSizes | null;
  private readonly memory: PhysicalMemory;
  private readonly slot: Int32Array;
  private readonly counts: Float64Array;
  private readonly area: VpteArea;
  private readonly firstPfn: number;
  private readonly nrPages: number;
  private readonly pageShift: number;
  /** SZ code of the base page. */
  private readonly baseSize: number;
  private readonly pteBits: number;
  private readonly pteMask: number;
  private readonly upperBits: number;
  private readonly upperMask: number;
  private readonly upperToPfn: number;
  private readonly loAt: number;
  private readonly hiAt: number;
  private readonly halfShift: number;
  private readonly topHi: number;
  private readonly baseLo: number;
  private readonly windowLo: number;
  private readonly highLo: number;
  private readonly flush: Sparc64Flush;
  private readonly ioRuns: IoRuns;

  constructor(host: MmuHost, pageSizes: PageSizes | null = null) {
    super(host, new Sparc64KernelAccess(host));
    const { pageShift } = host.arch.geometry;
    const area = new VpteArea(pageShift);
    this.contexts = new ContextAllocator(contextBits(pageShift));
    this.dcache = new DataCache(host);
    this.pageSizes = pageSizes === null ? null : new ContextPageSizes(host, this.contexts, pageSizes);
    this.memory = host.memory;
    this.slot = host.memory.slot;
    this.counts = host.counters.values;
    this.area = area;
    this.firstPfn = host.memory.firstPfn;
    this.nrPages = host.memory.nrPages;
    this.pageShift = pageShift;
    this.baseSize = (pageShift - 13) / 3;
    this.pteBits = pteIndexBits(pageShift);
    this.pteMask = (1 << this.pteBits) - 1;
    this.upperBits = upperIndexBits(pageShift);
    this.upperMask = (1 << this.upperBits) - 1;
    this.upperToPfn = pageShift - UPPER_SHIFT;
    this.loAt = host.tables.loAt;
    this.hiAt = host.tables.hiAt;
    this.flush = new Sparc64Flush(host, this.contexts, area);
    this.ioRuns = new IoRuns(host);
    this.halfShift = area.halfShift;
    this.topHi = area.topHi;
    this.baseLo = area.baseLo;
    this.windowLo = area.windowLo;
    this.highLo = area.highLo;
  }

  // --- misses --------------------------------------------------------------------------------------------------------

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    // The hole, and what lies past user space: the processor or the privilege bit stops the access.
    if (
      vpnHi === 0
        ? vpnLo >>> this.halfShift !== 0
        : vpnHi !== this.topHi || vpnLo < this.highLo || vpnLo >= this.windowLo
    ) {
      this.count(MISSES_REFUSED);
      return FAULT_ABSENT;
    }
    const counts = this.counts;
    counts[SOFTWARE_FILLS] = (counts[SOFTWARE_FILLS] as number) + 1;
    const { tlb, context } = cpu;
    // Legal page numbers are the sign extension of their low half, so one signed shift gives the place in the area.
    const offset = vpnLo >> this.pteBits;
    const vpteSlot = tlb.find(LOAD, this.topHi, this.baseLo + offset, context);
    const table = vpteSlot >= 0 ? tlb.frameOf(vpteSlot) : this.nestedMiss(cpu, offset);
    if (table < 0) return FAULT_ABSENT;
    counts[WALK_REFERENCES] = (counts[WALK_REFERENCES] as number) + 1;
    const words = this.memory.words;
    const at = (this.slot[table] as number) + ((vpnLo & this.pteMask) << 1);
    const hi = words[at + this.hiAt] as number;
    if (hi >= 0) return FAULT_ABSENT; // VALID is the sign bit
    const lo = words[at + this.loAt] as number;
    if (kind === EXEC && (lo & EXEC_LO) === 0) return FAULT_RIGHTS;
    const shift = this.pageShift;
    const pfn = (lo >>> shift) | ((hi & PADDR_HI) << (32 - shift));
    let page = this.firstPfn >= 0 ? pfn - this.firstPfn : this.memory.pfnToPage(pfn);
    // RIGHT_EXEC from bit 12, RIGHT_LOAD always, RIGHT_STORE from W (bit 1); nothing for a privileged page.
    const rights = (lo & P_LO) !== 0 ? 0 : ((lo >>> 12) & 1) | 2 | ((lo & 2) << 1);
    if (page < 0 || page >= this.nrPages) {
      page = this.memory.deviceFrame(pfn);
      if (page < 0) return ((rights >>> kind) & 1) !== 0 ? FAULT_BUS : FAULT_RIGHTS;
    }
    const size = (hi >>> 29) & 3;
    let span = 0;
    if (size > this.baseSize) {
      span = 3 * (size - this.baseSize);
      if ((lo & E_LO) !== 0) span = this.ioRuns.spanAt(kind, at, hi, lo, vpnLo, span);
      page -= pfn & ((1 << span) - 1); // hardware ignores the low frame bits of a large page
    }
    // G (bit 0) is TLB_GLOBAL.
    const slot = tlb.fill(kind, vpnHi, vpnLo, context, page, rights, lo & 1, span);
    return ((rights >>> kind) & 1) !== 0 ? slot : FAULT_RIGHTS;
  }

  /** The protection trap of a store; an address of the linear table is nothing that user mode can reach. */
  override denied(cpu: Cpu, kind: AccessKind, slot: number, vpnHi: number, vpnLo: number): number {
    const { tlb } = cpu;
    if ((tlb.attrsOf(slot) & TLB_TABLE) !== 0) return FAULT_ABSENT;
    if (!this.ioRuns.isInTheWay(cpu.mm, tlb, slot, kind, vpnHi, vpnLo)) return FAULT_RIGHTS;
    tlb.drop(slot);
    return this.miss(cpu, kind, vpnHi, vpnLo);
  }

  /** The miss of a VPTE page: puts its translation into the data TLB; answers the page of the pte table, or -1. */
  private nestedMiss(cpu: Cpu, offset: number): number {
    const counts = this.counts;
    counts[NESTED_FILLS] = (counts[NESTED_FILLS] as number) + 1;
    const page = cpu.mm === null ? -1 : this.pteTable(this.pmdTable(cpu, cpu.mm, offset), offset, true);
    if (page < 0) return -1;
    cpu.tlb.fill(LOAD, this.topHi, this.baseLo + offset, cpu.context, page, 0, TLB_TABLE, 0);
    return page;
  }

  /** The nested handler's first load: page of the pmd table for `offset` pages from the middle of the area, -1 for none. */
  protected pmdTable(_cpu: Cpu, mm: Mm, offset: number): number {
    this.reference();
    return this.pmdTableOf(mm, offset);
  }

  /** The same by the root, for nobody who counts. */
  protected pmdTableOf(mm: Mm, offset: number): number {
    const index = (offset >> this.upperBits) & this.upperMask;
    return this.tablePage(this.memory.words[mm.rootWord + index] as number);
  }

  /** Page of the pte table at `offset` pages from the middle of the area (negative: the high half); -1 for none. */
  private pteTable(pmdTable: number, offset: number, counted: boolean): number {
    if (pmdTable < 0) return -1;
    if (counted) this.reference();
    return this.tablePage(this.memory.words[(this.slot[pmdTable] as number) + (offset & this.upperMask)] as number);
  }

  private reference(): void {
    this.counts[WALK_REFERENCES] = (this.counts[WALK_REFERENCES] as number) + 1;
  }

  /** Page of the table that an upper entry points to, -1 for none. */
  private tablePage(entry: number): number {
    if (entry === 0) return -1;
    const pfn = entry >>> this.upperToPfn;
    const page = this.firstPfn >= 0 ? pfn - this.firstPfn : this.memory.pfnToPage(pfn);
    return page >= 0 && page < this.nrPages ? page : -1;
  }

  // --- the data cache ------------------------------------------------------------------------------------------------

  override flushDcachePage(page: number): void {
    this.dcache.flushPage(page);
  }

  override updateMmuCache(_cpu: Cpu, mm: Mm, _vpn: number, hi: number, lo: number): void {
    this.dcache.mapped(mm, this.pageOf(hi, lo));
  }

  override entryQueued(mm: Mm, vpn: number, oldHi: number, oldLo: number): void {
    this.dcache.unmapped(mm, vpn, oldLo, this.pageOf(oldHi, oldLo));
  }

  /** Page of the mem_map that an entry maps, -1 for none. */
  private pageOf(hi: number, lo: number): number {
    const shift = this.pageShift;
    return this.memory.pfnToPage((lo >>> shift) | ((hi & PADDR_HI) << (32 - shift)));
  }

  // --- contexts ------------------------------------------------------------------------------------------------------

  override destroyContext(mm: Mm): void {
    this.contexts.release(mm.context);
    mm.context = 0;
  }

  /**
   * switch_mm, and activate_mm when `prev` is null. The context switch sends the CPU's batch first. A context that was
   * given just now, or that this CPU did not hold before, is flushed here: its number may have had another owner.
   */
  override switchMm(cpu: Cpu, prev: Mm | null, next: Mm): void {
    if (cpu.batch.nr !== 0) this.flushPending(cpu);
    const given = !this.contexts.isValid(next.context);
    if (given) this.giveContext(cpu, next);
    if (given || prev !== next || cpu.mm !== next) this.load(cpu, next);
    if (given || prev === null || (next.cpuVmMask & (1 << cpu.id)) === 0) this.flushContext(cpu, next);
  }

  override mmOfSlot(cpu: Cpu, slot: number): Mm | null {
    const context = cpu.tlb.contextOf(slot);
    for (const mm of this.host.mms) {
      // A CPU outside the mask flushes the number before it uses it: what it holds is an old owner's.
      if ((mm.cpuVmMask & (1 << cpu.id)) === 0) continue;
      if (this.contexts.isValid(mm.context) && this.contexts.numberOf(mm.context) === context) return mm;
    }
    return null;
  }

  override contextOf(mm: Mm): number {
    return this.contexts.isValid(mm.context) ? this.contexts.numberOf(mm.context) : -1;
  }

  /** The VPTE page that the pte table is. */
  override cachedTable(_mm: Mm, vpn: number): number {
    return this.area.pageOf(vpn);
  }

  private giveContext(cpu: Cpu, mm: Mm): void {
    const old = this.contexts.cache;
    this.allocate(mm);
    if (this.host.defectsKept || this.contexts.isValid(old)) return;
    for (const other of this.host.cpus) {
      const running = other.mm;
      if (other === cpu || running === null || !this.host.mms.has(running)) continue;
      if (!this.contexts.isValid(running.context)) this.allocate(running);
      this.load(other, running);
      this.flushContext(other, running);
    }
  }

  private allocate(mm: Mm): void {
    mm.context = this.contexts.allocate(mm.context);
    if (!this.host.defectsKept) mm.cpuVmMask = 0;
    this.count(CONTEXTS_ALLOCATED);
  }

  protected load(cpu: Cpu, mm: Mm): void {
    cpu.mm = mm;
    cpu.context = this.contexts.numberOf(mm.context) | 0;
    this.pageSizes?.load(cpu, mm);
  }

  override hugetlbHook(mm: Mm): void {
    const purged = this.pageSizes?.set(mm) ?? -1;
    if (purged >= 0) this.countFlush('mm', purged);
  }

  /** Adds the CPU to the mm's mask and demaps the whole context there. */
  private flushContext(cpu: Cpu, mm: Mm): void {
    mm.cpuVmMask |= 1 << cpu.id;
    this.count(PURGES);
    this.count(PURGED_ENTRIES, cpu.tlb.dropContext(this.contexts.numberOf(mm.context)));
  }

  // --- flushes: all of them send what is pending ---------------------------------------------------------------------

  override flushPage(_mm: Mm, _vpn: number): void {
    this.countFlush('page', 0);
    this.flushRunning();
  }

  override flushRange(_mm: Mm, _start: number, _end: number): void {
    this.countFlush('range', 0);
    this.flushRunning();
  }

  override flushMm(_mm: Mm): void {
    this.countFlush('mm', 0);
    this.flushRunning();
  }

  /** A dying mm's translations are left where they are: whoever gets the number next flushes it. */
  override gatherFlush(_mm: Mm, fullmm: boolean): void {
    if (!fullmm) this.flushRunning();
  }

  override flushPending(cpu: Cpu): void {
    const purged = this.flush.pendingOf(cpu);
    if (purged >= 0) this.countFlush('pending', purged);
  }

  override flushKernelRange(start: number, end: number): void {
    if (start !== end) this.countFlush('range', this.flush.kernelRange(start, end));
  }

  override flushTables(mm: Mm, start: number, end: number): void {
    const cpu = this.running();
    if (cpu.fullmmGather) return;
    if (cpu.batch.nr > 0 && cpu.batch.mm !== mm) this.flushPending(cpu);
    this.countFlush('tables', this.flush.tables(cpu, mm, start, end));
  }

  private flushRunning(): void {
    const cpu = this.running();
    if (cpu.batch.nr !== 0) this.flushPending(cpu);
  }

  /** The CPU that runs the kernel's code. */
  private running(): Cpu {
    return this.host.cpu;
  }

  // --- report --------------------------------------------------------------------------------------------------------

  override reportExtra(): readonly ReportLine[] {
    const { counts, contexts } = this;
    const fills = counts[SOFTWARE_FILLS] as number;
    const nested = counts[NESTED_FILLS] as number;
    return [
      { name: 'misses served from a cached VPTE page', value: fills - nested, unit: 'misses' },
      { name: 'misses with a nested VPTE miss', value: nested, unit: 'misses' },
      { name: 'context numbers given', value: counts[CONTEXTS_ALLOCATED] as number, unit: 'numbers' },
      { name: '  version, from 1 on', value: Math.floor(contexts.cache / CTX_VERSION_STEP), unit: 'versions' },
    ];
  }

  // --- audit ---------------------------------------------------------------------------------------------------------

  /** A VPTE page is right while the pmd entry of its place points at the same pte table; user mode gets nothing. */
  override truth(mm: Mm, cpu: Cpu, slot: number): TlbTruth {
    const { tlb } = cpu;
    if ((tlb.attrsOf(slot) & TLB_TABLE) === 0)
      return (tlb.spanOf(slot) === 0 ? null : this.ioRuns.truth(mm, tlb, slot)) ?? super.truth(mm, cpu, slot);
    const offset = tlb.vpnLoOf(slot) - this.baseLo;
    return { frame: this.pteTable(this.pmdTableOf(mm, offset), offset, false), rights: 0 };
  }
}

/** Indices of the nested handler, cut from a VPTE address's offset in the area (not from the address itself). */
export function nestedIndices(pageShift: number, vpteOffset: bigint): { pgd: number; pmd: number } {
  const mask = (1n << BigInt(upperIndexBits(pageShift))) - 1n;
  return {
    pgd: Number((vpteOffset >> BigInt(pageShift + upperIndexBits(pageShift))) & mask),
    pmd: Number((vpteOffset >> BigInt(pageShift)) & mask),
  };
}

/** TTE of a miss in the kernel's direct map: no table is read, the address is turned into a 4 MiB translation. */
export function directMapTte(va: bigint): bigint {
  return (va & ~0x1fffn) ^ 0x1fff_f800_0000_0036n;
}
