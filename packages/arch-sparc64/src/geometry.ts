/**
 * Shape of the tables: pgd, pmd and pte; the pud is folded. Every table is one page. Upper entries are 4 bytes, ptes 8,
 * so an upper table has twice as many entries as a pte table (asm-sparc64/pgtable.h, 2.6.12 and 2.6.16 alike).
 *
 * An index is cut from the full 64-bit address. With 8 KiB pages bits 43 and 44 of a legal address are equal: root
 * entries 0 to 0x1ff serve the low half of user space, 0x600 to 0x7ff the high half, the rest are never used.
 */
import { Geometry } from '@fourfold/core/arch';

/** Base pages the kernel can be built for here: 8 KiB (13) and 64 KiB (16). */
export type Sparc64PageShift = 13 | 16;

/** log2 of the entries of a pte table: a page of 8-byte entries. */
export function pteIndexBits(pageShift: number): number {
  return pageShift - 3;
}

/** log2 of the entries of a pmd or pgd table: a page of 4-byte entries. */
export function upperIndexBits(pageShift: number): number {
  return pageShift - 2;
}

/** The geometry for one page size. */
export function createGeometry(pageShift: Sparc64PageShift): Geometry {
  return new Geometry(pageShift, [
    { name: 'pgd', bits: upperIndexBits(pageShift), entryBytes: 4 },
    { name: 'pmd', bits: upperIndexBits(pageShift), entryBytes: 4 },
    { name: 'pte', bits: pteIndexBits(pageShift), entryBytes: 8 },
  ]);
}
