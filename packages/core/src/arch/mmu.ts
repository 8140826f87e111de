/**
 * The code of a machine: what is not data. One Mmu serves all CPUs of a Machine; per-CPU registers hang on the Cpu.
 * Calls are coarse: one per TLB miss, per flush, per context switch; never one per bit or per level. Every method has a
 * default, so a new one never breaks a third-party machine, and states the law the conformance kit tests.
 */
import { ERRNO } from '../errors.js';
import type { Counters } from '../events/counters.js';
import {
  FLUSH_ALL,
  FLUSH_MM,
  FLUSH_PAGE,
  FLUSH_PENDING,
  FLUSH_RANGE,
  FLUSH_TABLES,
  PURGED_ENTRIES,
} from '../events/counters.js';
import type { EventRing } from '../events/ring.js';
import type { MemMap } from '../memory/mem-map.js';
import type { PhysicalMemory } from '../memory/physical.js';
import type { PageTables } from '../pgtable/page-tables.js';
import type { Cpu } from '../smp/cpu.js';
import { callFunction } from '../smp/ipi.js';
import type { Op } from '../smp/lock.js';
import { KERNEL_CONTEXT, TLB_TABLE } from '../tlb/record.js';
import type { Mm } from '../vma/mm.js';
import { type AccessKind, FAULT_RIGHTS } from './access.js';
import type { ArchDescriptor } from './descriptor.js';
import type { HugeFormat } from './hugetlb.js';
import { KernelAccess } from './kernel-access.js';

/** What machine code may reach of the machine it belongs to. */
export interface MmuHost {
  readonly arch: ArchDescriptor;
  readonly memory: PhysicalMemory;
  readonly map: MemMap;
  readonly tables: PageTables;
  readonly counters: Counters;
  readonly events: EventRing;
  readonly cpus: readonly Cpu[];
  /** The CPU that runs the code now. */
  readonly cpu: Cpu;
  /** init_mm with the kernel's own tables; null until it maps something. */
  readonly initMm: Mm | null;
  /** Live mms, for code that has to find one by its context (audit). */
  readonly mms: ReadonlySet<Mm>;
  /**
   * Takes 2^order frames in a row, aligned to their size, zeroed and never given back, for a structure of the machine
   * (a hashed page table). Only while the Mmu is made. The first page, or -1 without room. Their contents lie in a row
   * too: the words of page + n begin n pages behind those of page.
   */
  reserve?(order: number): number;
  /** Whether the port's own defects are kept. */
  readonly defectsKept: boolean;
  /** page_mapping and mapping_mapped of a page: MAPPING_NONE, MAPPING_UNUSED or MAPPING_USED. */
  mappingState(page: number): number;
}

/** The live tables' word on a TLB slot: what the audit compares it with. */
export interface TlbTruth {
  /** Page of the mem_map, or frame of a device, the tables give now, -1 for none. */
  readonly frame: number;
  /** RIGHT_ bits the tables give now. */
  readonly rights: number;
}

/** One figure of a machine's own, for reports. */
export interface ReportLine {
  /** A few words, of which no other line of the machine has the same. */
  readonly name: string;
  /** A figure; or a histogram, whose index says how many and whose value how often. */
  readonly value: number | readonly number[];
  /** What is counted. */
  readonly unit: string;
}

export abstract class Mmu {
  /** The kernel's accesses to its own mappings. */
  readonly kernel: KernelAccess;
  protected readonly host: MmuHost;

  /** @param kernel default: what no machine has of its own */
  constructor(host: MmuHost, kernel: KernelAccess = new KernelAccess(host)) {
    this.host = host;
    this.kernel = kernel;
  }

  // --- translation -------------------------------------------------------------------------------------------------

  /**
   * Resolves a TLB miss by reading the machine's own structure in simulated memory and fills the TLB.
   * Law: the answer is a slot of `cpu.tlb` whose translation the tables give now and which allows the access, or
   * FAULT_ABSENT, FAULT_RIGHTS, FAULT_BUS, FAULT_REFUSED or FAULT_RETRY, with nothing changed but accessed and dirty bits that
   * hardware keeps.
   */
  abstract miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number;

  /**
   * A TLB hit in `slot` that does not allow the access. Default: a rights fault. A machine whose hardware
   * keeps the dirty bit sets it here.
   * Law: as for `miss`.
   */
  denied(_cpu: Cpu, _kind: AccessKind, _slot: number, _vpnHi: number, _vpnLo: number): number {
    return FAULT_RIGHTS;
  }

  /** What an access waits for that was answered FAULT_RETRY, before it is tried again. Default: nothing. */
  *retry(_cpu: Cpu): Op<void> {}

  /**
   * A page fault of user mode is delivered, and what a port does of it before the generic handler runs (it may purge the page of a
   * spurious fault). Default: nothing.
   * @param code what `miss` or `denied` answered
   */
  beforeGenericFault(_cpu: Cpu, _kind: AccessKind, _vpn: number, _code: number): void {}

