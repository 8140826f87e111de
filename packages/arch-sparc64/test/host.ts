/**
 * A host for the MMU without core's kernel: memory, tables that are built entry by entry, and set_pte_at with the
 * pending rule of the descriptor. One or two banks.
 */
import {
  type ArchDescriptor,
  Counters,
  Cpu,
  EventRing,
  highWord,
  lowWord,
  type MemMap,
  type Mm,
  type MmuHost,
  type PageTables,
  type PhysicalMemory,
} from '@fourfold/core/arch';
import { Sparc64Mmu } from '../src/index.js';

export interface HostOptions {
  readonly cpus?: number;
  readonly defectsKept?: boolean;
  readonly pages?: number;
  /** Frame number of the first page of each of two halves of the memory; default one bank at 0x100. */
  readonly banks?: readonly [number, number];
}

export class TestHost implements MmuHost {
  readonly arch: ArchDescriptor;
  readonly memory: PhysicalMemory;
  readonly map: MemMap;
  readonly tables: PageTables;
  readonly counters = new Counters();
  readonly events = new EventRing();
  readonly cpus: Cpu[];
  readonly mms = new Set<Mm>();
  readonly defectsKept: boolean;
  readonly mmu: Sparc64Mmu;
  cpu: Cpu;
  readonly #words: Int32Array;
  readonly #slot: Int32Array;
  readonly #pageToPfn: (page: number) => number;
  /** Pages taken so far; data frames are taken from the same counter. */
  #nextPage = 0;

  constructor(arch: ArchDescriptor, options: HostOptions = {}) {
    const { pageShift } = arch.geometry;
    const nrPages = options.pages ?? 64;
    const pageWords = 2 ** pageShift / 4;
    const [first, second] = options.banks ?? [0x100, 0x100 + nrPages / 2];
    const half = nrPages / 2;
    this.arch = arch;
    this.#words = new Int32Array((nrPages + 1) * pageWords);
    this.#slot = Int32Array.from({ length: nrPages }, (_, page) => (page + 1) * pageWords);
    this.#pageToPfn = (page) => (page < half ? first + page : second + page - half);
    const pfnToPage = (pfn: number): number => {
      if (pfn >= first && pfn < first + half) return pfn - first;
      return pfn >= second && pfn < second + half ? pfn - second + half : -1;
    };
    const memory = {
      words: this.#words,
      slot: this.#slot,
      nrPages,
      pageShift,
      banks: options.banks === undefined ? [0] : [0, 1],
      pageToPfn: this.#pageToPfn,
      pfnToPage,
    };
    this.memory = memory as unknown as PhysicalMemory;
    this.tables = {
      loAt: 1,
      hiAt: 0,
      lookup: (mm: Mm, vpnHi: number, vpnLo: number) => this.lookup(mm, (vpnHi >>> 0) * 2 ** 32 + (vpnLo >>> 0)),
    } as unknown as PageTables;
    this.map = {} as MemMap;
    this.defectsKept = options.defectsKept ?? false;
    this.cpus = Array.from({ length: options.cpus ?? 1 }, (_, id) => new Cpu(id, arch.tlb, arch.pendingFlush.capacity));
    this.cpu = this.cpus[0] as Cpu;
    this.mmu = new Sparc64Mmu(this);
  }

