/**
 * The MMU of a 64-bit PowerPC as Linux 2.6.15 drives it. The hardware never sees a Linux page table: it finds the segment
 * of an address in the SLB, hashes (VSID, page) and reads one or two groups of the hash table (hash-table.ts). What it
 * does not find there, or what the entry refuses, is an interrupt, and hash_page (hash-page.ts) makes or patches the entry
 * from the Linux pte; only what the pte refuses too becomes a page fault.
 *
 * - A page number here counts pages of the hash table: of 4 KiB, with 64 KiB base pages too unless the processor has large ones
 *   for all uses. User addresses have 44 bits, so it fits 32.
 * - FAULT_RIGHTS means that an entry was there and refused (DSISR's PROTFAULT): a load or a fetch is then a signal.
 * - Whatever changes a pte with HASHPTE queues it; every flush sends the CPU's batch and looks at nothing else.
 * - A CPU never leaves cpu_vm_mask. A flush is local while only the flushing CPU is in it, else every CPU's TLBs go.
 *
 * Port defects, mended unless the host keeps them: the match test of updatepp and invalidate does not look at SECONDARY,
 * so a stale slot number can hit another page's entry; context ids of 2^19 and up have the VSIDs of kernel segments.
 */
import {
  type AccessKind,
  type Cpu,
  EXEC,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RETRY,
  FAULT_RIGHTS,
  MISSES_REFUSED,
  type Mm,
  Mmu,
  type MmuHost,
  type Op,
  PG_ARCH_1,
  type PhysicalMemory,
  PURGED_ENTRIES,
  type ReportLine,
  SOFTWARE_FILLS,
  WALK_REFERENCES,
  WALKS,
} from '@fourfold/core/arch';
import { type ContextAllocator, userVsid } from './context.js';
import { Ppc64Flush } from './flush.js';
import { HashedPages, HW_PAGE_SHIFT } from './geometry.js';
import { auditHashTable } from './hash-audit.js';
import { HashPage, hugeVWordLo, largeVWordLo, neededBits, preloadBits, vWordHi, vWordLo } from './hash-page.js';
import { StoppableHashPage } from './hash-page-stops.js';
import { groupsFor, HashTable } from './hash-table.js';
import { hpteRights } from './hpte.js';
import { HugeAreaChooser } from './huge-areas.js';
import { hugeAreasOf } from './hugetlb.js';
import { Ppc64KernelAccess } from './kernel-access.js';
import { boltLinearMap } from './linear-map.js';
import { LinuxWalk } from './linux-walk.js';
import { reportHash } from './report.js';
import { type Ppc64Registers, Segments } from './segments.js';

const V_SECONDARY = 0x2;
/** Of user space. */
const LAST_ESID = 0xffff;
const ACCESSED = 0x100;
const HASHPTE = 0x400;
/** Interrupts that lead to hash_page. */
export const TRAP_DATA_STORAGE = 0x300;
export const TRAP_INSTRUCTION_STORAGE = 0x400;

export interface Ppc64MmuOptions {
  /** Groups of the hash table; default from the size of memory. */
  readonly groups?: number;
  /** The instruction cache sees stores (POWER5). Default false (970). */
  readonly coherentIcache?: boolean;
}

export class Ppc64Mmu extends Mmu {
  readonly contexts: ContextAllocator;
  readonly table: HashTable;
  readonly hashPage: HashPage;
  /** hash_page as tests stop it half-way. */
  readonly stops: StoppableHashPage;
  readonly flush: Ppc64Flush;
  private readonly memory: PhysicalMemory;
  private readonly walk: LinuxWalk;
  private readonly areas: HugeAreaChooser;
  private readonly segments: Segments;
  /** From HashedPages. */
  private readonly sub: number;
  private readonly esidShift: number;
  private readonly pageMask: number;
  private readonly hugeShift: number;
  private readonly large: boolean;
  /** log2 of the 4 KiB pages in a base page. */
  private readonly frameShift: number;
  private readonly counts: Float64Array;
  private readonly firstPfn: number;
  private readonly nrPages: number;
  /** VSID of the segment asked for last. */
  private vsidKey = -1;
  private vsidHi = 0;
  private vsidLo = 0;