  /** update_mmu_cache, after the fault handlers install an entry (a port may preload a hash). Default: nothing. */
  updateMmuCache(_cpu: Cpu, _mm: Mm, _vpn: number, _hi: number, _lo: number): void {}

  /** lazy_mmu_prot_update: a fault or mprotect stored an entry (a port keeps its instruction cache right). Default: nothing. */
  lazyMmuProtUpdate(_hi: number, _lo: number): void {}

  /**
   * flush_dcache_page: the kernel wrote or read a page that users may map. Only a machine whose caches are indexed by virtual
   * addresses has anything to do. Default: nothing.
   */
  flushDcachePage(_page: number): void {}

  /** copy_to_user_page: a debugger wrote into a page that programs may map. Default: nothing. */
  copyToUserPage(_page: number): void {}

  /** An entry of an mm is about to queue (`PendingFlushSpec.tells`), a dying mm's too. Default: nothing. */
  entryQueued(_mm: Mm, _vpn: number, _oldHi: number, _oldLo: number): void {}

  // --- contexts ----------------------------------------------------------------------------------------------------

  /** init_new_context. `parent` is the mm being forked, or null. Default: context 0. */
  initContext(mm: Mm, _parent: Mm | null): void {
    mm.context = 0;
  }

  /**
   * The context under which a CPU that runs `mm` now looks its TLB up, -1 when it will be given one at the next switch.
   * Default: `mm.context`.
   */
  contextOf(mm: Mm): number {
    return mm.context;
  }

  /** enter_lazy_tlb: a kernel thread runs on `cpu` with the mm borrowed. Default: nothing. */
  enterLazyTlb(_cpu: Cpu, _mm: Mm): void {}

  /** destroy_context: the mm's tables are gone. Default: nothing. */
  destroyContext(_mm: Mm): void {}

  /**
   * switch_mm (activate_mm when `prev` is null): `cpu` runs `next` from now on.
   * Law: afterwards no slot that a look-up with cpu.context can hit belongs to another mm, unless it is global.
   */
  abstract switchMm(cpu: Cpu, prev: Mm | null, next: Mm): void;

  /** The mm a slot's context belongs to now, or null when no live mm uses that context. Audit only. */
  abstract mmOfSlot(cpu: Cpu, slot: number): Mm | null;

  // --- what a CPU may cache: for the flush ledger ------------------------------------------------------------------

  /**
   * Page numbers of the TLB under which a CPU may hold translations made from an entry. Default: those of the base page, or
   * the first of a huge one.
   * @param huge it is the one entry of a huge page that begins at `vpn`.
   */
  cachedPages(vpn: number, huge: boolean, _hi: number, _lo: number): readonly number[] {
    const parts = this.host.arch.tlbSubPages;
    if (huge || parts === 1) return [vpn * parts];
    return Array.from({ length: parts }, (_, i) => vpn * parts + i);
  }

  /**
   * The page number of the TLB under which a CPU may know where the pte table of `vpn` lies: its page in a linear
   * table, or the stretch it translates. -1, the default: it does not keep that.
   */
  cachedTable(_mm: Mm, _vpn: number): number {
    return -1;
  }

  // --- flushes: law: afterwards no CPU holds a translation in the stated range that the tables do not give. ---------

  /** flush_tlb_page. Flushing more is legal, less never is. */
  abstract flushPage(mm: Mm, vpn: number): void;
  /** flush_tlb_range over page numbers [start, end). */
  abstract flushRange(mm: Mm, start: number, end: number): void;
  /** flush_tlb_mm. */
  abstract flushMm(mm: Mm): void;
  /**
   * flush_tlb_kernel_range over page numbers [start, end) of the kernel's own mappings. Default: out of every CPU's TLB, by
   * interrupt.
   */
  flushKernelRange(start: number, end: number): void {
    const { host } = this;
    const parts = host.arch.tlbSubPages;
    let dropped = 0;
    const drop = ({ tlb }: Cpu): void => {
      dropped += tlb.dropRange(start * parts, end * parts, KERNEL_CONTEXT);
    };
    callFunction(host, -1, 'ipiFlushAll', drop, null);
    drop(host.cpu);
    this.countFlush('range', dropped);
  }
  /** flush_tlb_pgtables: pte tables of [start, end) were freed. Default: nothing. */
  flushTables(_mm: Mm, _start: number, _end: number): void {}
  /** flush_tlb_pending: empties the CPU's batch. Default: nothing is ever batched. */
  flushPending(cpu: Cpu): void {
    cpu.batch.nr = 0;
    cpu.batch.mm = null;
  }
  /**
   * tlb_flush of the port's mmu_gather: called before the gathered pages are freed, and at the end. What was unmapped, and the
   * tables that were freed, lie in pages [start, end), which says nothing when `fullmm`.
   */
  abstract gatherFlush(mm: Mm, fullmm: boolean, start: number, end: number): void;

  // --- huge pages: only asked where the descriptor has them ----------------------------------------------------------

