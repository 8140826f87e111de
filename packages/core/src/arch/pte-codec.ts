/**
 * Encoding and decoding of page-table entries at the public edge, with bigint words: what `fourfold decode`, the
 * vectors and users of a single arch package call. Nothing here runs per access.
 */
import { MmError } from '../errors.js';
import type { Change, FieldPiece, PteFormat } from './pte-format.js';
import type { BitField } from './table-format.js';
import { hex, highWord, lowWord, toWord, wordToBigInt } from './words.js';

/** What an entry is. */
export type PteKind = 'none' | 'present' | 'swap' | 'file';

/** A pte taken apart. */
export interface DecodedPte {
  readonly kind: PteKind;
  readonly value: bigint;
  /** Present entries. */
  readonly pfn?: bigint;
  readonly read?: boolean;
  readonly write?: boolean;
  readonly exec?: boolean;
  readonly young?: boolean;
  readonly dirty?: boolean;
  /** False for PROT_NONE and, where old means invalid, old entries: present to the kernel, unusable to the hardware. */
  readonly valid?: boolean;
  /** Swap entries. */
  readonly swapType?: number;
  readonly swapOffset?: bigint;
  /** Nonlinear file entries: page offset in the file. */
  readonly fileOffset?: bigint;
}

/** Names of the pte_mk- functions a format carries. */
export type PteChange =
  | 'mkyoung'
  | 'mkold'
  | 'mkdirty'
  | 'mkclean'
  | 'mkwrite'
  | 'wrprotect'
  | 'mkexec'
  | 'mkread'
  | 'rdprotect'
  | 'exprotect'
  | 'mkhuge';

/** The codec of one pte format. */
export class PteCodec {
  readonly format: PteFormat;
  constructor(format: PteFormat) {
    this.format = format;
  }

  /**
   * Takes an entry apart.
   * @throws MmError MM_PTE_RANGE when the value does not fit the entry's bytes.
   */
  decode(value: bigint | number): DecodedPte {
    const f = this.format;
    const word = this.#checked(value);
    const hi = highWord(word);
    const lo = lowWord(word);
    if (f.isNone(hi, lo)) return { kind: 'none', value: word };
    if (f.isPresent(hi, lo)) {
      return {
        kind: 'present',
        value: word,
        pfn: this.pfn(word),
        read: f.read.allows(hi, lo) && f.isUser(hi, lo),
        write: f.write.allows(hi, lo),
        exec: f.exec.allows(hi, lo) && f.isUser(hi, lo),
        young: f.isYoung(hi, lo),
        dirty: f.isDirty(hi, lo),
        valid: f.isUserValid(hi, lo),
      };
    }
    if (f.isFile(hi, lo)) return { kind: 'file', value: word, fileOffset: extractPieces(word, f.fileOffsetDecode) };
    return {
      kind: 'swap',
      value: word,
      swapType: Number(extractPieces(word, [f.swapType])),
      swapOffset: extractPieces(word, [f.swapOffset]),
    };
  }

  /** The frame number of a present entry: pte_pfn. */
  pfn(value: bigint): bigint {
    const f = this.format;
    return (value & wordToBigInt(f.pfnMaskHi, f.pfnMaskLo)) >> BigInt(f.pfnShift);
  }

  /**
   * pfn_pte: the entry for a frame with a protection.
   * @param protection a protection word, or an index into protection_map (the low four vm_flags).
   * @throws MmError MM_PFN_RANGE when the frame number does not fit the format.
   */
  make(pfn: bigint | number, protection: bigint | number): bigint {
    const f = this.format;
    const frame = BigInt(pfn) << BigInt(f.pfnShift);
    const mask = wordToBigInt(f.pfnMaskHi, f.pfnMaskLo);
    if (frame < 0n || (frame & ~mask) !== 0n) {
      throw new MmError(
        'MM_PFN_RANGE',
        `expected a frame number up to ${hex(mask >> BigInt(f.pfnShift), 1)}, got ${hex(pfn, 1)}`,
      );
    }
    const prot = typeof protection === 'number' ? this.protection(protection) : protection;
    return frame | wordToBigInt(f.baseHi, f.baseLo) | (prot & wordToBigInt(f.supportedHi, f.supportedLo));
  }

