/**
 * Huge pages of 16 MiB (arch/powerpc/mm/hugetlbpage.c, Dec 2005; asm-powerpc/page_64.h). A segment is of one page size, so
 * huge pages live in areas of their own: 256 MiB segments below 4 GiB, 1 TiB areas above. A mask of each belongs to the
 * mm; areas open on demand and never close.
 *
 * The huge pte is an ordinary one without any flag, in the pmd slot (4 KiB pages) or pte slot (64 KiB) of its address.
 */
import type { HugetlbSpec, Mm } from '@fourfold/core/arch';
import type { Ppc64PageShift } from './geometry.js';
import { HPTE_M, HPTE_N } from './hpte.js';
import { PAGE_EXEC, PAGE_RW } from './pte.js';

export const HPAGE_SHIFT = 24;
/** log2 of the bytes of a low and of a high area. */
export const LOW_AREA_SHIFT = 28;
export const HIGH_AREA_SHIFT = 40;

/** Low areas, which are segments. */
const AREAS = 16;
const FOUR_GB = 0x1_0000_0000n;

/** Level whose slot holds a huge pte, and how many slots lie between two of them. */
export function hugeSlot(pageShift: Ppc64PageShift): { level: 'pmd' | 'pte'; stride: number } {
  return pageShift === 12 ? { level: 'pmd', stride: 8 } : { level: 'pte', stride: 256 };
}

/** Huge pages as core needs to know them; the Mmu opens areas for them. */
export function createHugetlb(pageShift: Ppc64PageShift): HugetlbSpec {
  return { shift: HPAGE_SHIFT, level: hugeSlot(pageShift).level, opensAreas: true };
}

/** FORCE_MAX_ZONEORDER: the largest block of the buddy allocator is one huge page. */
export function maxOrder(pageShift: Ppc64PageShift): number {
  return HPAGE_SHIFT - pageShift + 1;
}

/** LOW_ESID_MASK: low areas that [addr, addr + len) touches; the form with guards at 4 GiB. */
export function lowAreaMask(addr: bigint, len: bigint): number {
  if (addr >= FOUR_GB) return 0;
  const last = addr + len - 1n;
  const end = (last < FOUR_GB ? last : FOUR_GB) >> BigInt(LOW_AREA_SHIFT);
  return ((1 << (Number(end) + 1)) - (1 << Number(addr >> BigInt(LOW_AREA_SHIFT)))) & 0xffff;
}

/** HTLB_AREA_MASK: high areas that [addr, addr + len) touches. Area 0 counts below 4 GiB too; the callers know. */
export function highAreaMask(addr: bigint, len: bigint): number {
  const first = Number(addr >> BigInt(HIGH_AREA_SHIFT));
  const last = Number((addr + len - 1n) >> BigInt(HIGH_AREA_SHIFT));
  return ((1 << (last + 1)) - (1 << first)) & 0xffff;
}

/** mm.context.low_htlb_areas and high_htlb_areas. Fork copies them. */
export class HugeAreas {
  low: number;
  high: number;

  constructor(from: HugeAreas | null = null) {
    this.low = from?.low ?? 0;
    this.high = from?.high ?? 0;
  }

  /** is_hugepage_only_range: an ordinary mapping may not touch an open area. */
  touches(addr: bigint, len: bigint): boolean {
    const low = addr < FOUR_GB && (lowAreaMask(addr, len) & this.low) !== 0;
    return low || (addr + len > FOUR_GB && (highAreaMask(addr, len) & this.high) !== 0);
  }

  /** within_hugepage_low_range or _high_range: a huge mapping lies inside open areas. */
  holds(addr: bigint, len: bigint): boolean {
    if (addr + len <= FOUR_GB) return (lowAreaMask(addr, len) & ~this.low) === 0;
    return addr >= FOUR_GB && (highAreaMask(addr, len) & ~this.high) === 0;
  }

  /** in_hugepage_area, by the segment of an address. */
  hasSegment(esid: number): boolean {
    if (esid < AREAS) return ((this.low >> esid) & 1) === 1;
    return ((this.high >> (esid >>> (HIGH_AREA_SHIFT - LOW_AREA_SHIFT))) & 1) === 1;
  }

  /** in_hugepage_area. */
  has(addr: bigint): boolean {
    if (addr < FOUR_GB) return ((this.low >> Number(addr >> BigInt(LOW_AREA_SHIFT))) & 1) === 1;
    return ((this.high >> Number(addr >> BigInt(HIGH_AREA_SHIFT))) & 1) === 1;
  }
}

/** The areas of an mm. */
export function hugeAreasOf(mm: Mm): HugeAreas {
  return mm.archState as HugeAreas;
}

/** Low bits of the R word that hash_huge_page makes of a pte: PP, N and M; R and C stay 0. */
export function hugeHpteFlags(pte: bigint): bigint {
  return ((pte & PAGE_RW) !== 0n ? 2n : 3n) | ((pte & PAGE_EXEC) !== 0n ? 0n : HPTE_N) | HPTE_M;
}