  newMm(): Mm {
    const mm = { context: -1, cpuVmMask: 0, users: 1, rootWord: this.#word(this.takePage()) } as unknown as Mm;
    this.mms.add(mm);
    this.mmu.initContext(mm, null);
    return mm;
  }

  takePage(): number {
    return this.#nextPage++;
  }

  pfnOf(page: number): number {
    return this.#pageToPfn(page);
  }

  /** Word index of the pte of a page, 0 when a table is missing; with `make` missing tables are made. */
  lookup(mm: Mm, vpn: number, make = false): number {
    const { geometry, upper } = this.arch;
    const hi = (vpn / 2 ** 32) | 0;
    let table = mm.rootWord;
    for (let level = 0; level < 2; level++) {
      const at = table + geometry.index(level, hi, vpn | 0);
      const format = upper[level] as (typeof upper)[number];
      if (this.#words[at] === 0) {
        if (!make) return 0;
        this.#words[at] = format.linkLo(this.#pageToPfn(this.takePage()) * geometry.pageSize);
      }
      const pfn = format.tableAddress(0, this.#words[at] as number) / geometry.pageSize;
      table = this.#word(this.memory.pfnToPage(pfn));
    }
    return table + 2 * geometry.index(2, hi, vpn | 0);
  }

  /** Word index of the pmd entry of a page whose pmd table exists. */
  pmdEntry(mm: Mm, vpn: number): number {
    const { geometry, upper } = this.arch;
    const hi = (vpn / 2 ** 32) | 0;
    const pgd = this.#words[mm.rootWord + geometry.index(0, hi, vpn | 0)] as number;
    const pfn = (upper[0] as (typeof upper)[number]).tableAddress(0, pgd) / geometry.pageSize;
    return this.#word(this.memory.pfnToPage(pfn)) + geometry.index(1, hi, vpn | 0);
  }

  /** Page of the pte table of a page. */
  pteTablePage(mm: Mm, vpn: number): number {
    const at = this.lookup(mm, vpn);
    return Math.floor(at / this.#word(0)) - 1; // page n begins at word (n + 1) * pageWords
  }

  /** set_pte_at: stores the word and queues the old one as core does. */
  setPte(mm: Mm, vpn: number, word: bigint): void {
    const at = this.lookup(mm, vpn, true);
    const oldHi = this.#words[at] as number;
    const oldLo = this.#words[at + 1] as number;
    this.#words[at] = highWord(word);
    this.#words[at + 1] = lowWord(word);
    this.queue(mm, vpn, oldHi, oldLo);
  }

  queue(mm: Mm, vpn: number, oldHi: number, oldLo: number): void {
    const rule = this.arch.pendingFlush;
    if (((oldHi & rule.queueHi) | (oldLo & rule.queueLo)) === 0) return;
    if (rule.skipWhenFullmm && this.cpu.fullmmGather) return;
    const { batch } = this.cpu;
    if (batch.nr > 0 && batch.mm !== mm) this.mmu.flushPending(this.cpu);
    batch.mm = mm;
    batch.vpn[batch.nr] = vpn;
    batch.oldHi[batch.nr] = oldHi;
    batch.oldLo[batch.nr] = oldLo;
    if (++batch.nr >= rule.capacity) this.mmu.flushPending(this.cpu);
  }

  storeWord(at: number, value: number): void {
    this.#words[at] = value;
  }

  /** Runs an access as a replay does: look-up, then miss or denial. */
  access(kind: 0 | 1 | 2, vpn: number, cpu: Cpu = this.cpu): number {
    const hi = (vpn / 2 ** 32) | 0;
    const lo = vpn | 0;
    const slot = cpu.tlb.find(kind, hi, lo, cpu.context);
    if (slot < 0) return this.mmu.miss(cpu, kind, hi, lo);
    return ((cpu.tlb.rightsOf(slot) >> kind) & 1) !== 0 ? slot : this.mmu.denied(cpu, kind, slot, hi, lo);
  }

  /** Whether any slot of a CPU holds a page in a context. */
  holds(vpn: number, context: number, cpu: Cpu = this.cpu): boolean {
    const { tlb } = cpu;
    for (let slot = 0; slot < tlb.slots; slot++) {
      if (tlb.contextOf(slot) === context && tlb.pageOf(slot) === vpn) return true;
    }
    return false;
  }

  #word(page: number): number {
    return this.#slot[page] as number;
  }
}

/** Page number of an address. */
export function pageOf(arch: ArchDescriptor, address: bigint): number {
  return Number(address >> BigInt(arch.geometry.pageShift));
}
