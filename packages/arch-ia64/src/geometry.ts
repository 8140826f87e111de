/**
 * Shape of the tables: pgd, pmd and pte, with a pud between pgd and pmd when built with four levels. Every table is one
 * page of 8-byte entries, so an index has PAGE_SHIFT - 3 bits (asm-ia64/pgtable.h).
 *
 * The pgd is cut into eight slices, one for each region: its index is the region number (address bits 63:61) above
 * PAGE_SHIFT - 6 bits of the address. Slices 5 to 7 of a user's pgd stay empty. The kernel's own table of region 5 is looked
 * up with the full index width and without the region number (`createKernelGeometry`).
 */
import { Geometry, type LevelSpec } from '@fourfold/core/arch';

/** Base pages the kernel can be built for here: 4, 8, 16 and 64 KiB. */
export type Ia64PageShift = 12 | 13 | 14 | 16;
/** PGTABLE_3 (default) or PGTABLE_4, which 64 KiB pages do not allow. */
export type Ia64Levels = 3 | 4;

/** Lowest address bit of the region number, and its width. */
export const RGN_SHIFT = 61;
export const RGN_BITS = 3;

/** log2 of the entries of every table. */
export function indexBits(pageShift: number): number {
  return pageShift - 3;
}

/** RGN_MAP_SHIFT: log2 of the bytes that the page tables translate in each region. */
export function regionMapShift(pageShift: number, levels: number): number {
  return pageShift + levels * indexBits(pageShift) - RGN_BITS;
}

/** RGN_MAP_LIMIT: first offset in a region that cannot be mapped; the last page of the slice never is. */
export function regionMapLimit(pageShift: number, levels: number): bigint {
  return (1n << BigInt(regionMapShift(pageShift, levels))) - (1n << BigInt(pageShift));
}

/** The geometry of a user's tables. */
export function createGeometry(pageShift: Ia64PageShift, levels: Ia64Levels): Geometry {
  return new Geometry(pageShift, levelsOf(pageShift, levels), { shift: RGN_SHIFT, bits: RGN_BITS });
}

/** The geometry of the kernel's table of region 5 (pgd_offset_k): the full index, no region number. */
export function createKernelGeometry(pageShift: Ia64PageShift, levels: Ia64Levels): Geometry {
  return new Geometry(pageShift, levelsOf(pageShift, levels));
}

function levelsOf(pageShift: Ia64PageShift, levels: Ia64Levels): LevelSpec[] {
  const names = levels === 4 ? (['pgd', 'pud', 'pmd', 'pte'] as const) : (['pgd', 'pmd', 'pte'] as const);
  return names.map((name) => ({ name, bits: indexBits(pageShift), entryBytes: 8 }));
}
