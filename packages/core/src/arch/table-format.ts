import { Word } from './words.js';

/**
 * Format of an entry above the pte level: what it holds when it points to a table, and the kernel's none, bad and
 * present tests on it. Data only, one class for all machines. Entries of 4 bytes use the low half.
 */
export interface UpperFormatSpec {
  /** Bits of the stored word that hold the table's address. */
  readonly address: bigint;
  /** The stored word is the physical address shifted right by this. Default 0. */
  readonly addressShift?: number;
  /** Bits or-ed in when a table is linked: flags, or a bias of the address. Default 0. */
  readonly set?: bigint;
  /** None: (word & noneMask) == 0. Default all bits. */
  readonly noneMask?: bigint;
  /** Bad: (word & badMask) != badValue. Default mask 0: never bad. */
  readonly badMask?: bigint;
  readonly badValue?: bigint;
  /** Present: (word & presentMask) != 0. Default all bits. */
  readonly presentMask?: bigint;
  /** Linked with the root for its whole life; never allocated or freed by the generic code. */
  readonly preallocated?: boolean;
  /** Named fields of the entry, for decode. */
  readonly fields?: readonly BitField[];
}

/** A named bit field of an entry. */
export interface BitField {
  readonly name: string;
  /** Lowest bit. */
  readonly bit: number;
  /** Width in bits; default 1. */
  readonly bits?: number;
  /** One line: what it means. */
  readonly meaning: string;
  /** Who sets it. */
  readonly owner: 'hardware' | 'software' | 'both' | 'unused';
  /** When the field means this: always (default), only while the entry is present, or only while it is not. */
  readonly when?: 'present' | 'absent';
}

const ALL = 0xffff_ffff_ffff_ffffn;

export class UpperFormat {
  readonly addressLo: number;
  readonly addressHi: number;
  readonly addressShift: number;
  readonly setLo: number;
  readonly setHi: number;
  readonly noneLo: number;
  readonly noneHi: number;
  readonly badLo: number;
  readonly badHi: number;
  readonly badValueLo: number;
  readonly badValueHi: number;
  readonly presentLo: number;
  readonly presentHi: number;
  readonly preallocated: boolean;
  readonly fields: readonly BitField[];

  constructor(spec: UpperFormatSpec) {
    const address = new Word(spec.address);
    const set = new Word(spec.set ?? 0n);
    const none = new Word(spec.noneMask ?? ALL);
    const bad = new Word(spec.badMask ?? 0n);
    const badValue = new Word(spec.badValue ?? 0n);
    const present = new Word(spec.presentMask ?? ALL);
    this.addressLo = address.lo;
    this.addressHi = address.hi;
    this.addressShift = spec.addressShift ?? 0;
    this.setLo = set.lo;
    this.setHi = set.hi;
    this.noneLo = none.lo;
    this.noneHi = none.hi;
    this.badLo = bad.lo;
    this.badHi = bad.hi;
    this.badValueLo = badValue.lo;
    this.badValueHi = badValue.hi;
    this.presentLo = present.lo;
    this.presentHi = present.hi;
    this.preallocated = spec.preallocated ?? false;
    this.fields = spec.fields ?? [];
  }

  /** p?d_none. */
  isNone(hi: number, lo: number): boolean {
    return ((lo & this.noneLo) | (hi & this.noneHi)) === 0;
  }

  /** p?d_bad: meaningful for an entry that is not none. */
  isBad(hi: number, lo: number): boolean {
    return (lo & this.badLo) !== this.badValueLo || (hi & this.badHi) !== this.badValueHi;
  }

  /** p?d_present. */
  isPresent(hi: number, lo: number): boolean {
    return ((lo & this.presentLo) | (hi & this.presentHi)) !== 0;
  }

  /** Physical byte address of the table an entry points to (below 2^52). */
  tableAddress(hi: number, lo: number): number {
    const word = ((hi & this.addressHi) >>> 0) * 4294967296 + ((lo & this.addressLo) >>> 0);
    return word * 2 ** this.addressShift;
  }

  /** Low half of the entry that links the table at physical address `pa`. */
  linkLo(pa: number): number {
    return lowOf(pa / 2 ** this.addressShift) | this.setLo;
  }

  /** High half of the entry that links the table at physical address `pa`. */
  linkHi(pa: number): number {
    return Math.floor(pa / 2 ** this.addressShift / 4294967296) | 0 | this.setHi;
  }
}

function lowOf(n: number): number {
  return (n % 4294967296) | 0;
}
