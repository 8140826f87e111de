/**
 * 64-bit words as two 32-bit halves. Inside the simulator a word is (hi, lo), both signed 32-bit integers; `bigint`
 * exists only at the public edge (style.md section 5: BigInt entries cost 12-27x in a walk).
 */

const MASK_64 = 0xffff_ffff_ffff_ffffn;

/**
 * Low half of a word given as bigint (or small number), as a signed 32-bit integer. The `| 0` is for V8: it keeps -2^31
 * that comes from a bigint as a double, and then every field that may hold such a number is slow.
 */
export function lowWord(value: bigint | number): number {
  return Number(BigInt.asIntN(32, BigInt(value))) | 0;
}

/** High half of a word given as bigint (or small number), as a signed 32-bit integer. */
export function highWord(value: bigint | number): number {
  return Number(BigInt.asIntN(32, BigInt(value) >> 32n)) | 0;
}

/** The same integer as V8 keeps small ones best: what a division or a power gives is a double, and a field would stay one. */
export function smallInteger(value: number): number {
  const small = value | 0;
  return small === value ? small : value;
}

/** A page number of two halves, which is below 2^52. */
export function pageNumber(vpnHi: number, vpnLo: number): number {
  return (vpnHi >>> 0) * 4294967296 + (vpnLo >>> 0);
}

/** The unsigned 64-bit value of two halves. */
export function wordToBigInt(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** `value` cut to 64 unsigned bits. */
export function toWord(value: bigint | number): bigint {
  // Not BigInt.asUintN: carried around a loop it aborts the Node 20.20 process (an engine fault).
  return BigInt(value) & MASK_64;
}

/** A pair of masks or values, one for each half of a word. All descriptor fields that hold a word use this shape. */
export class Word {
  readonly lo: number;
  readonly hi: number;
  constructor(value: bigint) {
    this.lo = lowWord(value);
    this.hi = highWord(value);
  }
  /** The unsigned value. */
  toBigInt(): bigint {
    return wordToBigInt(this.hi, this.lo);
  }
}

/** Formats a word as `0x` and `digits` hexadecimal digits. */
export function hex(value: bigint | number, digits = 16): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, '0')}`;
}
