/**
 * The MMU of Itanium as Linux 2.6.15 drives it (arch/ia64/kernel/ivt.S, arch/ia64/mm/tlb.c).
 *
 * A miss goes through four hands:
 * 1. the hardware walker reads the pte from the linear table (vhpt.ts), if the TLB has the page of it. It loads whatever it
 *    finds, a pte with p = 0 too: that translation gives nothing and is Page Not Present;
 * 2. if not, the handler vhpt_miss walks pgd, pud, pmd and pte with physical addresses and inserts both the translation and
 *    the linear-table page. It inserts nothing for a pte with p = 0;
 * 3. the translation is checked in the order of the faults: present, access rights, dirty, accessed. A clear d or a is set by
 *    a handler of its own, in the pte and in the TLB, without the generic fault handler;
 * 4. Page Not Present purges the page, then calls the generic fault handler (`beforeGenericFault`), which may find that there
 *    is nothing to do.
 *
 * Tags. The hardware matches a region id and the page number inside the region. Here the tag is the mm's context number and
 * the page number of the whole 64-bit address, whose top three bits are the region: as region r of context c has the id 8c + r
 * and no other pair has it, both match exactly the same translations, and `cpu.context` is one number.
 *
 * A slot keeps in its attributes what the page would allow were it accessed and dirty (WITHHELD), so that a denied access is
 * told apart as the hardware does it, from the TLB entry and not from a pte that may have changed.
 *
 * With several CPUs another one may change an entry while a handler has it in its hands: vhpt_miss reads entries again after it
 * inserted them and purges what changed, the dirty and access handlers exchange only what they read. Nothing else runs while a
 * handler does, so that is looked at where somebody looks (`between`). On one CPU the handlers store plainly.
 *
 * Port defects, mended unless the host keeps them: the dirty and access handlers do not look at p, and so turn an entry that
 * another CPU just cleared into a swap entry; a nested miss in region 4 does not scale the address; context numbers that
 * flush_tlb_range on one CPU or an exit without pages drops are lost; when no number is left, one is given twice.
 *
 * Not modelled: translation registers, protection keys.
 */
import {
  ACCESS_ASSISTS,
  type AccessKind,
  CONTEXTS_ALLOCATED,
  type Cpu,
  DIRTY_ASSISTS,
  EXEC,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_REFUSED,
  FAULT_RIGHTS,
  highWord,
  lowWord,
  MISSES_REFUSED,
  type Mm,
  Mmu,
  type MmuHost,
  NESTED_FILLS,
  type PhysicalMemory,
  PURGED_ENTRIES,
  PURGES,
  pageNumber,
  type ReportLine,
  RIGHT_STORE,
  SOFTWARE_FILLS,
  STORE,
  TLB_ABSENT,
  TLB_CLEAN,
  TLB_OWN_SHIFT,
  TLB_TABLE,
  type TlbTruth,
  WALK_REFERENCES,
  WALKS,
} from '@fourfold/core/arch';
import { type ContextAllocator, Ia64Contexts, maxContext } from './context.js';
import { Ia64Flush } from './flush.js';
import { InstructionCache } from './icache.js';
import { Ia64KernelAccess } from './kernel-access.js';
import { LinuxWalk, PPN_HI } from './linux-walk.js';
import { A_LO, D_LO, NAT_PAGE, P_LO, USER_RIGHTS } from './pte.js';
import { type Ia64MmuSpec, Ia64Registers, RGN_GATE, RGN_HPAGE, registersOf, USER_REGIONS } from './regions.js';
import { reportOf } from './report.js';
import { LinearTable } from './vhpt.js';

/** A right that is missing; of a NaTPage its consumption, which comes before all questions of rights. */
function refusal(allowed: number): number {
  return allowed === NAT_PAGE ? FAULT_REFUSED : FAULT_RIGHTS;
}

/** A handler that has read an entry and has yet to insert or store it. */
export type Ia64Handler = 'vhpt_miss' | 'dirty_bit' | 'access_bit';

