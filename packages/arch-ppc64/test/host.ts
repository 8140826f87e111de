/**
 * A host for the MMU without core's kernel: memory, tables that are built entry by entry, and the operations on ptes as
 * the kernel has them (set_pte_at, ptep_get_and_clear, a change in place).
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
  wordToBigInt,
} from '@fourfold/core/arch';
import { Ppc64Mmu, type Ppc64MmuOptions } from '../src/index.js';

export interface HostOptions extends Ppc64MmuOptions {
  readonly cpus?: number;
  readonly defectsKept?: boolean;
  readonly pages?: number;
  /** Frame number of the first page. */
  readonly firstPfn?: number;
}

const PTE_HASHPTE = 0x400n;

export class TestHost implements MmuHost {
  readonly arch: ArchDescriptor;
  readonly memory: PhysicalMemory;
  readonly map = {} as MemMap;
  readonly tables: PageTables;
  readonly counters = new Counters();
  readonly events = new EventRing();
  readonly cpus: Cpu[];
  readonly mms = new Set<Mm>();
  readonly defectsKept: boolean;
  readonly mmu: Ppc64Mmu;
  cpu: Cpu;
  readonly #words: Int32Array;
  readonly #pageWords: number;
  readonly #firstPfn: number;
  readonly #nrPages: number;
  #nextPage = 0;
  #ids = 0;

