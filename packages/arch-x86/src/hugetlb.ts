/**
 * Facts about large pages (arch/i386/mm/hugetlbpage.c, asm-i386/page.h, asm-x86_64/page.h, include/linux/hugetlb.h).
 * A leaf is an ordinary pte with PSE in the slot of the level above the pte tables; its frame is aligned to the large
 * page. What pte_mkhuge sets is in pte.ts.
 */
import type { LevelName } from '@fourfold/core/arch';

/** Large pages of one machine. */
export interface HugetlbFacts {
  /** HPAGE_SHIFT: log2 of the bytes of a large page. */
  readonly shift: number;
  /** Real level whose entry holds the leaf. */
  readonly level: LevelName;
  /** Entries one large page takes. */
  readonly entries: number;
  /** Address and length must be multiples of the large page, else EINVAL (prepare_hugepage_range). */
  readonly alignAddress: true;
  /** Some addresses can hold large pages only (is_hugepage_only_range): never on x86. */
  readonly onlyRanges: false;
  /** Private search downward when the mm is top-down; else upward. */
  readonly searchFollowsMm: boolean;
  /** Table pages under a range of large pages are shared between processes: later than the reference. */
  readonly sharesTables: false;
}

const COMMON = { entries: 1, alignAddress: true, onlyRanges: false, sharesTables: false } as const;

/** 4 MiB, in the page directory (the folded pmd). */
export const I386_HUGETLB: HugetlbFacts = { ...COMMON, shift: 22, level: 'pgd', searchFollowsMm: true };
/** 2 MiB. */
export const I386_PAE_HUGETLB: HugetlbFacts = { ...COMMON, shift: 21, level: 'pmd', searchFollowsMm: true };
/** 2 MiB; hugetlbfs's generic search, upward only. */
export const X86_64_HUGETLB: HugetlbFacts = { ...COMMON, shift: 21, level: 'pmd', searchFollowsMm: false };
