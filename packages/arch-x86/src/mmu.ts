/**
 * The page walker of x86, in one class for all three machines: it reads the tables from CR3 down in simulated memory,
 * as the processor does on a TLB miss.
 *
 * - A is set in every entry the walk uses (not in PAE's four pointers, which the processor keeps in registers since the
 *   last CR3 load), D in the leaf of a store; both as 32-bit stores to the low half. The leaf gets them only when the
 *   access is allowed.
 * - RW and US hold when every level has them, NX when any level has it. PAE's pointers have neither.
 * - Entries that are not present are never cached. A set reserved bit counts as a rights fault.
 * - A page that may be written but is clean is cached without RIGHT_STORE and with TLB_CLEAN. A store to it comes to
 *   `denied`, which walks again and sets D: the processor's dirty assist.
 */
import {
  type AccessKind,
  type Cpu,
  DIRTY_ASSISTS,
  FAULT_ABSENT,
  FAULT_RIGHTS,
  type Mm,
  Mmu,
  type MmuHost,
  type PhysicalMemory,
  RIGHT_EXEC,
  RIGHT_LOAD,
  RIGHT_STORE,
  STORE,
  TLB_CLEAN,
  WALK_REFERENCES,
  WALKS,
} from '@fourfold/core/arch';
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_PRESENT, PAGE_PSE, PAGE_RW, PAGE_USER } from './bits.js';
import { switchMm, X86Registers } from './context.js';
import { flushMm, flushPage, invlpg } from './flush.js';
import { PAGE_SHIFT } from './geometry.js';

/** What the walker needs to know beyond the geometry. */
export interface WalkerSpec {
  /** Page number bits that no user address has. Above them nothing is mapped: no walk. */
  readonly beyondUser: bigint;
  /** Bits that must be 0 in a present entry. */
  readonly reserved: bigint;
  /** Frame bits that the processor implements. */
  readonly frame: bigint;
  /** The root's entries are held in registers (PAE). */
  readonly rootInRegisters: boolean;
}

const PAGE_BYTES = 2 ** PAGE_SHIFT;
/** Deepest tree here. */
const MAX_LEVELS = 4;

export class X86Mmu extends Mmu {
  readonly #memory: PhysicalMemory;
  readonly #slot: Int32Array;
  readonly #counts: Float64Array;
  /** Banks of physical memory: first frame number, frames, and page minus frame number of each. */
  readonly #bankStart: Int32Array;
  readonly #bankFrames: Int32Array;
  readonly #bankOffset: Int32Array;
  readonly #beyondHi: number;
  readonly #beyondLo: number;
  readonly #reservedHi: number;
  readonly #frameHi: number;
  readonly #wide: boolean;
  /** log2 of the words of an entry. */
  readonly #entryShift: number;
  readonly #rootInRegisters: boolean;
  readonly #firstLevel: number;
  readonly #lastLevel: number;
  readonly #shift = new Uint8Array(MAX_LEVELS);
  readonly #mask = new Int32Array(MAX_LEVELS);