  constructor(host: MmuHost, options: Ppc64MmuOptions = {}) {
    const { memory, arch } = host;
    const { pageShift } = arch.geometry;
    const pages = new HashedPages(pageShift, arch.tlbPageShift);
    const table = new HashTable(host, options.groups ?? groupsFor(memory.nrPages * memory.pageSize));
    const hashPage = new HashPage(host, table, pages, options.coherentIcache ?? false);
    const flush = new Ppc64Flush(host, table, pages);
    super(host, new Ppc64KernelAccess(host, table, pages, hashPage, flush));
    this.memory = memory;
    this.walk = new LinuxWalk(host);
    this.segments = new Segments(host);
    this.areas = new HugeAreaChooser(host, (cpu, first, count) => {
      (cpu.registers as Ppc64Registers).slb.invalidate(first, count);
    });
    this.sub = pages.sub;
    this.esidShift = pages.esidShift;
    this.pageMask = pages.pageMask;
    this.hugeShift = pages.hugeShift;
    this.large = pages.large;
    this.frameShift = pageShift - HW_PAGE_SHIFT;
    this.counts = host.counters.values;
    this.firstPfn = memory.firstPfn;
    this.nrPages = memory.nrPages;
    this.contexts = this.segments.contexts;
    this.table = table;
    this.hashPage = hashPage;
    this.stops = new StoppableHashPage(host, hashPage);
    this.flush = flush;
    for (const bank of memory.banks) boltLinearMap(table, bank.base, bank.base + bank.size);
  }