  /**
   * is_hugepage_only_range: whether some of `pages` pages from `start` may hold huge pages alone. Default: what lies in the
   * descriptor's range for them, first page and last.
   */
  isHugepageOnlyRange(_mm: Mm, start: number, pages: number): boolean {
    const huge = this.host.arch.huge as HugeFormat;
    return huge.inRange(start) && huge.inRange(start + pages - 1);
  }

  /**
   * prepare_hugepage_range: whether `mm` can have huge pages in `pages` pages from `start`; makes the range fit for them.
   * Default: whole huge pages, in the descriptor's range if it states one. 0, or a negative errno.
   */
  prepareHugepageRange(_mm: Mm, start: number, pages: number): number {
    const huge = this.host.arch.huge as HugeFormat;
    if (pages % huge.pages !== 0 || start % huge.pages !== 0) return -ERRNO.EINVAL;
    return huge.rangeStart < 0 || huge.inRange(start) ? 0 : -ERRNO.EINVAL;
  }

  /**
   * hugetlb_get_unmapped_area of a machine that has one of its own. Default: null, core searches.
   * @param hint the page asked for, 0 for none. @returns the first page, or a negative errno.
   */
  hugeUnmappedArea(_mm: Mm, _hint: number, _pages: number): number | null {
    return null;
  }

  /**
   * Where an ordinary mapping of `pages` pages at `start`, which touches an area opened for huge pages, has to be tried
   * next: behind the area when searching upward, with its end before it when searching downward. -1: it touches none.
   */
  pastHugeArea(_mm: Mm, _start: number, _pages: number, _upward: boolean): number {
    return -1;
  }

  /** hugetlb_prefault_arch_hook: `mm` maps a file of huge pages. Default: nothing. */
  hugetlbHook(_mm: Mm): void {}

  // --- audit -------------------------------------------------------------------------------------------------------

  /**
   * What the live tables say about a slot of `mm`. Default: the leaf entry of its page; machines that keep translations
   * of page tables in the TLB override it for TLB_TABLE slots.
   */
  truth(mm: Mm, cpu: Cpu, slot: number): TlbTruth {
    const { tlb } = cpu;
    if ((tlb.attrsOf(slot) & TLB_TABLE) !== 0) return { frame: -1, rights: 0 };
    const vpn = Math.floor(tlb.pageOf(slot) / this.host.arch.tlbSubPages);
    if (tlb.spanOf(slot) !== 0 && this.host.arch.huge !== null) return this.hugeTruth(mm, vpn);
    return this.leafTruth(mm, (vpn / 4294967296) | 0, vpn | 0);
  }

  /**
   * What else the audit should say about the machine's own structures (a hash table against the page tables), one
   * sentence each. Default: nothing.
   */
  auditExtra(): readonly string[] {
    return [];
  }

  // --- report ------------------------------------------------------------------------------------------------------

  /** What only this machine has to tell of a run, in the order to show it. Default: nothing. */
  reportExtra(): readonly ReportLine[] {
    return [];
  }

  protected leafTruth(mm: Mm, vpnHi: number, vpnLo: number): TlbTruth {
    return this.entryTruth(this.host.tables.lookup(mm, vpnHi, vpnLo));
  }

  /** The entry of the huge page that begins at `vpn`. */
  protected hugeTruth(mm: Mm, vpn: number): TlbTruth {
    return this.entryTruth(this.host.tables.lookupHuge(mm, vpn));
  }

  private entryTruth(at: number): TlbTruth {
    const { tables, arch, memory } = this.host;
    if (at === 0) return { frame: -1, rights: 0 };
    const f = arch.pteFormat;
    const lo = memory.words[at + tables.loAt] as number;
    const hi = f.bytes === 8 ? (memory.words[at + tables.hiAt] as number) : 0;
    const rights = f.hardwareRights(hi, lo);
    return { frame: f.isUserValid(hi, lo) ? memory.frameAt(f.frame(hi, lo)) : -1, rights };
  }

  // --- helpers for ports -------------------------------------------------------------------------------------------

  protected count(index: number, n = 1): void {
    const values = this.host.counters.values;
    values[index] = (values[index] as number) + n;
  }

  protected countFlush(which: FlushKind, purged: number): void {
    const { values } = this.host.counters;
    const at = counterOf(which);
    values[at] = (values[at] as number) + 1;
    values[PURGED_ENTRIES] = (values[PURGED_ENTRIES] as number) + purged;
  }
}

/** What was flushed. */
type FlushKind = 'page' | 'range' | 'mm' | 'tables' | 'pending' | 'all';

/** Its counter. Comparisons, most frequent first: a look-up by name cost a copy-on-write fault 50 ns. */
function counterOf(which: FlushKind): number {
  if (which === 'page') return FLUSH_PAGE;
  if (which === 'range') return FLUSH_RANGE;
  if (which === 'mm') return FLUSH_MM;
  if (which === 'pending') return FLUSH_PENDING;
  return which === 'tables' ? FLUSH_TABLES : FLUSH_ALL;
}
