/**
 * What an Mmu works on, without a kernel: real memory, page tables and CPUs, with tables built entry by entry. For the
 * tests of a machine, which step its Mmu by hand through what the kernel would ask of it.
 */
import { Counters } from '../events/counters.js';
import { EventRing } from '../events/ring.js';
import { MemMap } from '../memory/mem-map.js';
import { type Bank, PhysicalMemory } from '../memory/physical.js';
import { PageTables } from '../pgtable/page-tables.js';
import { Cpu } from '../smp/cpu.js';
import { Mm } from '../vma/mm.js';
import { Vma } from '../vma/vma.js';
import type { AccessKind } from './access.js';
import { MAPPING_NONE } from './access.js';
import type { ArchDescriptor } from './descriptor.js';
import type { Mmu, MmuHost } from './mmu.js';
import { highWord, lowWord, wordToBigInt } from './words.js';

export interface BareHostOptions {
  /** Default 1. */
  readonly cpus?: number;
  /** Default false. */
  readonly defectsKept?: boolean;
}

export class BareHost implements MmuHost {
  readonly arch: ArchDescriptor;
  readonly memory: PhysicalMemory;
  readonly map: MemMap;
  readonly tables: PageTables;
  readonly counters: Counters = new Counters();
  readonly events: EventRing = new EventRing();
  readonly cpus: readonly Cpu[];
  readonly mms: Set<Mm> = new Set();
  initMm: Mm | null = null;
  readonly defectsKept: boolean;
  cpu: Cpu;
  private nextPage = 0;
  private nextMmId = 0;

  constructor(arch: ArchDescriptor, banks: readonly Bank[], options: BareHostOptions = {}) {
    this.arch = arch;
    this.memory = new PhysicalMemory(arch.geometry.pageShift, banks, arch.byteOrder === 'big');
    this.map = new MemMap(this.memory.nrPages);
    this.tables = new PageTables(this.memory, arch);
    this.defectsKept = options.defectsKept ?? false;
    this.cpus = Array.from({ length: options.cpus ?? 1 }, (_, id) => new Cpu(id, arch.tlb, arch.pendingFlush.capacity));
    this.cpu = this.cpus[0] as Cpu;
  }

  /** The next page of the mem_map that nobody took, zeroed. */
  takePage(): number {
    this.memory.materialize(this.nextPage);
    return this.nextPage++;
  }

  /** No page is in a page cache. */
  mappingState(_page: number): number {
    return MAPPING_NONE;
  }

  /** Frame number of a page. */
  pfnOf(page: number): number {
    return this.memory.pageToPfn(page);
  }

  /** Page whose contents hold a word, -1 for none. */
  pageOfWord(at: number): number {
    const { slot, pageWords } = this.memory;
    return slot.findIndex((first) => first !== 0 && at >= first && at < first + pageWords);
  }

  /** An mm with an empty root table, and the tables that the machine makes with it. Its Mmu has yet to give it a context. */
  makeMm(): Mm {
    const mm = new Mm(this.nextMmId++, 0, false, this.events);
    const root = this.takePage();
    mm.rootPa = this.pfnOf(root) * this.memory.pageSize;
    mm.rootWord = this.memory.slot[root] as number;
    if (this.arch.upper[0]?.preallocated) {
      const words = (this.arch.geometry.entryBytes[0] as number) / 4;
      for (let i = 0; i < 2 ** (this.arch.geometry.bits[0] as number); i++) this.link(0, mm.rootWord + i * words);
    }
    this.mms.add(mm);
    return mm;
  }

  /** Word index of the entry of a page at `level`, 0 when a table is missing; with `make` missing tables are made. */
  entryAt(mm: Mm, vpn: number, level: number, make = false): number {
    const { tables } = this;
    const hi = (vpn / 2 ** 32) | 0;
    let table = mm.rootWord;
    for (let above = 0; above < level; above++) {
      const at = tables.entryAt(above, table, hi, vpn | 0);
      if (tables.tableAt(above, at) === 0) {
        if (!make) return 0;
        this.link(above, at);
      }
      table = tables.tableAt(above, at);
    }
    return tables.entryAt(level, table, hi, vpn | 0);
  }

  /** Word index of the pte of a page, likewise. */
  lookup(mm: Mm, vpn: number, make = false): number {
    return this.entryAt(mm, vpn, this.tables.depth - 1, make);
  }

  /** An area of an mm over pages [start, end), for code that looks whether something is mapped. */
  addArea(mm: Mm, start: number, end: number): void {
    mm.vmas.insert(new Vma(mm, start, end, 0, 0, null));
  }

  /** Entry of `level` at a word; the pte tables' when not said. */
  read(at: number, level: number = this.tables.depth - 1): bigint {
    return wordToBigInt(this.tables.entryHi(level, at), this.tables.entryLo(level, at));
  }

  /** Stores an entry of `level` at a word, and tells nobody; a pte when not said. */
  write(at: number, word: bigint, level: number = this.tables.depth - 1): void {
    this.tables.setEntry(level, at, highWord(word), lowWord(word));
  }

  /** Runs an access as a replay does: look-up, then miss or denial. What the Mmu answers, or the slot. */
  translate(mmu: Mmu, kind: AccessKind, vpn: number, cpu: Cpu = this.cpu): number {
    const hi = (vpn / 2 ** 32) | 0;
    const slot = cpu.tlb.find(kind, hi, vpn | 0, cpu.context);
    if (slot < 0) return mmu.miss(cpu, kind, hi, vpn | 0);
    return ((cpu.tlb.rightsOf(slot) >> kind) & 1) !== 0 ? slot : mmu.denied(cpu, kind, slot, hi, vpn | 0);
  }

  /** Whether any TLB slot of a CPU holds a page (of the TLB) in a context. */
  holds(vpn: number, context: number, cpu: Cpu = this.cpu): boolean {
    const { tlb } = cpu;
    for (let slot = 0; slot < tlb.slots; slot++) {
      if (tlb.contextOf(slot) === context && tlb.pageOf(slot) === vpn) return true;
    }
    return false;
  }

  private link(level: number, at: number): void {
    const pa = this.pfnOf(this.takePage()) * this.memory.pageSize;
    const format = this.arch.upper[level];
    if (format !== undefined) this.tables.setEntry(level, at, format.linkHi(pa), format.linkLo(pa));
  }
}
