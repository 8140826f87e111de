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
import type { PhysicalMemory } from '../memory/physical.js';
import type { Mm } from '../vma/mm.js';

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
  readonly #memory: PhysicalMemory;
  readonly #arch: ArchDescriptor;
  readonly #words: Uint8Array;
  readonly #shift: Uint8Array;
  readonly #mask: Int32Array;
  readonly #addressLo: Int32Array;
  readonly #addressHi: Int32Array;
  readonly #addressShift: Uint8Array;
  /** Right shift that turns an entry's address field into a frame number. */
  readonly #frameShift: Uint8Array;
  /** First frame number of a machine with one bank (page = pfn - #firstPfn), or -1 with several. */
  readonly #firstPfn: number;

  constructor(memory: PhysicalMemory, arch: ArchDescriptor) {
    const g = arch.geometry;
    this.geometry = g;
    this.#memory = memory;
    this.#arch = arch;
    this.depth = g.depth;
    this.loAt = arch.byteOrder === 'big' && arch.pteFormat.bytes === 8 ? 1 : 0;
    this.hiAt = arch.pteFormat.bytes === 8 ? 1 - this.loAt : 0;
    this.pteWords = arch.pteFormat.bytes / 4;
    this.ptesPerTable = 1 << (g.bits[g.depth - 1] as number);
    this.#words = Uint8Array.from(g.entryBytes, (bytes) => bytes / 4);
    this.#shift = Uint8Array.from(g.shift);
    this.#mask = Int32Array.from(g.bits, (bits) => (1 << bits) - 1);
    this.#addressLo = Int32Array.from(arch.upper, (f) => f.addressLo);
    this.#addressHi = Int32Array.from(arch.upper, (f, i) => (g.entryBytes[i] === 8 ? f.addressHi : 0));
    this.#addressShift = Uint8Array.from(arch.upper, (f) => f.addressShift);
    this.#frameShift = Uint8Array.from(arch.upper, (f) => g.pageShift - f.addressShift);
    this.#firstPfn = memory.banks.length === 1 ? memory.pageToPfn(0) : -1;
  }

  /** Word index of the entry for a page in the table at `level` that begins at word `table`. */
  entryAt(level: number, table: number, vpnHi: number, vpnLo: number): number {
    const index =
      level === 0 && this.geometry.regionShift !== 0
        ? tableIndex(this.geometry, 0, vpnHi, vpnLo)
        : shiftedRight(vpnHi, vpnLo, this.#shift[level] as number) & (this.#mask[level] as number);
    return table + index * (this.#words[level] as number);
  }

  /** Low half of the entry at word `at` of `level`. */
  entryLo(level: number, at: number): number {
    return this.#memory.words[this.#words[level] === 2 ? at + this.loAt : at] as number;
  }

  /** High half of the entry at word `at` of `level`; 0 for 4-byte entries. */
  entryHi(level: number, at: number): number {
    return this.#words[level] === 2 ? (this.#memory.words[at + this.hiAt] as number) : 0;
  }

  /** Stores an upper entry. */
  setEntry(level: number, at: number, hi: number, lo: number): void {
    const words = this.#memory.words;
    if (this.#words[level] === 2) {
      words[at + this.loAt] = lo;
      words[at + this.hiAt] = hi;
    } else {
      words[at] = lo;
    }
  }

  /**
   * Word index of the table that the entry at word `at` of an upper `level` points to; 0 for none, and for a bad
   * entry (a walk treats it as no table; `clearBad` is the range operations' business).
   */
  tableAt(level: number, at: number): number {
    const lo = this.entryLo(level, at);
    const hi = this.entryHi(level, at);
    if ((lo | hi) === 0) return 0;
    const format = this.#arch.upper[level];
    if (format === undefined || format.isNone(hi, lo) || format.isBad(hi, lo)) return 0;
    return this.#tableWord(level, hi, lo);
  }

  /** Word index of the table an entry points to; -1 when the address lies in no bank. */
  #tableWord(level: number, hi: number, lo: number): number {
    const fieldLo = lo & (this.#addressLo[level] as number);
    const fieldHi = hi & (this.#addressHi[level] as number);
    const s = this.#frameShift[level] as number;
    const pfn = (fieldLo >>> s) | (fieldHi << (32 - s));
    const memory = this.#memory;
    const page = this.#firstPfn >= 0 ? pfn - this.#firstPfn : memory.pfnToPage(pfn);
    if (page < 0 || page >= memory.nrPages) return 0;
    const offset = (fieldLo << (this.#addressShift[level] as number)) & (memory.pageSize - 1);
    return (memory.slot[page] as number) + (offset >>> 2);
  }

  /** Physical address of the table an entry points to. */
  tableAddress(level: number, at: number): number {
    const format = this.#arch.upper[level];
    return format === undefined ? 0 : format.tableAddress(this.entryHi(level, at), this.entryLo(level, at));
  }

  /** Word index of the pte of a page, or 0 when a table on the way is missing. Atomic; reads the simulated bytes. */
  lookup(mm: Mm, vpnHi: number, vpnLo: number): number {
    const last = this.depth - 1;
    const words = this.#memory.words;
    let table = mm.rootWord;
    for (let level = 0; level < last; level++) {
      const at = this.entryAt(level, table, vpnHi, vpnLo);
      const wide = this.#words[level] === 2;
      const lo = words[wide ? at + this.loAt : at] as number;
      const hi = wide ? (words[at + this.hiAt] as number) : 0;
      if ((lo | hi) === 0) return 0;
      const format = this.#arch.upper[level];
      if (format === undefined || format.isNone(hi, lo) || format.isBad(hi, lo)) return 0;
      table = this.#tableWord(level, hi, lo);
      if (table <= 0) return 0;
    }
    return this.entryAt(last, table, vpnHi, vpnLo);
  }

  /** `lookup` for a page number as one number. */
  lookupPage(mm: Mm, vpn: number): number {
    return this.lookup(mm, (vpn / 4294967296) | 0, vpn | 0);
  }
}

function shiftedRight(hi: number, lo: number, shift: number): number {
  if (shift >= 32) return hi >>> (shift - 32);
  return shift === 0 ? lo : (lo >>> shift) | (hi << (32 - shift));
}