export class Ia64Mmu extends Mmu {
  /** With several CPUs: called between a handler's read and its insert or exchange, as another CPU may run there. */
  between: ((handler: Ia64Handler, cpu: Cpu) => void) | null = null;
  declare readonly kernel: Ia64KernelAccess;
  /** The machine's context numbers. */
  readonly contexts: ContextAllocator;
  readonly linear: LinearTable;
  readonly icache: InstructionCache;
  readonly flush: Ia64Flush;
  private readonly running: Ia64Contexts;
  private readonly walk: LinuxWalk;
  private readonly memory: PhysicalMemory;
  private readonly slot: Int32Array;
  private readonly counts: Float64Array;
  private readonly firstPfn: number;
  private readonly nrPages: number;
  private readonly pageShift: number;
  private readonly pteBits: number;
  private readonly pteMask: number;
  private readonly regionShift: number;
  private readonly offsetHi: number;
  /** Bits of a page number in a region that the tables do not translate. */
  private readonly beyondHi: number;
  private readonly beyondLo: number;
  /** HPAGE_SHIFT - PAGE_SHIFT. */
  private readonly hugeScale: number;
  private readonly baseHi: number;
  private readonly baseLo: number;

  constructor(host: MmuHost, spec: Ia64MmuSpec) {
    const { geometry } = host.arch;
    const { pageShift } = geometry;
    const linear = new LinearTable(pageShift, spec.vaMsb);
    super(host, new Ia64KernelAccess(host, linear));
    this.kernel.changed = (cpu, at, hi, lo) => this.changedBetween('vhpt_miss', cpu, at, hi, lo);
    this.running = new Ia64Contexts(host, maxContext(spec.ridBits), (event, dropped) => {
      if (event === 'given') this.count(CONTEXTS_ALLOCATED);
      else this.countFlush('all', dropped);
    });
    this.contexts = this.running.numbers;
    this.icache = new InstructionCache(host);
    this.linear = linear;
    this.walk = new LinuxWalk(host, this.linear);
    this.memory = host.memory;
    this.slot = host.memory.slot;
    this.counts = host.counters.values;
    this.firstPfn = host.memory.firstPfn;
    this.nrPages = host.memory.nrPages;
    this.pageShift = pageShift;
    this.pteBits = this.linear.pteBits;
    this.pteMask = (1 << this.pteBits) - 1;
    this.regionShift = this.linear.regionShift;
    this.offsetHi = ~this.linear.regionHi;
    const beyond = (1n << BigInt(geometry.regionShift)) - (1n << BigInt(geometry.coveredBits));
    this.beyondHi = highWord(beyond);
    this.beyondLo = lowWord(beyond);
    this.hugeScale = spec.hugeShift - pageShift;
    this.flush = new Ia64Flush(host, this.running, this.linear, this.hugeScale, (which, dropped) =>
      this.countFlush(which, dropped),
    );
    this.baseHi = this.linear.baseHi;
    this.baseLo = this.linear.baseLo;
    for (const cpu of host.cpus) cpu.registers = new Ia64Registers(pageShift, spec.hugeShift);
  }

