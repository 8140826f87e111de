/** A host for the MMU without core's kernel: memory, and tables that are built entry by entry. One or two banks. */
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
  wordToBigInt,
} from '@fourfold/core/arch';
import type { Ia64Mmu } from '../src/index.js';

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
  readonly mmu: Ia64Mmu;
  cpu: Cpu;
  readonly words: Int32Array;
  readonly #slot: Int32Array;
  readonly #pageToPfn: (page: number) => number;
  /** Pages taken so far; data frames are taken from the same counter. */
  #nextPage = 0;

  constructor(arch: ArchDescriptor, options: HostOptions = {}) {
    const { pageShift } = arch.geometry;
    const nrPages = options.pages ?? 64;
    const pageWords = 2 ** pageShift / 4;
    const half = nrPages / 2;
    const [first, second] = options.banks ?? [0x100, 0x100 + half];
    this.arch = arch;
    this.words = new Int32Array((nrPages + 1) * pageWords);
    this.#slot = Int32Array.from({ length: nrPages }, (_, page) => (page + 1) * pageWords);
    this.#pageToPfn = (page) => (page < half ? first + page : second + page - half);
    const pfnToPage = (pfn: number): number => {
      if (pfn >= first && pfn < first + half) return pfn - first;
      return pfn >= second && pfn < second + half ? pfn - second + half : -1;
    };
    this.memory = {
      words: this.words,
      slot: this.#slot,
      nrPages,
      pageShift,
      banks: options.banks === undefined ? [0] : [0, 1],
      pageToPfn: this.#pageToPfn,
      pfnToPage,
    } as unknown as PhysicalMemory;
    this.tables = {
      loAt: 0,
      hiAt: 1,
      lookup: (mm: Mm, vpnHi: number, vpnLo: number) => this.lookup(mm, (vpnHi >>> 0) * 2 ** 32 + (vpnLo >>> 0)),
    } as unknown as PageTables;
    this.map = {} as MemMap;
    this.defectsKept = options.defectsKept ?? false;
    this.cpus = Array.from({ length: options.cpus ?? 1 }, (_, id) => new Cpu(id, arch.tlb, arch.pendingFlush.capacity));
    this.cpu = this.cpus[0] as Cpu;
    this.mmu = arch.createMmu(this) as Ia64Mmu;
  }

  newMm(): Mm {
    const page = this.takePage();
    const mm = {
      context: -1,
      cpuVmMask: 0,
      users: 1,
      rootWord: this.#word(page),
      rootPa: this.pfnOf(page) * this.arch.geometry.pageSize,
    } as unknown as Mm;
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

  /** Word index of the entry of a page at `level`, 0 when a table is missing; with `make` missing tables are made. */
  entryAt(mm: Mm, vpn: number, level: number, make = false): number {
    const { geometry, upper } = this.arch;
    const hi = (vpn / 2 ** 32) | 0;
    let table = mm.rootWord;
    for (let l = 0; l < level; l++) {
      const at = table + 2 * geometry.index(l, hi, vpn | 0);
      const format = upper[l] as (typeof upper)[number];
      if (this.words[at] === 0 && this.words[at + 1] === 0) {
        if (!make) return 0;
        const pa = this.#pageToPfn(this.takePage()) * geometry.pageSize;
        this.words[at] = format.linkLo(pa);
        this.words[at + 1] = format.linkHi(pa);
      }
      const pa = format.tableAddress(this.words[at + 1] as number, this.words[at] as number);
      table = this.#word(this.memory.pfnToPage(pa / geometry.pageSize));
    }
    return table + 2 * geometry.index(level, hi, vpn | 0);
  }

  /** Word index of the pte of a page. */
  lookup(mm: Mm, vpn: number, make = false): number {
    return this.entryAt(mm, vpn, this.arch.geometry.depth - 1, make);
  }

  /** Page of the pte table of a page. */
  pteTablePage(mm: Mm, vpn: number): number {
    return Math.floor(this.lookup(mm, vpn) / this.#word(0)) - 1; // page n begins at word (n + 1) * pageWords
  }

  setPte(mm: Mm, vpn: number, word: bigint): void {
    const at = this.lookup(mm, vpn, true);
    this.words[at] = lowWord(word);
    this.words[at + 1] = highWord(word);
  }

  getPte(mm: Mm, vpn: number): bigint {
    const at = this.lookup(mm, vpn);
    return wordToBigInt(this.words[at + 1] as number, this.words[at] as number);
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

  /** Slots in use of a CPU, every level counted. */
  used(cpu: Cpu = this.cpu): number {
    let n = 0;
    for (let slot = 0; slot < cpu.tlb.slots; slot++) if (cpu.tlb.contextOf(slot) >= 0) n++;
    return n;
  }

  #word(page: number): number {
    return this.#slot[page] as number;
  }
}

/** Page number of an address. */
export function pageOf(arch: ArchDescriptor, address: bigint): number {
  return Number(address >> BigInt(arch.geometry.pageShift));
}