  constructor(arch: ArchDescriptor, options: HostOptions = {}) {
    const { pageSize, pageShift } = arch.geometry;
    const nrPages = options.pages ?? (pageShift === 12 ? 1024 : 128);
    this.arch = arch;
    this.#pageWords = pageSize / 4;
    this.#firstPfn = options.firstPfn ?? 0;
    this.#nrPages = nrPages;
    this.#words = new Int32Array((nrPages + 1) * this.#pageWords);
    const pfnToPage = (pfn: number): number => {
      const page = pfn - this.#firstPfn;
      return page >= 0 && page < nrPages ? page : -1;
    };
    this.memory = {
      words: this.#words,
      slot: Int32Array.from({ length: nrPages }, (_, page) => (page + 1) * this.#pageWords),
      nrPages,
      pageSize,
      pageShift,
      banks: [{ base: this.#firstPfn * pageSize, size: nrPages * pageSize }],
      pageToPfn: (page: number) => page + this.#firstPfn,
      pfnToPage,
    } as unknown as PhysicalMemory;
    this.tables = {
      loAt: 1,
      hiAt: 0,
      lookup: (mm: Mm, vpnHi: number, vpnLo: number) => this.lookup(mm, (vpnHi >>> 0) * 2 ** 32 + (vpnLo >>> 0)),
    } as unknown as PageTables;
    this.defectsKept = options.defectsKept ?? false;
    this.cpus = Array.from({ length: options.cpus ?? 1 }, (_, id) => new Cpu(id, arch.tlb, arch.pendingFlush.capacity));
    this.cpu = this.cpus[0] as Cpu;
    this.mmu = new Ppc64Mmu(this, options);
  }

  reserve(order: number): number {
    const pages = 2 ** order;
    return pages <= this.#nrPages / 2 ? this.#nrPages - pages : -1;
  }

  newMm(parent: Mm | null = null): Mm {
    const rootWord = this.#word(this.takePage());
    const mm = {
      id: this.#ids++,
      context: 0,
      archState: null,
      cpuVmMask: 0,
      users: 1,
      rootWord,
      startCode: 0n,
      startStack: 0n,
    } as unknown as Mm;
    this.mms.add(mm);
    this.mmu.initContext(mm, parent);
    return mm;
  }

  /** A new mm that the first CPU runs. */
  run(): Mm {
    const mm = this.newMm();
    this.mmu.switchMm(this.cpu, null, mm);
    return mm;
  }

  takePage(): number {
    return this.#nextPage++;
  }

  pfnOf(page: number): number {
    return page + this.#firstPfn;
  }

  /** Word index of the pte of a base page, 0 when a table is missing; with `make` missing tables are made. */
  lookup(mm: Mm, vpn: number, make = false): number {
    const { geometry, upper } = this.arch;
    const hi = (vpn / 2 ** 32) | 0;
    const last = geometry.depth - 1;
    let table = mm.rootWord;
    for (let level = 0; level < last; level++) {
      const at = table + 2 * geometry.index(level, hi, vpn | 0);
      const format = upper[level] as (typeof upper)[number];
      if (this.#words[at] === 0) {
        if (!make) return 0;
        const pa = this.pfnOf(this.takePage()) * geometry.pageSize;
        this.#words[at] = format.linkHi(pa);
        this.#words[at + 1] = format.linkLo(pa);
      }
      const pa = format.tableAddress(this.#words[at] as number, this.#words[at + 1] as number);
      table = this.#word(this.memory.pfnToPage(Math.floor(pa / geometry.pageSize)));
    }
    return table + 2 * geometry.index(last, hi, vpn | 0);
  }

  pte(mm: Mm, vpn: number): bigint {
    return this.wordAt(this.lookup(mm, vpn));
  }

  /** The hidx word of a pte (64 KiB pages). */
  hidx(mm: Mm, vpn: number): bigint {
    return this.wordAt(this.lookup(mm, vpn) + 0x8000 / 4);
  }

  /** set_pte_at. */
  setPte(mm: Mm, vpn: number, word: bigint): void {
    const f = this.arch.pteFormat;
    const at = this.lookup(mm, vpn, true);
    if ((this.wordAt(at) & 1n) !== 0n) {
      this.changePte(mm, vpn, 0n);
      this.mmu.flushPending(this.cpu);
    }
    this.store(at, (word & wordToBigInt(f.countHi, f.countLo)) | wordToBigInt(f.storeSetHi, f.storeSetLo));
  }

  /** pte_update: a change in place; with 0 ptep_get_and_clear. */
  changePte(mm: Mm, vpn: number, word: bigint): void {
    const at = this.lookup(mm, vpn, true);
    const old = this.wordAt(at);
    this.store(at, word);
    if ((old & PTE_HASHPTE) === 0n) return;
    const { batch } = this.cpu;
    if (batch.nr > 0 && batch.mm !== mm) this.mmu.flushPending(this.cpu);
    batch.mm = mm;
    batch.vpn[batch.nr] = vpn;
    batch.oldHi[batch.nr] = highWord(old);
    batch.oldLo[batch.nr] = lowWord(old);
    if (++batch.nr >= this.arch.pendingFlush.capacity) this.mmu.flushPending(this.cpu);
  }

  wordAt(at: number): bigint {
    return wordToBigInt(this.#words[at] as number, this.#words[at + 1] as number);
  }

  store(at: number, word: bigint): void {
    this.#words[at] = highWord(word);
    this.#words[at + 1] = lowWord(word);
  }

  /** V and R of a slot. */
  hpte(group: number, slot: number): { v: bigint; r: bigint } {
    const at = this.mmu.table.entryAt(group, slot);
    return { v: this.wordAt(at), r: this.wordAt(at + 2) };
  }

  /** Valid entries that are not bolted. */
  hashed(): number {
    let n = 0;
    for (let group = 0; group < this.mmu.table.groups; group++) {
      for (let slot = 0; slot < 8; slot++) if ((this.hpte(group, slot).v & 0x11n) === 1n) n++;
    }
    return n;
  }

  /** Fills the lower slots of a group with entries of nobody, so that the next insertion takes `slot`. */
  occupy(group: number, slot: number): void {
    for (let i = 0; i < slot; i++) this.mmu.table.insert(group, -1, -1 & ~0x1a, 0, 0);
  }

  /** Runs an access to an effective address as a replay does: look-up, then miss or denial. */
  access(kind: 0 | 1 | 2, ea: bigint, cpu: Cpu = this.cpu): number {
    const hi = Number(ea >> 44n);
    const lo = Number(BigInt.asIntN(32, ea >> 12n));
    const slot = cpu.tlb.find(kind, hi, lo, cpu.context);
    if (slot < 0) return this.mmu.miss(cpu, kind, hi, lo);
    return ((cpu.tlb.rightsOf(slot) >> kind) & 1) !== 0 ? slot : this.mmu.denied(cpu, kind, slot, hi, lo);
  }

  /** Whether any slot of a CPU holds the 4 KiB page of an address in a context. */
  holds(ea: bigint, context: number, cpu: Cpu = this.cpu): boolean {
    for (let slot = 0; slot < cpu.tlb.slots; slot++) {
      if (cpu.tlb.contextOf(slot) === context && cpu.tlb.pageOf(slot) === Number(ea >> 12n)) return true;
    }
    return false;
  }

  #word(page: number): number {
    return this.memory.slot[page] as number;
  }
}