  constructor(host: MmuHost, spec: WalkerSpec) {
    super(host);
    const { geometry } = host.arch;
    this.#memory = host.memory;
    this.#slot = host.memory.slot;
    this.#counts = host.counters.values;
    const { banks } = host.memory;
    this.#bankStart = Int32Array.from(banks, (bank) => bank.base / PAGE_BYTES);
    this.#bankFrames = Int32Array.from(banks, (bank) => bank.size / PAGE_BYTES);
    this.#bankOffset = this.#bankStart.map((pfn) => host.memory.pfnToPage(pfn) - pfn);
    this.#beyondHi = high(spec.beyondUser);
    this.#beyondLo = low(spec.beyondUser);
    this.#reservedHi = high(spec.reserved);
    this.#frameHi = high(spec.frame);
    this.#wide = geometry.entryBytes[0] === 8;
    this.#entryShift = this.#wide ? 1 : 0;
    this.#rootInRegisters = spec.rootInRegisters;
    this.#firstLevel = spec.rootInRegisters ? 1 : 0;
    this.#lastLevel = geometry.depth - 1;
    for (let level = 0; level < geometry.depth; level++) {
      this.#shift[level] = geometry.shift[level] as number;
      this.#mask[level] = (1 << (geometry.bits[level] as number)) - 1;
    }
    for (const cpu of host.cpus) cpu.registers = new X86Registers();
  }

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    if (((vpnHi & this.#beyondHi) | (vpnLo & this.#beyondLo)) !== 0) return FAULT_ABSENT;
    const words = this.#memory.words;
    const slot = this.#slot;
    const shifts = this.#shift;
    const masks = this.#mask;
    const wide = this.#wide;
    const entryShift = this.#entryShift;
    const reservedHi = this.#reservedHi;
    const frameHi = this.#frameHi;
    const bankStart = this.#bankStart;
    const bankFrames = this.#bankFrames;
    const bankOffset = this.#bankOffset;
    const last = this.#lastLevel;
    const registers = cpu.registers as X86Registers;
    let table = this.#rootInRegisters ? (registers.pdpt[vpnLo >>> 18] as number) : registers.rootWord;
    let every = PAGE_RW | PAGE_USER;
    let any = 0;
    let references = 1;
    let level = this.#firstLevel;
    let at = 0;
    let lo = 0;
    let hi = 0;
    for (; level < last; level++) {
      const shift = shifts[level] as number; // 9 to 27: never 0 above the leaf
      const index = ((vpnLo >>> shift) | (vpnHi << (32 - shift))) & (masks[level] as number);
      at = table + (index << entryShift);
      lo = words[at] as number;
      hi = wide ? (words[at + 1] as number) : 0;
      if ((lo & PAGE_PRESENT) === 0) return this.#counted(references, FAULT_ABSENT);
      if ((hi & reservedHi) !== 0) return this.#counted(references, FAULT_RIGHTS);
      if ((lo & PAGE_PSE) !== 0) break;
      every &= lo;
      any |= hi;
      if ((lo & PAGE_ACCESSED) === 0) words[at] = lo | PAGE_ACCESSED;
      const pfn = (lo >>> 12) | ((hi & frameHi) << 20); // reserved bits are 0, so it fits 28 bits
      let bank = bankStart.length - 1;
      while (bank >= 0 && (pfn - (bankStart[bank] as number)) >>> 0 >= (bankFrames[bank] as number)) bank--;
      if (bank < 0) return this.#counted(references, FAULT_ABSENT);
      table = slot[pfn + (bankOffset[bank] as number)] as number;
      references++;
    }
    if (level === last) {
      at = table + ((vpnLo & (masks[last] as number)) << entryShift);
      lo = words[at] as number;
      hi = wide ? (words[at + 1] as number) : 0;
      if ((lo & PAGE_PRESENT) === 0) return this.#counted(references, FAULT_ABSENT);
      if ((hi & reservedHi) !== 0) return this.#counted(references, FAULT_RIGHTS);
    } else if (level !== last - 1) {
      return this.#counted(references, FAULT_RIGHTS); // PSE is reserved above the level of large pages
    }
    this.#counts[WALKS] = (this.#counts[WALKS] as number) + 1;
    this.#counts[WALK_REFERENCES] = (this.#counts[WALK_REFERENCES] as number) + references;
    every &= lo;
    any |= hi;
    let rights = 0;
    if ((every & PAGE_USER) !== 0) {
      rights = any >= 0 ? RIGHT_EXEC | RIGHT_LOAD : RIGHT_LOAD; // NX is the sign bit of the high half
      if ((every & PAGE_RW) !== 0) rights |= RIGHT_STORE;
    }
    if ((rights & (1 << kind)) === 0) return FAULT_RIGHTS;
    const pfn = (lo >>> 12) | ((hi & frameHi) << 20);
    let bank = bankStart.length - 1;
    while (bank >= 0 && (pfn - (bankStart[bank] as number)) >>> 0 >= (bankFrames[bank] as number)) bank--;
    if (bank < 0) return FAULT_ABSENT; // no frame there: a device, which is not simulated
    let used = lo | PAGE_ACCESSED;
    let attrs = (lo >>> 8) & 1; // GLOBAL is TLB_GLOBAL
    if (kind === STORE) used |= PAGE_DIRTY;
    else if ((rights & RIGHT_STORE) !== 0 && (lo & PAGE_DIRTY) === 0) {
      rights &= ~RIGHT_STORE;
      attrs |= TLB_CLEAN;
    }
    if (used !== lo) words[at] = used;
    let page = pfn + (bankOffset[bank] as number);
    let span = 0;
    if (level !== last) {
      span = shifts[level] as number;
      page &= -1 << span;
    }
    return cpu.tlb.fill(kind, vpnHi, vpnLo, 0, page, rights, attrs, span);
  }

  /**
   * A store to a page cached as clean walks again and sets D; the translation is then replaced in every unit. Anything
   * else is a rights fault.
   */
  override denied(cpu: Cpu, kind: AccessKind, slot: number, vpnHi: number, vpnLo: number): number {
    if (kind !== STORE || ((cpu.tlb.attrs[slot] as number) & TLB_CLEAN) === 0) return FAULT_RIGHTS;
    this.#counts[DIRTY_ASSISTS] = (this.#counts[DIRTY_ASSISTS] as number) + 1;
    invlpg(cpu, (vpnHi >>> 0) * 4294967296 + (vpnLo >>> 0));
    return this.miss(cpu, kind, vpnHi, vpnLo);
  }

  override switchMm(cpu: Cpu, prev: Mm | null, next: Mm): void {
    switchMm(cpu, prev, next, this.#memory, this.host.tables);
  }

  /** All that is not global belongs to the mm whose tables CR3 points at. */
  override mmOfSlot(cpu: Cpu, _slot: number): Mm | null {
    return cpu.mm;
  }

  override flushPage(mm: Mm, vpn: number): void {
    this.countFlush('page', flushPage(this.host.cpus, mm, vpn));
  }

  override flushRange(mm: Mm, _start: number, _end: number): void {
    this.countFlush('range', flushMm(this.host.cpus, mm, this.#memory, this.host.tables));
  }

  override flushMm(mm: Mm): void {
    this.countFlush('mm', flushMm(this.host.cpus, mm, this.#memory, this.host.tables));
  }

  override gatherFlush(mm: Mm, _fullmm: boolean): void {
    this.flushMm(mm);
  }

  #counted(references: number, answer: number): number {
    this.#counts[WALKS] = (this.#counts[WALKS] as number) + 1;
    this.#counts[WALK_REFERENCES] = (this.#counts[WALK_REFERENCES] as number) + references;
    return answer;
  }
}

function low(word: bigint): number {
  return Number(BigInt.asIntN(32, word));
}

function high(word: bigint): number {
  return Number(BigInt.asIntN(32, word >> 32n));
}
