/**
 * Shape of the tables (asm-ppc64/pgtable-4k.h, pgtable-64k.h). With 4 KiB pages all four levels exist; with 64 KiB pages
 * the pud is folded. Both translate 44 bits.
 *
 * The 64 KiB pte table is twice as long as its entries: behind the 4096 ptes lie 4096 "hidx" words, one a pte, with the
 * hash slots of the pte's sixteen 4 KiB translations.
 */
import { Geometry } from '@fourfold/core/arch';

/** Base pages the kernel can be built for: 4 KiB (12) and 64 KiB (16). */
export type Ppc64PageShift = 12 | 16;

/** The page of the hash table and the TLB, unless a processor has larger ones (HW_PAGE_SHIFT). */
export const HW_PAGE_SHIFT = 12;
/** Bits of a user address. */
export const USER_VA_BITS = 44;
/** A segment is 256 MiB (SID_SHIFT). */
export const SID_SHIFT = 28;
/** Bytes from a pte to its hidx word (64 KiB pages). */
export const HIDX_OFFSET = 0x8000;

/** Hardware pages that the hash table can have besides huge ones: 4 KiB (12), and 64 KiB (16) under 64 KiB base pages. */
export type HashedPageShift = 12 | 16;

/** How base pages lie in the hash table, whose page is that of the TLB too. */
export class HashedPages {
  /** log2 of the bytes of a page of the hash table. */
  readonly shift: HashedPageShift;
  /** log2 of how many of them a base page is made of: 4 where a 64 KiB page is backed by 4 KiB entries (COMBO). */
  readonly sub: number;
  /** log2 of the pages of a segment, and those of a page number that say which one it is. */
  readonly esidShift: number;
  readonly pageMask: number;
  /** log2 of the pages of a huge page. */
  readonly hugeShift: number;
  /** The entries are large ones (the LARGE bit of V, L of the segment): of 64 KiB. */
  readonly large: boolean;

  constructor(pageShift: number, shift: number) {
    this.shift = shift === 12 ? 12 : 16;
    this.sub = pageShift - shift;
    this.esidShift = SID_SHIFT - shift;
    this.pageMask = (1 << this.esidShift) - 1;
    this.hugeShift = 24 - shift;
    this.large = shift !== HW_PAGE_SHIFT;
  }
}

/** The geometry for one page size. */
export function createGeometry(pageShift: Ppc64PageShift): Geometry {
  if (pageShift === 12) {
    return new Geometry(pageShift, [
      { name: 'pgd', bits: 9, entryBytes: 8 },
      { name: 'pud', bits: 7, entryBytes: 8 },
      { name: 'pmd', bits: 7, entryBytes: 8 },
      { name: 'pte', bits: 9, entryBytes: 8 },
    ]);
  }
  return new Geometry(pageShift, [
    { name: 'pgd', bits: 4, entryBytes: 8 },
    { name: 'pmd', bits: 12, entryBytes: 8 },
    { name: 'pte', bits: 12, entryBytes: 8, tableBytes: 0x10000, companionBytes: HIDX_OFFSET },
  ]);
}
