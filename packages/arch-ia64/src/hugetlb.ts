/**
 * Huge pages (arch/ia64/mm/hugetlbpage.c, asm-ia64/page.h): region 4 and nothing else, because the page size is a property
 * of the region register. One huge page is one ordinary pte with the first frame; it has no size bits. Its slot is that of the
 * *scaled* address: the offset in the region shifted right by HPAGE_SHIFT - PAGE_SHIFT.
 */
import type { HugetlbSpec } from '@fourfold/core/arch';
import { RGN_SHIFT } from './geometry.js';
import { RGN_HPAGE, regionBase, regionOf } from './regions.js';

/** HPAGE_SHIFT without hugepagesz=: 256 MiB. */
export const HPAGE_SHIFT = 28;
/** MAX_ORDER with huge pages: a huge page is smaller than PAGE_SIZE << MAX_ORDER. */
export const MAX_ORDER = 17;
/** Huge pages as core needs to know them: all of region 4, looked up by scaled addresses. */
export function createHugetlb(hugeShift: number): HugetlbSpec {
  return {
    shift: hugeShift,
    level: 'pte',
    scaledRange: { start: regionBase(RGN_HPAGE), end: regionBase(RGN_HPAGE + 1) },
  };
}

/** is_hugepage_only_range: both ends in region 4, where nothing but huge pages may be. */
export function isHugepageOnlyRange(start: bigint, length: bigint): boolean {
  return regionOf(start) === RGN_HPAGE && regionOf(start + length - 1n) === RGN_HPAGE;
}

/** Sizes that hugepagesz= takes: insertable, larger than a page, below PAGE_SIZE << MAX_ORDER. */
export function hugeShifts(pageShift: number, insertable: bigint): number[] {
  const shifts: number[] = [];
  for (let shift = pageShift + 1; shift < pageShift + MAX_ORDER; shift++) {
    if (((insertable >> BigInt(shift)) & 1n) === 1n) shifts.push(shift);
  }
  return shifts;
}

/** htlbpage_to_page: the address whose page-table slot a huge address has. */
export function hugeToPageAddress(va: bigint, pageShift: number, hugeShift: number = HPAGE_SHIFT): bigint {
  const offset = va & ((1n << BigInt(RGN_SHIFT)) - 1n);
  return (va - offset) | (offset >> BigInt(hugeShift - pageShift));
}

/**
 * The slot that the nested handler of 2.6.16 finds: it shifts the full address, region number and all, and cuts the index
 * fields from that. With 64 KiB pages and huge pages of 256 MiB or more a bit of the region number lands in the slice.
 */
export function nestedHugePgdIndex(va: bigint, pageShift: number, levels: number, hugeShift: number): number {
  const bits = pageShift - 3;
  const pgdirShift = BigInt(pageShift + (levels - 1) * bits);
  const scaled = va >> BigInt(hugeShift - pageShift);
  return Number((scaled >> pgdirShift) & ((1n << BigInt(bits - 3)) - 1n));
}