  // --- misses ------------------------------------------------------------------------------------------------------

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    const registers = registersOf(cpu);
    registers.notPresent = false;
    const region = vpnHi >>> this.regionShift;
    // Outside of the mappable part no linear-table page can be in the TLB, and the handler gives up before it walks.
    if (((vpnHi & this.beyondHi) | (vpnLo & this.beyondLo)) !== 0 || region >= USER_REGIONS) {
      if (region === RGN_GATE) return this.kernel.userMiss(cpu, kind, vpnHi, vpnLo);
      this.count(MISSES_REFUSED);
      return FAULT_ABSENT;
    }
    const scale = region === RGN_HPAGE ? this.hugeScale : 0;
    const pteHi = scale === 0 ? vpnHi : this.linear.scaledHi(vpnHi, scale);
    const pteLo = scale === 0 ? vpnLo : this.linear.scaledLo(vpnHi, vpnLo, scale);
    const bits = this.pteBits;
    const offset = pteHi & this.offsetHi;
    const tableHi = (region << this.regionShift) | this.baseHi | (offset >>> bits);
    const tableLo = this.baseLo | (pteLo >>> bits) | (offset << (32 - bits));
    const { tlb, context } = cpu;
    const counts = this.counts;
    const tableSlot = tlb.findLast(tableHi, tableLo, context);
    let table = -1;
    if (tableSlot >= 0) {
      counts[WALKS] = (counts[WALKS] as number) + 1;
      table = tlb.frameOf(tableSlot);
    } else {
      counts[SOFTWARE_FILLS] = (counts[SOFTWARE_FILLS] as number) + 1;
      table = this.walk.pteTable(registers.rootWord, pteHi, pteLo, true);
      if (table < 0) return FAULT_ABSENT;
    }
    counts[WALK_REFERENCES] = (counts[WALK_REFERENCES] as number) + 1;
    const words = this.memory.words;
    const at = (this.slot[table] as number) + ((pteLo & this.pteMask) << 1);
    const lo = words[at] as number;
    if (tableSlot < 0) {
      if ((lo & P_LO) === 0) return FAULT_ABSENT;
      // The kernel inserts the translation first; the other order cannot push it out again.
      tlb.fillLast(tableHi, tableLo, context, table, 0, TLB_TABLE);
      if (this.between !== null && this.changedBetween('vhpt_miss', cpu, at, words[at + 1] as number, lo)) {
        // What was inserted is purged: the page, and its table's page where the pmd entry is another by now.
        this.purgeHere(cpu, vpnHi, vpnLo);
        if (this.walk.pteTable(registers.rootWord, pteHi, pteLo, false) !== table)
          this.purgeHere(cpu, tableHi, tableLo);
        return this.miss(cpu, kind, vpnHi, vpnLo);
      }
    }
    return this.insert(cpu, kind, vpnHi, vpnLo, words[at + 1] as number, lo, scale);
  }

  /** An access that a TLB entry stops: faults in the order of the hardware's priorities. */
  override denied(cpu: Cpu, kind: AccessKind, slot: number, vpnHi: number, vpnLo: number): number {
    const registers = registersOf(cpu);
    const attrs = cpu.tlb.attrsOf(slot);
    registers.notPresent = (attrs & TLB_ABSENT) !== 0;
    if (registers.notPresent) return FAULT_ABSENT;
    if ((((attrs >> TLB_OWN_SHIFT) >> kind) & 1) === 0) return refusal(attrs >> TLB_OWN_SHIFT);
    return this.setBits(cpu, kind, kind === STORE && (attrs & TLB_CLEAN) !== 0, vpnHi, vpnLo);
  }

  /** The Page Not Present vector purges the page, because the walker may have loaded a pte that is valid by now. */
  override beforeGenericFault(cpu: Cpu, _kind: AccessKind, vpn: number): void {
    const registers = registersOf(cpu);
    if (!registers.notPresent) return;
    registers.notPresent = false;
    this.purgeHere(cpu, (vpn / 4294967296) | 0, vpn | 0);
  }

  /** Puts a pte into the TLB as it is and tries the access. */
  private insert(
    cpu: Cpu,
    kind: AccessKind,
    vpnHi: number,
    vpnLo: number,
    hi: number,
    lo: number,
    span: number,
  ): number {
    const { tlb, context } = cpu;
    if ((lo & P_LO) === 0) {
      // It gives nothing and is purged at once, so the first level is spared.
      if (span === 0 && kind !== EXEC) tlb.fillLast(vpnHi, vpnLo, context, 0, 0, TLB_ABSENT);
      else tlb.fill(kind, vpnHi, vpnLo, context, 0, 0, TLB_ABSENT, span);
      registersOf(cpu).notPresent = true;
      return FAULT_ABSENT;
    }
    const shift = this.pageShift;
    const pfn = (lo >>> shift) | ((hi & PPN_HI) << (32 - shift));
    let page = this.firstPfn >= 0 ? pfn - this.firstPfn : this.memory.pfnToPage(pfn);
    const allowed = USER_RIGHTS[(lo >>> 2) & 1023] as number;
    if (page < 0 || page >= this.nrPages) {
      page = this.memory.deviceFrame(pfn);
      if (page < 0) return ((allowed >>> kind) & 1) !== 0 ? FAULT_BUS : refusal(allowed);
    }
    if (span !== 0) page -= pfn & ((1 << span) - 1); // hardware ignores the low frame bits of a large page
    let rights = (lo & A_LO) === 0 ? 0 : allowed & ~NAT_PAGE;
    let attrs = allowed << TLB_OWN_SHIFT;
    if ((lo & D_LO) === 0) {
      rights &= ~RIGHT_STORE;
      attrs |= TLB_CLEAN;
    }
    const slot = tlb.fill(kind, vpnHi, vpnLo, context, page, rights, attrs, span);
    if (((rights >>> kind) & 1) !== 0) return slot;
    if (((allowed >>> kind) & 1) === 0) return refusal(allowed);
    return this.setBits(cpu, kind, kind === STORE && (lo & D_LO) === 0, vpnHi, vpnLo);
  }

  /**
   * The dirty-bit and access-bit handlers: the pte is read through the linear table, or by the nested handler's physical
   * walk, which inserts nothing; d and a, or a alone, are set in it and the result is inserted.
   */
  private setBits(cpu: Cpu, kind: AccessKind, dirty: boolean, vpnHi: number, vpnLo: number): number {
    const counts = this.counts;
    const which = dirty ? DIRTY_ASSISTS : ACCESS_ASSISTS;
    counts[which] = (counts[which] as number) + 1;
    const { tlb, context } = cpu;
    const scale = vpnHi >>> this.regionShift === RGN_HPAGE ? this.hugeScale : 0;
    let pteHi = scale === 0 ? vpnHi : this.linear.scaledHi(vpnHi, scale);
    let pteLo = scale === 0 ? vpnLo : this.linear.scaledLo(vpnHi, vpnLo, scale);
    const tableSlot = tlb.findLast(this.linear.pageHi(pteHi), this.linear.pageLo(pteHi, pteLo), context);
    let table = tableSlot >= 0 ? tlb.frameOf(tableSlot) : -1;
    if (table < 0) {
      counts[NESTED_FILLS] = (counts[NESTED_FILLS] as number) + 1;
      if (this.host.defectsKept) {
        pteHi = vpnHi;
        pteLo = vpnLo;
      }
      table = this.walk.pteTable(registersOf(cpu).rootWord, pteHi, pteLo, true);
      if (table < 0) return FAULT_ABSENT;
    }
    counts[WALK_REFERENCES] = (counts[WALK_REFERENCES] as number) + 1;
    const words = this.memory.words;
    const at = (this.slot[table] as number) + ((pteLo & this.pteMask) << 1);
    const old = words[at] as number;
    if (
      this.between !== null &&
      this.changedBetween(dirty ? 'dirty_bit' : 'access_bit', cpu, at, words[at + 1] as number, old)
    ) {
      // The exchange failed, and the entry read again is not the one that would have been inserted.
      this.purgeHere(cpu, vpnHi, vpnLo);
      return this.miss(cpu, kind, vpnHi, vpnLo);
    }
    tlb.dropPage(vpnHi, vpnLo, context);
    // Another CPU took the entry away between the TLB's copy and now: the later kernels' test of p.
    if ((old & P_LO) === 0 && !this.host.defectsKept) return this.miss(cpu, kind, vpnHi, vpnLo);
    const lo = old | (dirty ? A_LO | D_LO : A_LO);
    words[at] = lo;
    return this.insert(cpu, kind, vpnHi, vpnLo, words[at + 1] as number, lo, scale);
  }

  /** Lets another CPU run, if there is one; whether it changed the entry at `at`. */
  private changedBetween(handler: Ia64Handler, cpu: Cpu, at: number, hi: number, lo: number): boolean {
    if (this.host.cpus.length === 1) return false;
    this.between?.(handler, cpu);
    const { words } = this.memory;
    return words[at] !== lo || words[at + 1] !== hi;
  }

  /** ptc.l of one base page. */
  private purgeHere(cpu: Cpu, vpnHi: number, vpnLo: number): void {
    this.count(PURGES);
    this.count(PURGED_ENTRIES, cpu.tlb.dropPage(vpnHi, vpnLo, cpu.context));
  }

  // --- contexts ----------------------------------------------------------------------------------------------------

  /** The number was given up by the last flush of the exit path, unless the mm had no pages to flush. */
  override destroyContext(mm: Mm): void {
    if (mm.context !== 0 && !this.host.defectsKept) this.contexts.abandon(mm.context);
    mm.context = 0;
  }

  /** switch_mm and activate_mm alike: the pgd, then the region registers. There is no test for the same mm. */
  override switchMm(cpu: Cpu, _prev: Mm | null, next: Mm): void {
    const registers = registersOf(cpu);
    registers.pgd = next.rootPa;
    registers.rootWord = next.rootWord;
    this.running.activate(cpu, next);
  }

  /**
   * Numbers are unique while they live. What a number that was given up still has in a TLB is nobody's; and on a CPU that
   * has yet to flush after a wrap, so is all but what it runs.
   */
  override mmOfSlot(cpu: Cpu, slot: number): Mm | null {
    const context = cpu.tlb.contextOf(slot);
    if (context === 0 || (registersOf(cpu).needTlbFlush && context !== cpu.mm?.context)) return null;
    for (const mm of this.host.mms) if (mm.context === context) return mm;
    return null;
  }

  override contextOf(mm: Mm): number {
    return mm.context === 0 ? -1 : mm.context;
  }

  /** The page of the region's linear table that the pte table is. */
  override cachedTable(_mm: Mm, vpn: number): number {
    const hi = (vpn / 4294967296) | 0;
    return pageNumber(this.linear.pageHi(hi), this.linear.pageLo(hi, vpn | 0));
  }

  // --- flushes -----------------------------------------------------------------------------------------------------

  override flushPage(mm: Mm, vpn: number): void {
    this.flush.page(mm, vpn);
  }

  override flushRange(mm: Mm, start: number, end: number): void {
    this.flush.range(mm, start, end);
  }

  override flushMm(mm: Mm): void {
    this.flush.mm(mm);
  }

  /** flush_tlb_kernel_range is flush_tlb_all. */
  override flushKernelRange(_start: number, _end: number): void {
    this.flush.all();
  }

  override gatherFlush(mm: Mm, fullmm: boolean, start: number, end: number): void {
    this.flush.gather(mm, fullmm, start, end);
  }

  // --- the instruction cache ---------------------------------------------------------------------------------------

  override lazyMmuProtUpdate(hi: number, lo: number): void {
    this.icache.stored(hi, lo);
  }

  override flushDcachePage(page: number): void {
    this.icache.written(page);
  }

  /** flush_icache_range of the bytes that were written; what the mark says is left as it is. */
  override copyToUserPage(_page: number): void {
    this.icache.flushes++;
  }

  // --- report ------------------------------------------------------------------------------------------------------

  override reportExtra(): readonly ReportLine[] {
    return reportOf(this.counts, this.contexts);
  }

  // --- audit -------------------------------------------------------------------------------------------------------

  /** A linear-table page is right while the pmd entry of its place points at the same pte table. */
  override truth(mm: Mm, cpu: Cpu, slot: number): TlbTruth {
    const { tlb } = cpu;
    if ((tlb.attrsOf(slot) & TLB_TABLE) === 0) return super.truth(mm, cpu, slot);
    const vpn = this.linear.firstPageOf(tlb.pageOf(slot));
    return { frame: this.walk.pteTable(mm.rootWord, (vpn / 4294967296) | 0, vpn | 0, false), rights: 0 };
  }
}