  // --- translation ---------------------------------------------------------------------------------------------------

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    const esid = vpnLo >>> this.esidShift;
    if (vpnHi !== 0 || esid > LAST_ESID || cpu.mm === null) {
      this.count(MISSES_REFUSED);
      return FAULT_ABSENT; // past 2^44: no segment
    }
    const counts = this.counts;
    const { slb } = cpu.registers as Ppc64Registers;
    let segment = slb.slotOf[esid] as number;
    if (segment < 0) segment = this.segments.missed(slb, cpu.mm, esid);
    const vsidHi = slb.vsidHi[segment] as number;
    const vsidLo = slb.vsidLo[segment] as number;
    if (slb.large[segment] !== 0) return this.hugeMiss(cpu, cpu.mm, kind, vpnLo, vsidHi, vsidLo);
    const page = vpnLo & this.pageMask;
    const { table } = this;
    const group = (vsidLo ^ page) & table.mask;
    const vHi = vWordHi(vsidHi, vsidLo);
    const vLo = this.large ? largeVWordLo(vsidLo, page) : vWordLo(vsidLo, page);
    counts[WALKS] = (counts[WALKS] as number) + 1;
    counts[WALK_REFERENCES] = (counts[WALK_REFERENCES] as number) + 1;
    let entry = table.search(group, vHi, vLo);
    if (entry === 0) {
      counts[WALK_REFERENCES] = (counts[WALK_REFERENCES] as number) + 1;
      entry = table.search(group ^ table.mask, vHi, vLo | V_SECONDARY);
    }
    if (entry !== 0) {
      const rights = hpteRights(this.memory.words[entry + 3] as number);
      if (((rights >>> kind) & 1) !== 0) return this.fill(cpu, kind, vpnLo, entry, rights);
    }
    return this.storageInterrupt(cpu, cpu.mm, kind, vpnLo, vsidHi, vsidLo, entry !== 0);
  }

  /** A translation that does not allow the access: the interrupt, as if the hash table had refused. */
  override denied(cpu: Cpu, kind: AccessKind, _slot: number, _vpnHi: number, vpnLo: number): number {
    const { mm } = cpu;
    if (mm === null) return FAULT_RIGHTS;
    const esid = vpnLo >>> this.esidShift;
    this.loadVsid(cpu.context, esid);
    if (hugeAreasOf(mm).hasSegment(esid))
      return this.hugeInterrupt(cpu, mm, kind, vpnLo, this.vsidHi, this.vsidLo, true);
    return this.storageInterrupt(cpu, mm, kind, vpnLo, this.vsidHi, this.vsidLo, true);
  }

  /** hash_page, and the instruction again if it could help. */
  private storageInterrupt(
    cpu: Cpu,
    mm: Mm,
    kind: AccessKind,
    vpnLo: number,
    vsidHi: number,
    vsidLo: number,
    refused: boolean,
  ): number {
    const registers = cpu.registers as Ppc64Registers;
    registers.trap = kind === EXEC ? TRAP_INSTRUCTION_STORAGE : TRAP_DATA_STORAGE;
    registers.dar = vpnLo;
    this.counts[SOFTWARE_FILLS] = (this.counts[SOFTWARE_FILLS] as number) + 1;
    const at = this.walk.pteOf(mm, (vpnLo >>> this.sub) | 0);
    const page = vpnLo & this.pageMask;
    let entry = 0;
    if (at !== 0) {
      entry =
        this.stops.stops === null
          ? this.hashPage.resolve(at, page, vsidHi, vsidLo, neededBits(kind))
          : this.stoppableInterrupt(cpu, mm, kind, at, vpnLo, vsidHi, vsidLo);
    }
    if (entry <= 0) return entry !== 0 ? FAULT_RETRY : refused ? FAULT_RIGHTS : FAULT_ABSENT;
    // A refused translation may be in the TLB still; the kernel's updatepp has sent its tlbie.
    if (refused || this.hashPage.needsTlbie) this.tlbie(cpu, mm, vpnLo, false);
    return this.fill(cpu, kind, vpnLo, entry, hpteRights(this.memory.words[entry + 3] as number));
  }

  /** hash_page where a test may stop it. */
  private stoppableInterrupt(
    cpu: Cpu,
    mm: Mm,
    kind: AccessKind,
    at: number,
    vpnLo: number,
    vsidHi: number,
    vsidLo: number,
  ): number {
    const page = vpnLo & this.pageMask;
    return this.stops.resolve(cpu, at, page, vsidHi, vsidLo, neededBits(kind), () => this.tlbie(cpu, mm, vpnLo, false));
  }

  /** Loads the translation of a valid HPTE into ERAT and TLB. */
  private fill(cpu: Cpu, kind: AccessKind, vpnLo: number, entry: number, rights: number, span: number = 0): number {
    const words = this.memory.words;
    const pfn = (((words[entry + 3] as number) >>> 12) | ((words[entry + 2] as number) << 20)) >>> this.frameShift;
    let page = this.firstPfn >= 0 ? pfn - this.firstPfn : this.memory.pfnToPage(pfn);
    if (page < 0 || page >= this.nrPages) {
      page = this.memory.deviceFrame(pfn);
      if (page < 0) return FAULT_BUS;
    }
    return cpu.tlb.fill(kind, 0, vpnLo, cpu.context, page, rights, 0, span);
  }

  /** A miss in a segment of huge pages: the hash and the entries are those of 16 MiB. */
  private hugeMiss(cpu: Cpu, mm: Mm, kind: AccessKind, vpnLo: number, vsidHi: number, vsidLo: number): number {
    const { table } = this;
    const page = (vpnLo & this.pageMask) >>> this.hugeShift;
    const group = (vsidLo ^ page) & table.mask;
    const vHi = vWordHi(vsidHi, vsidLo);
    const vLo = hugeVWordLo(vsidLo, page);
    this.count(WALKS);
    let entry = table.search(group, vHi, vLo);
    if (entry === 0) entry = table.search(group ^ table.mask, vHi, vLo | V_SECONDARY);
    this.count(WALK_REFERENCES, entry === 0 ? 2 : 1);
    if (entry !== 0) {
      const rights = hpteRights(this.memory.words[entry + 3] as number);
      if (((rights >>> kind) & 1) !== 0) return this.fill(cpu, kind, vpnLo, entry, rights, this.hugeShift);
    }
    return this.hugeInterrupt(cpu, mm, kind, vpnLo, vsidHi, vsidLo, entry !== 0);
  }

  /** hash_page of an address in an area of huge pages. */
  private hugeInterrupt(
    cpu: Cpu,
    mm: Mm,
    kind: AccessKind,
    vpnLo: number,
    vsidHi: number,
    vsidLo: number,
    refused: boolean,
  ): number {
    this.count(SOFTWARE_FILLS);
    const at = this.host.tables.lookupHuge(mm, vpnLo >>> this.sub);
    const page = (vpnLo & this.pageMask) >>> this.hugeShift;
    const entry = at === 0 ? 0 : this.hashPage.resolveHuge(at, page, vsidHi, vsidLo, neededBits(kind));
    if (entry === 0) return refused ? FAULT_RIGHTS : FAULT_ABSENT;
    if (refused || this.hashPage.needsTlbie) this.tlbie(cpu, mm, vpnLo, true);
    return this.fill(cpu, kind, vpnLo, entry, hpteRights(this.memory.words[entry + 3] as number), this.hugeShift);
  }

  private loadVsid(context: number, esid: number): void {
    const key = context * 65536 + esid;
    if (key === this.vsidKey) return;
    const vsid = userVsid(context, esid);
    this.vsidKey = key;
    this.vsidHi = (vsid / 4294967296) | 0;
    this.vsidLo = vsid | 0;
  }

  private tlbie(cpu: Cpu, mm: Mm, vpnLo: number, huge: boolean): void {
    const purged = this.flush.page(cpu, mm, vpnLo, huge);
    this.counts[PURGED_ENTRIES] = (this.counts[PURGED_ENTRIES] as number) + purged;
  }

  /** hash_page returned although nothing is hashed: it found BUSY, or has been stopped half-way. */
  override retry(cpu: Cpu): Op<void> {
    return this.stops.retry(cpu);
  }

  /** hash_preload, after a page fault of this very page: makes the entry that the retried access will look for. */
  override updateMmuCache(cpu: Cpu, mm: Mm, vpn: number, _hi: number, lo: number): void {
    const { trap, dar } = cpu.registers as Ppc64Registers;
    if (trap === 0 || cpu.mm !== mm || dar >>> this.sub !== vpn || (lo & ACCESSED) === 0) return;
    const at = this.walk.pteOf(mm, vpn | 0);
    if (at === 0) return;
    this.loadVsid(mm.context, dar >>> this.esidShift);
    const need = preloadBits(trap === TRAP_INSTRUCTION_STORAGE);
    this.hashPage.resolve(at, dar & this.pageMask, this.vsidHi, this.vsidLo, need);
    if (this.hashPage.needsTlbie) this.tlbie(cpu, mm, dar, false);
  }

  // --- contexts ------------------------------------------------------------------------------------------------------

  override initContext(mm: Mm, parent: Mm | null): void {
    this.segments.begin(mm, parent);
  }

  override destroyContext(mm: Mm): void {
    this.segments.end(mm);
  }

  /** __switch_to's flush of the batch, switch_mm, switch_slb. What stopped in hash_page on this CPU goes on first. */
  override switchMm(cpu: Cpu, prev: Mm | null, next: Mm): void {
    this.stops.goOn(cpu);
    if (cpu.batch.nr !== 0) this.flushPending(cpu);
    this.segments.switchMm(cpu, prev, next);
  }

  override enterLazyTlb(cpu: Cpu, _mm: Mm): void {
    this.stops.goOn(cpu);
    this.segments.enterLazyTlb(cpu);
  }

  /** The page may hold other instructions than the instruction cache from now on. */
  override flushDcachePage(page: number): void {
    const { flags } = this.host.map;
    flags[page] = (flags[page] as number) & ~PG_ARCH_1;
  }

  override mmOfSlot(cpu: Cpu, slot: number): Mm | null {
    return this.contexts.owner(cpu.tlb.contextOf(slot));
  }

  /** Only what was hashed; of a 64 KiB page the sub-pages that bits 27:12 name. */
  override cachedPages(vpn: number, huge: boolean, _hi: number, lo: number): readonly number[] {
    if ((lo & HASHPTE) === 0) return [];
    const first = vpn * 2 ** this.sub;
    if (huge || this.sub === 0) return [first];
    return Array.from({ length: 16 }, (_, i) => i)
      .filter((i) => ((lo >>> 12) & (0x8000 >>> i)) !== 0)
      .map((i) => first + i);
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

  override flushKernelRange(_start: number, _end: number): void {
    this.countFlush('range', 0);
    this.flushRunning();
  }

  override gatherFlush(_mm: Mm, _fullmm: boolean): void {
    this.flushRunning();
  }

  override flushPending(cpu: Cpu): void {
    const purged = this.flush.pendingOf(cpu);
    if (purged >= 0) this.countFlush('pending', purged);
  }

  private flushRunning(): void {
    if (this.host.cpu.batch.nr !== 0) this.flushPending(this.host.cpu);
  }

  // --- huge pages ----------------------------------------------------------------------------------------------------

  override isHugepageOnlyRange(mm: Mm, start: number, pages: number): boolean {
    return this.areas.touchedBy(mm, start, pages);
  }

  override prepareHugepageRange(mm: Mm, start: number, pages: number): number {
    return this.areas.preparePages(mm, start, pages);
  }

  override hugeUnmappedArea(mm: Mm, hint: number, pages: number): number {
    return this.areas.choosePages(mm, hint, pages);
  }

  override pastHugeArea(mm: Mm, start: number, pages: number, upward: boolean): number {
    return this.areas.pastPages(mm, start, pages, upward);
  }

  // --- audit ---------------------------------------------------------------------------------------------------------

  override reportExtra(): readonly ReportLine[] {
    return reportHash(this.table, this.flush, this.counts);
  }

  override auditExtra(): readonly string[] {
    return auditHashTable(this.host, this.table, this.contexts);
  }
}
