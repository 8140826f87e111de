/**
 * Page tables as bytes in simulated memory: look-up, and reading and writing of entries.
 *
 * A table is named by the *word index* of its first entry in PhysicalMemory.words, an entry by its own word index (0 is
 * never an entry). Word indices of tables stay valid while the table lives, because a frame with contents never moves;
 * the `words` array itself may be replaced when it grows, so read it from `memory` after anything that may allocate.
 *
 * Geometry and formats are copied into flat arrays here, once: a walk reads no descriptor object.
 */

import type { ArchDescriptor } from '../arch/descriptor.js';
import { type Geometry, tableIndex } from '../arch/geometry.js';
import type { HugeFormat } from '../arch/hugetlb.js';
import type { PhysicalMemory } from '../memory/physical.js';
import type { Mm } from '../vma/mm.js';

/** Tables that `lookup` remembers, and the words of a record: the page number above a table's index bits (-1 none). */
const FOUND = 64;
const FOUND_SHIFT = 2;
const FOUND_HI = 1;
const FOUND_MM = 2;
const FOUND_TABLE = 3;

/** Words of a level's record in #levels. */
const LEVEL_SHIFT = 4;
const L_SHIFT = 0;
const L_MASK = 1;
const L_WORDS = 2;
const L_ADDRESS_LO = 3;
const L_ADDRESS_HI = 4;
const L_ADDRESS_SHIFT = 5;
const L_FRAME_SHIFT = 6;
const L_NONE_LO = 7;
const L_NONE_HI = 8;
const L_BAD_LO = 9;
const L_BAD_HI = 10;
const L_BAD_VALUE_LO = 11;
const L_BAD_VALUE_HI = 12;

/** Handlers of a machine that a test has stopped half-way on their CPUs: they hold a table that they found without a lock. */
export interface StoppedHandlers {
  /** Those that have locked an entry get to their end: what a CPU sees that spins on the lock bit. */
  letGo(): void;
  /** All get to their end: what a CPU sees that waits until every other has taken an interrupt. */
  finish(): void;
}

/** The table format of one machine over its memory. */
export class PageTables {
  readonly geometry: Geometry;
  /** Real levels, pte tables included. */
  readonly depth: number;
  /** Word offsets of the low and high half inside an 8-byte entry. */
  readonly loAt: number;
  readonly hiAt: number;
  /** Words of one pte entry: 1 or 2. */
  readonly pteWords: number;
  /** Entries of a pte table. */
  readonly ptesPerTable: number;
  /** Handlers of the machine that were stopped half-way; null while none is. Whoever changes entries calls `letGo` first. */
  stopped: StoppedHandlers | null = null;
  private readonly memory: PhysicalMemory;
  private readonly arch: ArchDescriptor;
  private readonly regions: boolean;
  /** What a walk needs of each level, LEVEL_WORDS words a level. */
  private readonly levels: Int32Array;
  private readonly firstPfn: number;
  private readonly pteShift: number;
  private readonly found: Int32Array = new Int32Array(FOUND << FOUND_SHIFT).fill(-1);

