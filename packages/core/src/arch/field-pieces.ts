/**
 * Numbers packed into fields of an entry that is not present (swap offsets, nonlinear file offsets), as plain numbers
 * and halves: what runs per entry of a zap or fork, where bigint has no place. Numbers are below 2^53, which holds any
 * page offset there is; bits beyond that are lost.
 */
import type { FieldPiece } from './pte-format.js';

const HALF = 4294967296;

/** Low half of the word that has `value` in `pieces`, lowest bits first. */
export function packLo(pieces: readonly FieldPiece[], value: number): number {
  let rest = value;
  let lo = 0;
  for (let i = 0; i < pieces.length; i++) {
    const { bit, bits } = pieces[i] as FieldPiece;
    if (bit < 32) lo |= (((rest % 2 ** bits) * 2 ** bit) % HALF) | 0;
    rest = Math.floor(rest / 2 ** bits);
  }
  return lo | 0;
}

/** High half of the word that has `value` in `pieces`, lowest bits first. */
export function packHi(pieces: readonly FieldPiece[], value: number): number {
  let rest = value;
  let hi = 0;
  for (let i = 0; i < pieces.length; i++) {
    const { bit, bits } = pieces[i] as FieldPiece;
    hi |= Math.floor(((rest % 2 ** bits) * 2 ** bit) / HALF) | 0;
    rest = Math.floor(rest / 2 ** bits);
  }
  return hi | 0;
}

/** The number in `pieces` of the word (hi, lo). */
export function unpack(pieces: readonly FieldPiece[], hi: number, lo: number): number {
  let value = 0;
  let weight = 1;
  for (let i = 0; i < pieces.length; i++) {
    const { bit, bits } = pieces[i] as FieldPiece;
    const above = bit >= 32 ? (hi >>> 0) / 2 ** (bit - 32) : (hi >>> 0) * 2 ** (32 - bit);
    const below = bit >= 32 ? 0 : Math.floor((lo >>> 0) / 2 ** bit);
    value += ((Math.floor(above) + below) % 2 ** bits) * weight;
    weight *= 2 ** bits;
  }
  return value;
}
