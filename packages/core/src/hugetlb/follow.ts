/**
 * follow_hugetlb_page: what get_user_pages does in an area of huge pages. Missing pages are faulted in; the faults count for
 * nobody.
 */
import { ERRNO } from '../errors.js';
import { VM_FAULT_MASK, VM_FAULT_MINOR } from '../fault/codes.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import type { Vma } from '../vma/vma.js';
import { hugePageOf, hugePteIsNone, poolOf } from './entry.js';
import { hugetlbFault } from './fault.js';

/**
 * Makes `pages` base pages from `start` of an area of huge pages present and hands them out one by one. mmap_sem is held.
 * @param take gets each base page, with a reference of its own; null when only presence is wanted.
 * @returns the base pages done, or -EFAULT when not even the first could be.
 */
export function* followHugetlbPages(
  k: Kernel,
  vma: Vma,
  start: number,
  pages: number,
  take: ((page: number) => void) | null,
): Op<number> {
  const end = Math.min(start + pages, vma.end);
  for (let vpn = start; vpn < end; vpn++) {
    let page = hugeSubPage(k, vma, vpn);
    while (page < 0) {
      const result = yield* hugetlbFault(k, vma, vpn);
      if ((result & VM_FAULT_MASK) !== VM_FAULT_MINOR) return vpn === start ? -ERRNO.EFAULT : vpn - start;
      page = hugeSubPage(k, vma, vpn);
    }
    if (take === null) {
      vpn = Math.min(end, poolOf(k).format.firstPage(vpn) + poolOf(k).format.pages) - 1;
      continue;
    }
    k.pages.get(page);
    take(page);
  }
  return end - start;
}

/** follow_huge_pmd and follow_huge_addr: the base page that an area of huge pages maps at `vpn`, -1 for none yet. */
export function hugeSubPage(k: Kernel, vma: Vma, vpn: number): number {
  const at = k.tables.lookupHuge(vma.mm, vpn);
  if (at === 0 || hugePteIsNone(k, at)) return -1;
  return hugePageOf(k, at) + (vpn - poolOf(k).format.firstPage(vpn));
}
