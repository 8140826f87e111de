/**
 * Swap entries. Inside core one is a plain number, offset * 32 + type, and 0 is none: slot 0 of an area holds its header.
 * In a page table it is the machine's own word, built from the swap fields of its PteFormat.
 */
import type { FieldPiece, PteFormat } from '../arch/pte-format.js';

/** MAX_SWAPFILES: every type there is stands for an area. */
export const MAX_SWAP_AREAS = 32;
/** Slots of the largest area: an entry has to fit 31 bits (256 GiB of 4 KiB pages). */
const MAX_OFFSET_BITS = 26;

/** swp_entry. */
export function swapEntry(type: number, offset: number): number {
  return offset * MAX_SWAP_AREAS + type;
}

/** swp_type. */
export function swapType(entry: number): number {
  return entry & (MAX_SWAP_AREAS - 1);
}

/** swp_offset: the slot. */
export function swapOffset(entry: number): number {
  return entry >>> 5;
}

/** Slots an area may have so that every offset survives the way through a page-table entry. */
export function maxSwapSlots(f: PteFormat): number {
  return 2 ** Math.min(f.swapOffset.bits, MAX_OFFSET_BITS);
}

/** pte_to_swp_entry of an entry that is neither none, present nor a file entry. */
export function pteToSwapEntry(f: PteFormat, hi: number, lo: number): number {
  return swapEntry(field(f.swapType, hi, lo) & (MAX_SWAP_AREAS - 1), field(f.swapOffset, hi, lo));
}

/** Low half of swp_entry_to_pte. */
export function swapPteLo(f: PteFormat, entry: number): number {
  return placedLo(f.swapType.bit, swapType(entry)) | placedLo(f.swapOffset.bit, swapOffset(entry));
}

/** High half of swp_entry_to_pte. */
export function swapPteHi(f: PteFormat, entry: number): number {
  return placedHi(f.swapType.bit, swapType(entry)) | placedHi(f.swapOffset.bit, swapOffset(entry));
}

function field(piece: FieldPiece, hi: number, lo: number): number {
  const { bit, bits } = piece;
  const mask = (1 << Math.min(bits, MAX_OFFSET_BITS)) - 1;
  if (bit >= 32) return (hi >>> (bit - 32)) & mask;
  return (bit === 0 ? lo : (lo >>> bit) | (hi << (32 - bit))) & mask;
}

function placedLo(bit: number, value: number): number {
  return bit >= 32 ? 0 : value << bit;
}

function placedHi(bit: number, value: number): number {
  if (bit >= 32) return value << (bit - 32);
  return bit === 0 ? 0 : value >>> (32 - bit);
}
