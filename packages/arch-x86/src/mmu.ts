/**
 * The page walker of x86, in one class for all three machines: it reads the tables from CR3 down in simulated memory,
 * as the processor does on a TLB miss.
 *
 * - A is set in every entry the walk uses (not in PAE's four pointers, which the processor keeps in registers since the
 *   last CR3 load), D in the leaf of a store; both as 32-bit stores to the low half. The leaf gets them only when the
 *   access is allowed.
 * - RW and US hold when every level has them, NX when any level has it. PAE's pointers have neither.
 * - The pte table of a stretch is found in the page-directory cache, if it is there; then the walk reads one entry.
 * - Entries that are not present are never cached. A set reserved bit counts as a rights fault.
 * - A page that may be written but is clean is cached without RIGHT_STORE and with TLB_CLEAN. A store to it comes to
 *   `denied`, which walks again and sets D: the processor's dirty assist.
 */
import {
  type AccessKind,
  type Cpu,
  DIRTY_ASSISTS,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RIGHTS,
  highWord,
  KernelBug,
  lowWord,
  MISSES_REFUSED,
  type Mm,
  Mmu,
  type MmuHost,
  type PhysicalMemory,
  pageNumber,
  type ReportLine,
  RIGHT_EXEC,
  RIGHT_LOAD,
  RIGHT_STORE,
  STORE,
  TLB_ATTRS_SHIFT,
  TLB_CLEAN,
  TLB_SPAN_SHIFT,
  WALK_REFERENCES,
  WALKS,
} from '@fourfold/core/arch';
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_GLOBAL, PAGE_PRESENT, PAGE_PSE, PAGE_RW, PAGE_USER } from './bits.js';
import { enterLazyTlb, registersOf, switchMm, X86Registers } from './context.js';
import { auditDirectories, DIRECTORY_ANY, DIRECTORY_EVERY, DIRECTORY_TABLE } from './directory-cache.js';
import { dropTranslation, X86Flush } from './flush.js';
import { PAGE_SHIFT } from './geometry.js';
import { X86KernelAccess } from './kernel-access.js';
import { FAULT_PROTECTION, FAULT_RESERVED, FAULT_USER, FaultCodes } from './page-fault.js';

/** What the walker needs to know beyond the geometry. */
export interface WalkerSpec {
  /** Page number bits that no user address has. Above them nothing is mapped: no walk. */
  readonly beyondUser: bigint;
  /** Bits that must be 0 in a present entry. */
  readonly reserved: bigint;
  /** The NX bit, or 0. */
  readonly noExec: bigint;
  /** Frame bits that the processor implements. */
  readonly frame: bigint;
  /** The root's entries are held in registers (PAE). */
  readonly rootInRegisters: boolean;
  /** Flushes of other CPUs that can be under way at once: interrupt vectors, each with its lock. */
  readonly flushSlots: number;
}

/** High half of a page number of 52 bits. */
const PAGE_NUMBER_HI = 0xf_ffff;

/** From RW to RIGHT_STORE. */
const RW_TO_STORE = 1;

const PAGE_PRESENT_PSE = PAGE_PRESENT | PAGE_PSE;

export class X86Mmu extends Mmu {
  private readonly memory: PhysicalMemory;
  private readonly slot: Int32Array;
  private readonly counts: Float64Array;
  /** The first bank of physical memory, where page = pfn - start: nearly every frame lies there. */
  private readonly start: number;
  private readonly frames: number;
  private readonly beyondHi: number;
  private readonly beyondLo: number;
  private readonly reservedHi: number;
  private readonly frameHi: number;
  /** Bit 63 where the machine has NX. */
  private readonly nxHi: number;
  /** 1 for 8-byte entries, else 0: log2 of an entry's words, and from the low to the high half. */
  private readonly wide: number;
  private readonly rootInRegisters: boolean;
  /** Index bits of every level that is walked, as a mask and as a number. */
  private readonly mask: number;
  private readonly bits: number;
  /** Lowest page number bit that the first level walked indexes. */
  private readonly topShift: number;
  /** Entries that a walk reads which ends at the level of a shift, but for the first, which `miss` has counted. */
  private readonly references: Uint8Array;
  /** Where `walkUpper` ended, and what the levels above allow. */
  private endedAt = 0;
  /** Walks that began above the pte table. */
  private upperWalks = 0;
  private every = 0;
  private any = 0;
  /** Flushes, and what they count. */
  readonly flush: X86Flush;
  declare readonly kernel: X86KernelAccess;
  private readonly codes: FaultCodes;

