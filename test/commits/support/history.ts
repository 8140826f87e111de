/**
 * The fifty commits to mm/memory.c that the reference follows, oldest first, October 2005 to January 2006: their names,
 * dates and subjects, and what became of them by the last one.
 */

/** What became of a commit: still true; no behaviour of its own; replaced in part, or wholly, by later ones. */
export type Fate = 'final' | 'no behaviour' | 'in part' | 'superseded';

export interface HistoricCommit {
  /** First ten digits of its name. */
  readonly hash: string;
  readonly date: string;
  readonly subject: string;
  readonly fate: Fate;
}

function on(date: string, ...commits: (readonly [hash: string, fate: Fate, subject: string])[]): HistoricCommit[] {
  return commits.map(([hash, fate, subject]) => ({ hash, date, subject, fate }));
}

export const HISTORY: readonly HistoricCommit[] = [
  ...on('2005-10-19', ['3359b54c8c', 'superseded', 'Handle spurious page fault for hugetlb region']),
  ...on('2005-10-20', ['ac9b9c667c', 'in part', 'Fix handling spurious page fault for hugetlb region']),
  ...on(
    '2005-10-29',
    ['e040f218bb', 'final', 'copy_pte_range progress fix'],
    ['6237bcd948', 'final', 'zap_pte_range dont dirty anon'],
    ['72866f6f27', 'final', 'anon is already wrprotected'],
    ['65500d234e', 'final', 'page fault handlers tidyup'],
    ['4d6ddfa924', 'final', 'tlb_is_full_mm was obscure'],
    ['fc2acab31b', 'final', 'tlb_finish_mmu forget rss'],
    ['4294621f41', 'final', 'rss = file_rss + anon_rss'],
    ['ae85976233', 'final', 'batch updating mm_counters'],
    ['b5810039a5', 'in part', 'core remove PageReserved'],
    ['8c10376271', 'no behaviour', 'copy_one_pte inc rss'],
    ['86d912f41d', 'no behaviour', 'zap_pte_range dec rss'],
    ['9e9bef07ce', 'final', 'do_swap_page race major'],
    ['365e9c87a9', 'final', 'update_hiwaters just in time'],
    ['872fec16d9', 'final', 'init_mm without ptlock'],
    ['1bb3630e89', 'no behaviour', 'ptd_alloc inline and out'],
    ['c74df32c72', 'final', 'ptd_alloc take ptlock'],
    ['8f4e2101fd', 'final', 'page fault handler locking'],
    ['8f4f8c164c', 'final', 'unlink vma before pagetables'],
    ['508034a32b', 'final', 'unmap_vmas with inner ptlock'],
    ['c34d1b4d16', 'final', 'kill check_user_page_readable'],
    ['deceb6cd17', 'final', 'follow_page with inner ptlock'],
    ['4c21e2f244', 'final', 'split page table lock'],
    ['f412ac08c9', 'final', 'fix rss and mmlist locking'],
    ['1a44e14908', 'final', '.text page fault SMP scalability optimization'],
  ),
  ...on('2005-11-13', ['51c6f666fc', 'final', 'ZAP_BLOCK causes redundant work']),
  ...on(
    '2005-11-22',
    ['ed5297a940', 'final', 'unpaged: get_user_pages VM_RESERVED'],
    ['0b14c179a4', 'superseded', 'unpaged: VM_UNPAGED'],
    ['920fc356f5', 'in part', 'unpaged: COW on VM_UNPAGED'],
    ['ee498ed730', 'in part', 'unpaged: anon in VM_UNPAGED'],
    ['f57e88a8d8', 'superseded', 'unpaged: ZERO_PAGE in VM_UNPAGED'],
  ),
  ...on('2005-11-28', ['6aab341e0a', 'final', 'mm: re-architect the VM_UNPAGED logic']),
  ...on(
    '2005-11-29',
    ['e0f39591cc', 'no behaviour', 'Workaround for gcc 2.96 (undefined references)'],
    ['fa2a455b02', 'final', 'Fix vma argument in get_usr_pages() for gate areas'],
    ['eca351336a', 'final', 'Fix missing pfn variables caused by vm changes'],
    ['238f58d898', 'superseded', 'Support strange discontiguous PFN remappings'],
    ['c9cfcddfd6', 'final', 'VM: add common helper function to create the page tables'],
    ['5d2a2dbbc1', 'final', 'cow_user_page: fix page alignment'],
    ['e5bbe4dfc8', 'no behaviour', 'pfnmap: remove src_page from do_wp_page'],
    ['325f04dbca', 'final', 'pfnmap: do_no_page BUG_ON again'],
    ['49c91fb01f', 'final', 'VM: Fix typos in get_locked_pte'],
  ),
  ...on('2005-11-30', ['a145dd411e', 'final', 'VM: add "vm_insert_page()" function']),
  ...on('2005-12-03', ['e3c3374fbf', 'no behaviour', 'Make vm_insert_page() available to NVidia module']),
  ...on(
    '2005-12-11',
    ['fb155c1619', 'final', "Allow arbitrary shared PFNMAP's"],
    ['7fc7e2eeec', 'final', 'Remove (at least temporarily) the "incomplete PFN mapping" support'],
    ['67121172f9', 'final', 'Allow arbitrary read-only shared pfn-remapping too'],
  ),
  ...on('2005-12-12', ['1ff8038988', 'final', "get_user_pages: don't try to follow PFNMAP pages"]),
  ...on('2005-12-16', ['4d7672b462', 'final', 'Make sure we copy pages inserted with "vm_insert_page()" on fork']),
  ...on('2006-01-06', ['f6b3ec238d', 'final', 'madvise(MADV_REMOVE): remove pages from tmpfs shm backing store']),
];