  /** protection_map[index & 15]: the page protection of the low four vm_flags. */
  protection(index: number): bigint {
    const i = 2 * (index & 15);
    return wordToBigInt(this.format.protection[i + 1] as number, this.format.protection[i] as number);
  }

  /** Applies one of the kernel's pte_mk- functions. */
  change(value: bigint, name: PteChange): bigint {
    const c: Change = this.format[name];
    return (value & wordToBigInt(c.keepHi, c.keepLo)) | wordToBigInt(c.setHi, c.setLo);
  }

  /** pte_modify: the entry with a new protection. */
  modify(value: bigint, protection: bigint | number): bigint {
    const f = this.format;
    const prot = typeof protection === 'number' ? this.protection(protection) : protection;
    return (
      (value & wordToBigInt(f.modifyKeepHi, f.modifyKeepLo)) | (prot & wordToBigInt(f.modifyTakeHi, f.modifyTakeLo))
    );
  }

  /**
   * The entry for a swapped-out page.
   * @throws MmError MM_SWAP_RANGE when type or offset do not fit their fields.
   */
  makeSwap(type: number, offset: bigint | number): bigint {
    const f = this.format;
    return (
      insertPieces(BigInt(type), [f.swapType], 'MM_SWAP_RANGE', 'swap type') |
      insertPieces(BigInt(offset), [f.swapOffset], 'MM_SWAP_RANGE', 'swap offset')
    );
  }

  /** The entry of a nonlinear file page: pgoff_to_pte. @throws MmError MM_PGOFF_RANGE. */
  makeFile(pgoff: bigint | number): bigint {
    const f = this.format;
    return (
      insertPieces(BigInt(pgoff), f.fileOffset, 'MM_PGOFF_RANGE', 'file offset') | wordToBigInt(f.fileHi, f.fileLo)
    );
  }

  /** Value of each named field that has a meaning in the entry's state. */
  fields(value: bigint | number): { field: BitField; value: bigint }[] {
    const word = this.#checked(value);
    const present = this.format.isPresent(highWord(word), lowWord(word));
    return describeFields(word, this.format.fields, present);
  }

  #checked(value: bigint | number): bigint {
    const bits = this.format.bytes * 8;
    if (BigInt(value) < 0n || BigInt(value) >> BigInt(bits) !== 0n) {
      throw new MmError(
        'MM_PTE_RANGE',
        `expected an unsigned value of ${bits} bits, got ${BigInt(value).toString(16)}`,
      );
    }
    return toWord(value);
  }
}

/** The named fields of `word` that apply, with their values. */
export function describeFields(
  word: bigint,
  fields: readonly BitField[],
  present: boolean,
): { field: BitField; value: bigint }[] {
  const out: { field: BitField; value: bigint }[] = [];
  for (const field of fields) {
    if (field.when !== undefined && (field.when === 'present') !== present) continue;
    const mask = (1n << BigInt(field.bits ?? 1)) - 1n;
    out.push({ field, value: (word >> BigInt(field.bit)) & mask });
  }
  return out;
}

function extractPieces(word: bigint, pieces: readonly FieldPiece[]): bigint {
  let value = 0n;
  let at = 0n;
  for (const p of pieces) {
    value |= ((word >> BigInt(p.bit)) & ((1n << BigInt(p.bits)) - 1n)) << at;
    at += BigInt(p.bits);
  }
  return value;
}

function insertPieces(value: bigint, pieces: readonly FieldPiece[], code: string, what: string): bigint {
  let rest = value;
  let word = 0n;
  for (const p of pieces) {
    word |= (rest & ((1n << BigInt(p.bits)) - 1n)) << BigInt(p.bit);
    rest >>= BigInt(p.bits);
  }
  if (value < 0n || rest !== 0n) throw new MmError(code, `expected a ${what} that fits its field, got ${value}`);
  return word;
}