  constructor(host: MmuHost, spec: WalkerSpec) {
    const reserved = highWord(spec.reserved);
    const noExec = highWord(spec.noExec);
    const codes = new FaultCodes(host, noExec !== 0 && (reserved & noExec) === 0);
    const highBits = { reserved, frame: highWord(spec.frame), noExec };
    super(host, new X86KernelAccess(host, highBits, spec.rootInRegisters, codes));
    const { geometry } = host.arch;
    this.memory = host.memory;
    this.slot = host.memory.slot;
    this.counts = host.counters.values;
    this.start = host.memory.pageToPfn(0) | 0;
    this.frames = ((host.memory.banks[0]?.size ?? 0) / host.memory.pageSize) | 0;
    this.beyondHi = highWord(spec.beyondUser);
    this.beyondLo = lowWord(spec.beyondUser);
    this.reservedHi = reserved;
    this.frameHi = highWord(spec.frame);
    this.nxHi = noExec;
    this.wide = geometry.entryBytes[0] === 8 ? 1 : 0;
    this.rootInRegisters = spec.rootInRegisters;
    this.bits = geometry.bits[geometry.depth - 1] as number;
    this.mask = (1 << this.bits) - 1;
    this.topShift = geometry.shift[spec.rootInRegisters ? 1 : 0] as number;
    this.references = new Uint8Array(this.topShift + 1);
    let entries = 0;
    for (let shift = this.topShift; shift > 0; shift -= this.bits) this.references[shift] = entries++;
    this.references[0] = entries;
    this.flush = new X86Flush(host, spec.flushSlots);
    this.codes = codes;
    for (const cpu of host.cpus) cpu.registers = new X86Registers(1 << this.bits);
  }

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    if (((vpnHi & this.beyondHi) | (vpnLo & this.beyondLo)) !== 0) return this.beyond(cpu, kind, vpnHi, vpnLo);
    const bits = this.bits;
    const cache = (cpu.registers as X86Registers).directory;
    const directory = cache.records;
    const stretch = (vpnLo >>> bits) | (vpnHi << (32 - bits));
    const cached = cache.at(stretch);
    const tag = stretch | cache.generation;
    const { counts } = this;
    counts[WALKS] = (counts[WALKS] as number) + 1;
    counts[WALK_REFERENCES] = (counts[WALK_REFERENCES] as number) + 1;
    if (directory[cached] !== tag) {
      const shift = this.walkUpper(cpu, vpnHi, vpnLo, tag, cached);
      if (shift !== 0) return this.endAbove(cpu, kind, vpnHi, vpnLo, shift);
    }
    const words = this.memory.words;
    const wide = this.wide;
    const at = (directory[cached | DIRECTORY_TABLE] as number) | ((vpnLo & this.mask) << wide);
    const lo = words[at] as number;
    const hi = words[at | wide] as number;
    if ((lo & PAGE_PRESENT) === 0) return FAULT_ABSENT;
    const every = lo & (directory[cached | DIRECTORY_EVERY] as number);
    const any = hi | (directory[cached | DIRECTORY_ANY] as number);
    const meta = this.admit(kind, at, lo, hi, every, any);
    if (meta < 0) return this.refused(cpu, (hi & this.reservedHi) !== 0);
    const page = this.pageOf(lo, hi);
    if (page < 0) return FAULT_BUS;
    const { tlb } = cpu;
    tlb.fillBehind(kind, vpnHi, vpnLo, 0, page, meta);
    return tlb.fillFirst(kind, vpnHi, vpnLo, 0, page, meta);
  }

  /** A page that the fast walker has no index for: the upper half of a 64-bit space, or no address at all. */
  private beyond(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    if (!this.isInUpperHalf(vpnHi, vpnLo)) {
      this.count(MISSES_REFUSED);
      return FAULT_ABSENT; // no page fault at all
    }
    return this.kernel.userMiss(cpu, kind, pageNumber(vpnHi, vpnLo));
  }

  private isInUpperHalf(vpnHi: number, vpnLo: number): boolean {
    const hi = this.beyondHi & PAGE_NUMBER_HI;
    return (vpnHi & hi) === hi && (vpnLo & this.beyondLo) === this.beyondLo && this.host.arch.wordBits === 64;
  }

  /** The answer for a present entry that does not allow the access, or has a bit that must be 0. */
  private refused(cpu: Cpu, reservedBit: boolean): number {
    (cpu.registers as X86Registers).reservedBit = reservedBit;
    return FAULT_RIGHTS;
  }

  /**
   * The processor delivers the fault, if it is one. Then do_page_fault of x86_64 looks for a reserved bit first: the tables are
   * corrupt (pgtable_bad), and no signal tells of it.
   */
  override beforeGenericFault(cpu: Cpu, kind: AccessKind, vpn: number, code: number): void {
    if (code !== FAULT_ABSENT && code !== FAULT_RIGHTS) return;
    const vpnHi = (vpn / 4294967296) | 0;
    const vpnLo = vpn | 0;
    const isBeyond = ((vpnHi & this.beyondHi) | (vpnLo & this.beyondLo)) !== 0;
    if (isBeyond && !this.isInUpperHalf(vpnHi, vpnLo)) return; // a general protection fault
    const reserved = code === FAULT_RIGHTS && registersOf(cpu).reservedBit;
    const present = code === FAULT_RIGHTS ? FAULT_PROTECTION : 0;
    this.codes.raise(cpu, kind, vpnHi, vpnLo, FAULT_USER | present | (reserved ? FAULT_RESERVED : 0));
    if (!reserved || this.host.arch.wordBits !== 64) return;
    const { errorCode } = registersOf(cpu);
    throw new KernelBug(`corrupt page table: fault ${errorCode} at page 0x${vpn.toString(16)} on CPU ${cpu.id}`);
  }

  /**
   * The walk above the pte table. Answers 0 with the table in the page-directory cache, or the shift of the level at which
   * the walk ended: at an entry that is no table, whose word index is left in `endedAt`.
   */
  private walkUpper(cpu: Cpu, vpnHi: number, vpnLo: number, tag: number, cached: number): number {
    this.upperWalks++;
    const words = this.memory.words;
    const slot = this.slot;
    const wide = this.wide;
    const mask = this.mask;
    const bits = this.bits;
    const registers = cpu.registers as X86Registers;
    const start = this.start;
    const frames = this.frames;
    const frameHi = this.frameHi;
    const reservedHi = this.reservedHi;
    let table = this.rootInRegisters ? (registers.pdpt[vpnLo >>> 18] as number) : registers.rootWord;
    let every = PAGE_RW | PAGE_USER;
    let any = 0;
    let at = 0;
    let shift = this.topShift;
    for (; shift !== 0; shift -= bits) {
      at = table + ((((vpnLo >>> shift) | (vpnHi << (32 - shift))) & mask) << wide);
      const lo = words[at] as number;
      const hi = words[at + wide] as number;
      if ((((lo & PAGE_PRESENT_PSE) ^ PAGE_PRESENT) | (hi & reservedHi)) !== 0) break; // not a table
      if ((lo & PAGE_ACCESSED) === 0) words[at] = lo | PAGE_ACCESSED;
      const pfn = (lo >>> PAGE_SHIFT) | ((hi & frameHi) << (32 - PAGE_SHIFT)); // of 28 bits: reserved ones are 0
      let page = (pfn - start) | 0;
      if (page >>> 0 >= frames) page = this.memory.pfnToPage(pfn) | 0;
      if (page < 0) break; // a table in no bank
      every &= lo;
      any |= hi;
      table = slot[page] as number;
    }
    this.counts[WALK_REFERENCES] = (this.counts[WALK_REFERENCES] as number) + (this.references[shift] as number);
    if (shift !== 0) {
      this.endedAt = at;
      this.every = every;
      this.any = any;
      return shift;
    }
    const directory = registers.directory.records;
    directory[cached] = tag;
    directory[cached + DIRECTORY_TABLE] = table;
    directory[cached + DIRECTORY_EVERY] = every;
    directory[cached + DIRECTORY_ANY] = any;
    return 0;
  }

  /** What a walk answers that ended above the pte table: nothing there, a reserved bit, or a large page. */
  private endAbove(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number, shift: number): number {
    const at = this.endedAt;
    const lo = this.memory.words[at] as number;
    const hi = this.memory.words[at + this.wide] as number;
    if ((lo & PAGE_PRESENT) === 0) return FAULT_ABSENT;
    if ((hi & this.reservedHi) !== 0) return this.refused(cpu, true);
    if ((lo & PAGE_PSE) === 0) return FAULT_ABSENT; // a table in no bank
    if (shift !== this.bits) return this.refused(cpu, true); // only a pmd may have it
    const meta = this.admit(kind, at, lo, hi, lo & this.every, hi | this.any);
    if (meta < 0) return this.refused(cpu, (hi & this.reservedHi) !== 0);
    const page = this.pageOf(lo, hi);
    if (page < 0) return FAULT_BUS;
    const first = page - ((lo >>> PAGE_SHIFT) & ((1 << shift) - 1));
    return cpu.tlb.fillWide(kind, vpnHi, vpnLo, 0, first, meta | (shift << TLB_SPAN_SHIFT));
  }

  /**
   * The end of a walk at a present leaf: accessed and dirty, and what a TLB slot keeps of its rights (TLB_META); -1 refuses
   * the access.
   */
  private admit(kind: AccessKind, at: number, lo: number, hi: number, every: number, any: number): number {
    let rights = (every & PAGE_USER) === 0 ? 0 : RIGHT_EXEC | RIGHT_LOAD | ((every & PAGE_RW) << RW_TO_STORE);
    if ((any & this.nxHi) !== 0) rights &= ~RIGHT_EXEC;
    if ((rights & (1 << kind)) === 0 || (hi & this.reservedHi) !== 0) return -1;
    let used = lo | PAGE_ACCESSED;
    if (kind === STORE) used |= PAGE_DIRTY;
    else if ((rights & RIGHT_STORE) !== 0 && (lo & PAGE_DIRTY) === 0)
      rights ^= RIGHT_STORE | (TLB_CLEAN << TLB_ATTRS_SHIFT);
    if (used !== lo) this.memory.words[at] = used;
    return rights | (lo & PAGE_GLOBAL); // where TLB_GLOBAL is
  }

  /** The page of the mem_map an entry points to, or the frame of a device; -1 for none. */
  private pageOf(lo: number, hi: number): number {
    const pfn = (lo >>> PAGE_SHIFT) | ((hi & this.frameHi) << (32 - PAGE_SHIFT));
    // "| 0" keeps the arithmetic in 32-bit integers: without it a walk of four levels took 30 ns instead of 25.
    const page = (pfn - this.start) | 0;
    return page >>> 0 < this.frames ? page : this.memory.frameAt(pfn) | 0;
  }

  /**
   * A store to a page cached as clean walks again and sets D; the translation is then replaced in every unit. Anything
   * else is a rights fault.
   */
  override denied(cpu: Cpu, kind: AccessKind, slot: number, vpnHi: number, vpnLo: number): number {
    if (kind !== STORE || (cpu.tlb.attrsOf(slot) & TLB_CLEAN) === 0) return this.refused(cpu, false);
    this.counts[DIRTY_ASSISTS] = (this.counts[DIRTY_ASSISTS] as number) + 1;
    dropTranslation(cpu, pageNumber(vpnHi, vpnLo));
    return this.miss(cpu, kind, vpnHi, vpnLo);
  }

  override switchMm(cpu: Cpu, prev: Mm | null, next: Mm): void {
    switchMm(cpu, prev, next, this.host);
  }

  override enterLazyTlb(cpu: Cpu, _mm: Mm): void {
    enterLazyTlb(cpu, this.host);
  }

  /** All that is not global belongs to the mm whose tables CR3 points at. */
  override mmOfSlot(cpu: Cpu, _slot: number): Mm | null {
    return cpu.context < 0 ? null : cpu.mm;
  }

  /** The page-directory cache knows where the table of a stretch lies. */
  override cachedTable(_mm: Mm, vpn: number): number {
    const pages = 2 ** this.bits;
    return Math.floor(vpn / pages) * pages;
  }

  override reportExtra(): readonly ReportLine[] {
    const { cpus } = this.host;
    const sum = (of: (registers: X86Registers) => number): number =>
      cpus.reduce((total, cpu) => total + of(registersOf(cpu)), 0);
    const assists = this.counts[DIRTY_ASSISTS] as number;
    return [
      { name: 'CR3 loads', value: sum((r) => r.cr3Loads), unit: 'loads' },
      { name: 'INVLPG', value: sum((r) => r.invlpgs), unit: 'instructions' },
      { name: 'CR4.PGE toggled', value: sum((r) => r.pgeToggles), unit: 'times' },
      { name: 'lazy CPUs that left an mm', value: sum((r) => r.leaves), unit: 'times' },
      { name: 'walks from the page-directory cache', value: this.directoryHits(), unit: 'walks' },
      { name: 'dirty bits set by the walker', value: assists, unit: 'stores' },
    ];
  }

  /** Walks that found their pte table in the page-directory cache: those that did not read an upper entry. */
  private directoryHits(): number {
    return (this.counts[WALKS] as number) - this.kernel.walks - this.upperWalks;
  }

  override auditExtra(): readonly string[] {
    const { cpus, tables } = this.host;
    return cpus.flatMap((cpu) => auditDirectories(cpu, registersOf(cpu).directory, tables));
  }

  override flushPage(mm: Mm, vpn: number): void {
    this.countFlush('page', this.flush.page(mm, vpn));
  }

  override flushRange(mm: Mm, _start: number, _end: number): void {
    this.countFlush('range', this.flush.mm(mm));
  }

  override flushMm(mm: Mm): void {
    this.countFlush('mm', this.flush.mm(mm));
  }

  override flushKernelRange(_start: number, _end: number): void {
    this.countFlush('all', this.flush.all());
  }

  override gatherFlush(mm: Mm, _fullmm: boolean): void {
    this.flushMm(mm);
  }
}
