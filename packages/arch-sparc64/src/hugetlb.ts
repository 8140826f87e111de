/**
 * Huge pages (arch/sparc64/mm/hugetlbpage.c, asm-sparc64/page.h): 4 MiB by default, 512 or 64 KiB by configuration. One
 * is a run of ordinary ptes, each with the huge size in SZ and its own frame; the TLB loads one translation for the whole
 * page from any of them. There is no special region, no huge pmd, and addresses must only be aligned.
 */
import type { HugetlbSpec } from '@fourfold/core/arch';
import { PAGE_SZ4MB, PAGE_SZ64K, PAGE_SZ512K } from './pte.js';

/** HPAGE_SHIFT: 4 MiB, CONFIG_HUGETLB_PAGE_SIZE_4MB. */
export const HPAGE_SHIFT = 22;
/** Huge pages that a kernel can be configured for, log2. */
export type Sparc64HugeShift = 22 | 19 | 16;
/** All sizes that a kernel can be configured for, with the SZ bits of each. */
export const HPAGE_SIZES: readonly { readonly shift: number; readonly size: bigint }[] = [
  { shift: 22, size: PAGE_SZ4MB },
  { shift: 19, size: PAGE_SZ512K },
  { shift: 16, size: PAGE_SZ64K },
];

/** Ptes of one huge page: 512 for 4 MiB over 8 KiB pages. */
export function hugePtes(pageShift: number, hugeShift: number = HPAGE_SHIFT): number {
  return 2 ** (hugeShift - pageShift);
}

/**
 * set_huge_pte_at: entry `index` of the run that begins with `first`. The frame advances, everything else repeats.
 * Each is stored by set_pte_at, so clearing a young 4 MiB page queues 512 batch entries: flushes at 192 and 384.
 */
export function hugePteAt(pageShift: number, first: bigint, index: number): bigint {
  return first + BigInt(index) * (1n << BigInt(pageShift));
}

/** Code of a page size in SZ and in the context value: 0 8K, 1 64K, 2 512K, 3 4M. */
export function sizeCode(shift: number): number {
  return (shift - 13) / 3;
}

/** Huge pages as core needs to know them. */
export function createHugetlb(pageShift: number, hugeShift: number = HPAGE_SHIFT): HugetlbSpec {
  return { shift: hugeShift, level: 'pte', entries: hugePtes(pageShift, hugeShift) };
}

/** SZ bits of a huge page: what pte_mkhuge or-s in. */
export function hugeSizeBits(hugeShift: Sparc64HugeShift): bigint {
  return HPAGE_SIZES.find(({ shift }) => shift === hugeShift)?.size ?? PAGE_SZ4MB;
}

/** The size of a huge page for people. */
export function sizeName(hugeShift: Sparc64HugeShift): string {
  return hugeShift === HPAGE_SHIFT ? '4 MiB' : `${2 ** (hugeShift - 10)} KiB`;
}
