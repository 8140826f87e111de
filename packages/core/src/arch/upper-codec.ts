/** Encoding and decoding of the entries above the pte level at the public edge, with bigint words. */
import { MmError } from '../errors.js';
import type { Geometry, LevelName } from './geometry.js';
import { describeFields } from './pte-codec.js';
import type { BitField, UpperFormat } from './table-format.js';
import { highWord, lowWord, toWord, wordToBigInt } from './words.js';

/** An upper entry taken apart. */
export interface DecodedUpper {
  readonly level: LevelName;
  readonly value: bigint;
  readonly none: boolean;
  readonly bad: boolean;
  readonly present: boolean;
  /** Physical address of the table it points to; meaningful when present and not bad. */
  readonly table: bigint;
}

export class UpperCodec {
  readonly #geometry: Geometry;
  readonly #formats: readonly UpperFormat[];
  constructor(geometry: Geometry, formats: readonly UpperFormat[]) {
    this.#geometry = geometry;
    this.#formats = formats;
  }

  /** The entry at `level` that links the table at physical address `pa`. */
  make(level: LevelName, pa: bigint | number): bigint {
    const { format, bytes } = this.#of(level);
    const n = Number(pa);
    const word = wordToBigInt(format.linkHi(n), format.linkLo(n));
    return bytes === 4 ? word & 0xffff_ffffn : word;
  }

  /** Takes an upper entry apart. @throws MmError MM_LEVEL for a folded level, MM_PTE_RANGE for a value too wide. */
  decode(level: LevelName, value: bigint | number): DecodedUpper {
    const { format, bytes } = this.#of(level);
    if (BigInt(value) < 0n || BigInt(value) >> BigInt(bytes * 8) !== 0n) {
      throw new MmError(
        'MM_PTE_RANGE',
        `expected an unsigned value of ${bytes * 8} bits, got ${BigInt(value).toString(16)}`,
      );
    }
    const word = toWord(value);
    const hi = highWord(word);
    const lo = lowWord(word);
    const none = format.isNone(hi, lo);
    return {
      level,
      value: word,
      none,
      bad: !none && format.isBad(hi, lo),
      present: format.isPresent(hi, lo),
      table: BigInt(format.tableAddress(hi, lo)),
    };
  }

  /** Value of each named field of the entry. */
  fields(level: LevelName, value: bigint | number): { field: BitField; value: bigint }[] {
    const { format } = this.#of(level);
    const word = toWord(value);
    return describeFields(word, format.fields, format.isPresent(highWord(word), lowWord(word)));
  }

  #of(level: LevelName): { format: UpperFormat; bytes: number } {
    const i = this.#geometry.levelOf(level);
    const format = this.#formats[i];
    if (format === undefined) {
      throw new MmError(
        'MM_LEVEL',
        `expected one of ${this.#geometry.names.slice(0, -1).join(', ')}, got ${level}${i < 0 ? ' (folded on this machine)' : ''}`,
      );
    }
    return { format, bytes: this.#geometry.entryBytes[i] as number };
  }
}