  constructor(memory: PhysicalMemory, arch: ArchDescriptor) {
    const g = arch.geometry;
    this.geometry = g;
    this.memory = memory;
    this.arch = arch;
    this.depth = g.depth;
    this.loAt = arch.byteOrder === 'big' && arch.pteFormat.bytes === 8 ? 1 : 0;
    this.hiAt = arch.pteFormat.bytes === 8 ? 1 - this.loAt : 0;
    this.pteWords = arch.pteFormat.bytes / 4;
    this.pteShift = g.bits[g.depth - 1] as number;
    this.ptesPerTable = 1 << this.pteShift;
    this.regions = g.regionShift !== 0;
    this.levels = new Int32Array(g.depth << LEVEL_SHIFT);
    for (let level = 0; level < g.depth; level++) {
      const at = level << LEVEL_SHIFT;
      const wide = g.entryBytes[level] === 8;
      this.levels[at + L_SHIFT] = g.shift[level] as number;
      this.levels[at + L_MASK] = (1 << (g.bits[level] as number)) - 1;
      this.levels[at + L_WORDS] = wide ? 2 : 1;
      const f = arch.upper[level];
      if (f === undefined) continue;
      this.levels[at + L_ADDRESS_LO] = f.addressLo;
      this.levels[at + L_ADDRESS_HI] = wide ? f.addressHi : 0;
      this.levels[at + L_ADDRESS_SHIFT] = f.addressShift;
      this.levels[at + L_FRAME_SHIFT] = g.pageShift - f.addressShift;
      this.levels[at + L_NONE_LO] = f.noneLo;
      this.levels[at + L_NONE_HI] = f.noneHi;
      this.levels[at + L_BAD_LO] = f.badLo;
      this.levels[at + L_BAD_HI] = f.badHi;
      this.levels[at + L_BAD_VALUE_LO] = f.badValueLo;
      this.levels[at + L_BAD_VALUE_HI] = f.badValueHi;
    }
    this.firstPfn = memory.firstPfn;
  }

  /** Word index of the entry for a page in the table at `level` that begins at word `table`. */
  entryAt(level: number, table: number, vpnHi: number, vpnLo: number): number {
    const l = level << LEVEL_SHIFT;
    const index =
      level === 0 && this.regions
        ? tableIndex(this.geometry, 0, vpnHi, vpnLo)
        : shiftedRight(vpnHi, vpnLo, this.levels[l + L_SHIFT] as number) & (this.levels[l + L_MASK] as number);
    return table + Math.imul(index, this.levels[l + L_WORDS] as number);
  }

  /** Low half of the entry at word `at` of `level`. */
  entryLo(level: number, at: number): number {
    return this.memory.words[this.isWide(level) ? at + this.loAt : at] as number;
  }

  /** High half of the entry at word `at` of `level`; 0 for 4-byte entries. */
  entryHi(level: number, at: number): number {
    return this.isWide(level) ? (this.memory.words[at + this.hiAt] as number) : 0;
  }

  /** Stores an upper entry. All stores of upper entries come here. */
  setEntry(level: number, at: number, hi: number, lo: number): void {
    const words = this.memory.words;
    this.found.fill(-1);
    if (this.isWide(level)) {
      words[at + this.loAt] = lo;
      words[at + this.hiAt] = hi;
    } else {
      words[at] = lo;
    }
  }

  /**
   * Word index of the table that the entry at word `at` of an upper `level` points to; 0 for none, for a bad entry (a
   * walk treats it as no table; clearing it is the range operations' business) and for an address in no bank.
   */
  tableAt(level: number, at: number): number {
    const { words } = this.memory;
    const levels = this.levels;
    const l = level << LEVEL_SHIFT;
    const wide = levels[l + L_WORDS] === 2;
    const lo = words[wide ? at + this.loAt : at] as number;
    const hi = wide ? (words[at + this.hiAt] as number) : 0;
    if (((lo & (levels[l + L_NONE_LO] as number)) | (hi & (levels[l + L_NONE_HI] as number))) === 0) return 0;
    if (
      (lo & (levels[l + L_BAD_LO] as number)) !== levels[l + L_BAD_VALUE_LO] ||
      (hi & (levels[l + L_BAD_HI] as number)) !== levels[l + L_BAD_VALUE_HI]
    ) {
      return 0;
    }
    const fieldLo = lo & (levels[l + L_ADDRESS_LO] as number);
    const fieldHi = hi & (levels[l + L_ADDRESS_HI] as number);
    const s = levels[l + L_FRAME_SHIFT] as number;
    const pfn = (fieldLo >>> s) | (fieldHi << (32 - s));
    const memory = this.memory;
    const page = this.firstPfn >= 0 ? (pfn - this.firstPfn) | 0 : memory.pfnToPage(pfn) | 0;
    if (page < 0 || page >= memory.nrPages) return 0;
    const offset = (fieldLo << (levels[l + L_ADDRESS_SHIFT] as number)) & (memory.pageSize - 1);
    return (memory.slot[page] as number) + (offset >>> 2);
  }

