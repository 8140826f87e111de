/**
 * Large pages (arch/i386/mm/hugetlbpage.c, asm-i386/page.h, asm-x86_64/page.h). A leaf is an ordinary pte with PSE in the
 * slot of the level above the pte tables; its frame is aligned to the large page. What pte_mkhuge sets is in pte.ts. Large
 * pages may lie anywhere (is_hugepage_only_range is never true); address and length must be multiples of their size.
 *
 * i386 has a search for room of its own, which goes downward where the mm does; x86_64 takes hugetlbfs's, upward only.
 * Tables under a range of large pages are not shared between processes: that came later.
 */
import type { HugetlbSpec } from '@fourfold/core/arch';

/** 4 MiB, in the page directory (the folded pmd). */
export const I386_HUGETLB: HugetlbSpec = { shift: 22, level: 'pgd', followsMm: true };
/** 2 MiB. */
export const I386_PAE_HUGETLB: HugetlbSpec = { shift: 21, level: 'pmd', followsMm: true };
/** 2 MiB. */
export const X86_64_HUGETLB: HugetlbSpec = { shift: 21, level: 'pmd' };
