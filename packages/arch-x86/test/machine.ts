/** A machine by hand: memory, page tables and CPUs as far as an Mmu reaches them, without core's kernel. */
import {
  type ArchDescriptor,
  Counters,
  Cpu,
  EventRing,
  highWord,
  lowWord,
  type Mm,
  type Mmu,
  type MmuHost,
  wordToBigInt,
} from '@fourfold/core/arch';

const PAGE = 4096;
const PAGE_WORDS = PAGE / 4;

export interface TestBank {
  readonly base: number;
  readonly size: number;
}

/** The parts of PhysicalMemory that an Mmu uses; every frame has its own words. */
class TestMemory {
  readonly banks: readonly TestBank[];
  readonly nrPages: number;
  readonly pageSize = PAGE;
  readonly slot: Int32Array;
  words = new Int32Array(PAGE_WORDS * 64);
  #next = PAGE_WORDS;

  constructor(banks: readonly TestBank[]) {
    this.banks = banks;
    this.nrPages = banks.reduce((n, bank) => n + bank.size / PAGE, 0);
    this.slot = new Int32Array(this.nrPages);
  }

  pageToPfn(page: number): number {
    let rest = page;
    for (const { base, size } of this.banks) {
      if (rest < size / PAGE) return base / PAGE + rest;
      rest -= size / PAGE;
    }
    throw new RangeError(`expected a page below ${this.nrPages}, got ${page}`);
  }

  pfnToPage(pfn: number): number {
    let first = 0;
    for (const { base, size } of this.banks) {
      if (pfn >= base / PAGE && pfn < (base + size) / PAGE) return first + pfn - base / PAGE;
      first += size / PAGE;
    }
    return -1;
  }

  wordAt(pa: number): number {
    const page = this.pfnToPage(Math.floor(pa / PAGE));
    return page < 0 ? -1 : (this.slot[page] as number) + (pa % PAGE) / 4;
  }

  materialize(page: number): void {
    if (this.slot[page] !== 0) return;
    this.slot[page] = this.#next;
    this.#next += PAGE_WORDS;
  }
}

export interface TestMachine {
  readonly arch: ArchDescriptor;
  readonly mmu: Mmu;
  readonly cpus: readonly Cpu[];
  readonly counters: Counters;
  newMm(): Mm;
  /** Stores the leaf of a page, making tables; answers where the entry of each level is, root first. */
  map(mm: Mm, vpn: number, leaf: bigint): number[];
  /** Word index of the entry at `level`, 0 when a table is missing. */
  entryAt(mm: Mm, vpn: number, level: number): number;
  read(at: number): bigint;
  write(at: number, word: bigint): void;
}

export const LOW_MEMORY: readonly TestBank[] = [{ base: 0, size: 1 << 20 }];

export function testMachine(arch: ArchDescriptor, nrCpus = 1, banks: readonly TestBank[] = LOW_MEMORY): TestMachine {
  const memory = new TestMemory(banks);
  const { geometry: g } = arch;
  const entryWords = arch.pteFormat.bytes / 4;
  const cpus = Array.from({ length: nrCpus }, (_, id) => new Cpu(id, arch.tlb, 1));
  const counters = new Counters();
  let nextPage = 1;
  let mms = 0;

  const read = (at: number): bigint =>
    wordToBigInt(entryWords === 2 ? (memory.words[at + 1] as number) : 0, memory.words[at] as number);
  const write = (at: number, word: bigint): void => {
    memory.words[at] = lowWord(word);
    if (entryWords === 2) memory.words[at + 1] = highWord(word);
  };
  const newTable = (): number => {
    memory.materialize(nextPage);
    return memory.pageToPfn(nextPage++) * PAGE;
  };
  const link = (level: number, at: number): void => {
    write(at, arch.tables.make(g.names[level] ?? 'pgd', newTable()));
  };
  const indexAt = (table: number, level: number, vpn: number): number =>
    table + g.index(level, Math.floor(vpn / 2 ** 32), vpn | 0) * entryWords;
  const tableBelow = (level: number, at: number): number =>
    memory.wordAt(Number(arch.tables.decode(g.names[level] ?? 'pgd', read(at)).table));
  const entryAt = (mm: Mm, vpn: number, level: number): number => {
    let at = indexAt(mm.rootWord, 0, vpn);
    for (let l = 0; l < level; l++) {
      if (read(at) === 0n) return 0;
      at = indexAt(tableBelow(l, at), l + 1, vpn);
    }
    return at;
  };

  const host = {
    arch,
    memory,
    counters,
    events: new EventRing(),
    cpus,
    mms: new Set<Mm>(),
    defectsKept: false,
    // What a CR3 load reads.
    tables: {
      geometry: g,
      tableAddress: (level: number, at: number) => Number(arch.tables.decode(g.names[level] ?? 'pgd', read(at)).table),
    },
  } as unknown as MmuHost;

  return {
    arch,
    mmu: arch.createMmu(host),
    cpus,
    counters,
    newMm() {
      const rootPa = newTable();
      const mm = { id: mms++, rootPa, rootWord: memory.wordAt(rootPa), cpuVmMask: 0, context: 0 } as unknown as Mm;
      if (arch.upper[0]?.preallocated) {
        for (let i = 0; i < 2 ** (g.bits[0] as number); i++) link(0, mm.rootWord + i * entryWords);
      }
      return mm;
    },
    map(mm, vpn, leaf) {
      const at: number[] = [];
      for (let level = 0; level < g.depth - 1; level++) {
        const entry = entryAt(mm, vpn, level);
        if (read(entry) === 0n) link(level, entry);
        at.push(entry);
      }
      const last = entryAt(mm, vpn, g.depth - 1);
      write(last, leaf);
      return [...at, last];
    },
    entryAt,
    read,
    write,
  };
}