  /** Physical address of the table an entry points to. */
  tableAddress(level: number, at: number): number {
    const format = this.arch.upper[level];
    return format === undefined ? 0 : format.tableAddress(this.entryHi(level, at), this.entryLo(level, at));
  }

  /**
   * Word index of the pte of a page, or 0 when a table on the way is missing. Atomic. A table found lately is remembered
   * until an upper entry changes: every fault begins with a look-up, and four dependent reads cost it 35 ns.
   */
  lookup(mm: Mm, vpnHi: number, vpnLo: number): number {
    const found = this.found;
    const stretch = vpnLo >>> this.pteShift;
    const at = ((stretch ^ mm.id) & (FOUND - 1)) << FOUND_SHIFT;
    if (found[at] !== stretch || found[at + FOUND_HI] !== vpnHi || found[at + FOUND_MM] !== mm.id) {
      const table = this.walk(mm, vpnHi, vpnLo);
      if (table === 0) return 0;
      found[at] = stretch;
      found[at + FOUND_HI] = vpnHi;
      found[at + FOUND_MM] = mm.id;
      found[at + FOUND_TABLE] = table;
    }
    return (found[at + FOUND_TABLE] as number) + Math.imul(vpnLo & (this.ptesPerTable - 1), this.pteWords);
  }

  /** Word index of the pte table of a page, or 0 when it or one on the way is missing: read from the root down. */
  walk(mm: Mm, vpnHi: number, vpnLo: number): number {
    let table = mm.rootWord;
    for (let level = 0; level < this.depth - 1; level++) {
      table = this.tableAt(level, this.entryAt(level, table, vpnHi, vpnLo));
      if (table === 0) return 0;
    }
    return table;
  }

  /** The tables that `lookup` remembers: whose, a page they are for, and where they are. For the audit. */
  *remembered(): Generator<{ mmId: number; vpnHi: number; vpnLo: number; table: number }> {
    const { found } = this;
    for (let at = 0; at < found.length; at += 1 << FOUND_SHIFT) {
      const stretch = found[at] as number;
      if (stretch < 0) continue;
      const [, vpnHi, mmId, table] = found.subarray(at, at + (1 << FOUND_SHIFT)) as unknown as number[];
      yield { mmId: mmId as number, vpnHi: vpnHi as number, vpnLo: stretch << this.pteShift, table: table as number };
    }
  }

  /**
   * huge_pte_offset: word index of the (first) entry of the huge page that a page lies in, or 0 when a table on the way is
   * missing. The area is one of huge pages: in others such an entry is a table.
   */
  lookupHuge(mm: Mm, vpn: number): number {
    const huge = this.arch.huge as HugeFormat;
    const slot = huge.slotPage(vpn);
    const hi = (slot / 4294967296) | 0;
    const lo = slot | 0;
    let table = mm.rootWord;
    for (let level = 0; level < huge.level; level++) {
      table = this.tableAt(level, this.entryAt(level, table, hi, lo));
      if (table === 0) return 0;
    }
    return this.entryAt(huge.level, table, hi, lo);
  }

  /** `lookup` for a page number as one number. */
  lookupPage(mm: Mm, vpn: number): number {
    return this.lookup(mm, (vpn / 4294967296) | 0, vpn | 0);
  }

  private isWide(level: number): boolean {
    return this.levels[(level << LEVEL_SHIFT) + L_WORDS] === 2;
  }
}

function shiftedRight(hi: number, lo: number, shift: number): number {
  if (shift >= 32) return hi >>> (shift - 32);
  return shift === 0 ? lo : (lo >>> shift) | (hi << (32 - shift));
}
