/** Where each fact of ia64's reference sheet is tested. */
import { notModelled, type Sheet, testOf } from '../support/sheet.js';

const VECTORS = 'packages/arch-ia64/test/vectors.test.ts';
const LAYOUT = 'packages/arch-ia64/test/layout.test.ts';
const PTE = 'packages/arch-ia64/test/pte.test.ts';
const MMU = 'packages/arch-ia64/test/mmu.test.ts';
const FLUSH = 'packages/arch-ia64/test/flush.test.ts';

const KERNEL_TRANSLATIONS = notModelled('the kernel’s code, data and stacks have no addresses here');

export default {
  port: 'ia64',
  sections: {
    '1 Page size, levels, geometry': {
      'shifts, entries and what of a region can be mapped, for each page size and depth': testOf(
        VECTORS,
        'tables of each page size',
      ),
      'four levels are an option, and not to be had with 64 KiB pages': [
        'four levels are an option',
        testOf(LAYOUT, 'what cannot be built'),
      ],
      'the last page of a region is never mappable': 'the last page of a region cannot be mapped',
      'user space is the first five slices of a pgd': testOf(LAYOUT, 'user space is five regions'),
      'upper entries are plain addresses: none, present, bad (unimpl_pa_mask, of which bit 63 is no part)': [
        'an upper entry is an address without flags',
        testOf(PTE, 'an upper entry is bad when it has an address bit'),
      ],
      'pte_none is the empty word, pte_present is p or PROT_NONE': [
        testOf(PTE, 'a zero entry is none'),
        'PROT_NONE is bit 63 without p',
      ],
      'pgd_index puts the region above the bits of the address': 'the pgd is cut into eight slices',
      'pgd_offset_k takes the whole index from the address': "the kernel's own tables are not cut",
      'a folded pud has constant tests, and the real one is done below': notModelled(
        'only levels that exist are listed; ARCHITECTURE.md has the reason',
      ),
      '44 physical bits where the firmware does not tell': 'where the firmware does not tell the physical address bits',
    },
    '2 Address space': {
      'regions by number: ids, page sizes, walker bit': [
        testOf(VECTORS, 'region ids, region registers, identity entries'),
        'region 4 keeps its page size',
      ],
      'mmap begins at region 1': 'mappings begin at region 1 and go upward',
      'STACK_TOP is the end of the mappable part of region 3':
        'the stack ends where the mappable part of region 3 does',
      'the register backing store begins the limit of the stack below its top, one page that grows upward': [
        'the register backing store of a program',
        testOf(VECTORS, 'region ids, region registers, identity entries'),
      ],
      'page 0 is an area of its own with the attribute NaTPage': 'page 0 is an area whose one entry is a NaTPage',
      'no such area with the personality MMAP_PAGE_ZERO': 'with the personality MMAP_PAGE_ZERO page 0 is memory',
      'gate pages: a readable one, an execute-only one, zero pages in the holes':
        'gate pages lie at the start of region 5',
      'ELF_ET_DYN_BASE, VMALLOC_START, VMALLOC_END': [
        testOf(LAYOUT, 'addresses of the default kernel'),
        testOf(LAYOUT, 'VMALLOC_END'),
      ],
      'kernel image and per-CPU area, pinned by translation registers': KERNEL_TRANSLATIONS,
      'granules of 16 or 64 MiB for the identity maps': testOf(
        VECTORS,
        'region ids, region registers, identity entries',
      ),
      'tasks of 32 bits in region 0': notModelled('the IA-32 emulation is another machine'),
      'the rbs_bot of the first task (DEFAULT_USER_STACK_SIZE)': notModelled('that task runs no program'),
      'lengths and addresses, hints too, that reach past the mappable part are EINVAL': [
        'the last page of a region cannot be mapped',
        'a plain hint is held to the limit as a fixed address is',
      ],
      'outside of all regions it is ENOMEM, unaligned EINVAL': 'a fixed address outside the regions of programs',
      'what comes past that check is ENOMEM where it is too long':
        'a move to a place for more than a region holds is ENOMEM',
      'a hint in region 4 counts for nothing': 'a hint in region 4 is taken for none',
      'a hint or the cache is where the one walk upward starts, and is noted after every search':
        'a hint is where the walk begins',
      'shared mappings are aligned to SHMLBA': 'shared mappings lie at multiples of 1 MiB',
      'the walk begins anew at the map base once, and jumps over no region':
        'a search does not go on into the next region',
      'implemented virtual bits, and the boot that panics for want of them':
        'pages of 64 KiB need a processor with 56 implemented bits',
      'a boot with 16 KiB pages and four levels on fewer bits than a slice has': notModelled(
        'the kernel boots and its linear table overlaps what programs map; here such a machine is refused',
      ),
    },
    '3 PTE bits': {
      'fields of an entry and who owns them': testOf(PTE, 'the named fields cover each bit once'),
      'what pte_modify keeps and replaces': [
        'pte_modify leaves a and d as they are',
        testOf(PTE, 'pte_modify replaces p, PROTNONE'),
      ],
      'the eight values of ar, for the hardware and for the kernel': [
        'rights are a field of three bits read by value',
        'what user mode may do is another table',
        testOf(PTE, 'what ar gives'),
      ],
      'execute and promote: ar 7 lets user mode fetch from pages of a lower pl':
        'programs can read the first gate page',
      'each change of an entry moves its own bits': testOf(PTE, 'a change moves its own bits and no other'),
      'pte_mkhuge sets p': 'pte_mkhuge sets p and no size',
      'wrprotect of execute-only makes it ar 5': 'wrprotect of an execute-only entry makes it readable',
      'noncached and write-combining protections': notModelled('no driver here asks for them'),
      'atomic changes on several CPUs, plain stores on one': [
        'with several CPUs the dirty and access handlers exchange what they read',
        'on one CPU they store plainly',
      ],
      protection_map: [
        testOf(PTE, 'protection_map, all sixteen'),
        'execute-only is ar 7, which no other protection has',
      ],
      'kernel, gate and linear-table protections': testOf(PTE, 'the kernel protections'),
      'a is set in every protection, d comes with the first store': 'a fresh entry has a set and d clear',
      'data pages are not executable by default': 'the heap and the stack are not executable',
      'PROT_NONE, swap and file entries': [
        'PROT_NONE is bit 63 without p',
        'swap keeps its type in bits 8:2',
        testOf(PTE, 'swap entries are inverse and never present'),
        testOf(PTE, 'file entries are inverse and never present'),
      ],
      'present is asked before file': 'bit 1 means a file offset only where',
    },
    '4 Region registers and region ids': {
      'fields of a region register, ids 8c + r, how a context is loaded': [
        testOf(VECTORS, 'region ids, region registers, identity entries'),
        'a number is given when a CPU first runs an mm',
      ],
      'the TLB matches the id, not the region': testOf(MMU, 'regions with the same offset are told apart'),
      'KR7 has the pgd': testOf(MMU, 'the pgd is the one of the mm that runs'),
      'other kernel registers, translation registers': KERNEL_TRANSLATIONS,
      max_ctx: 'max_ctx itself is never given',
      'an mm starts without a number and gets one under the lock, which empties cpu_vm_mask': [
        'a number is given when a CPU first runs an mm',
        'a new number empties cpu_vm_mask',
      ],
      'the window of free numbers, the wrap, 300': [
        testOf(VECTORS, 'context numbers'),
        'numbers 1 to 299 are given once',
      ],
      'the other CPUs flush before they load their next context':
        'a wrap flushes this CPU at once and the others before',
      'flush_tlb_mm, and flushmap of number 0': [
        'flush_tlb_mm purges nothing',
        'flush_tlb_mm of an mm without a number marks number 0',
      ],
      'destroy_context does nothing (a number of an mm without pages is lost)': testOf(
        FLUSH,
        'an exit without pages gives the number up too',
      ),
      'activate_mm has no test for the same mm': 'a CPU that turns to the mm it runs loads its region registers again',
      exhaustion: 'when every number from 300 up is live',
    },
    '5 Translation caches and faults': {
      'instruction and data translations are apart': testOf(MMU, 'instruction and data sides are filled apart'),
      'an insertion that overlaps others removes them': notModelled(
        'a region has one page size for good, so no two translations of a region overlap',
      ),
      'a miss goes to the walker, then to vhpt_miss': 'the first miss of a table walks in software',
      'identity entries of regions 6 and 7, for the kernel alone': [
        'regions 6 and 7 have no tables',
        testOf(VECTORS, 'region ids, region registers, identity entries'),
        testOf(MMU, 'nothing is translated past the slice of a region'),
      ],
      'a nested miss walks and inserts nothing': testOf(MMU, 'the nested handler walks where the table page has left'),
      'dirty and access bits have handlers of their own': 'dirty and accessed are set by handlers of their own',
      'page not present purges one base page and goes on to the fault handler':
        'the walker caches an entry that is not present',
      'protection keys': notModelled('Linux uses none'),
      'priorities: rights before dirty, dirty before accessed': [
        'rights are looked at before d and a',
        testOf(MMU, 'rights come before a'),
      ],
      'the handlers exchange, insert and read again': [
        'with several CPUs the dirty and access handlers exchange what they read',
        'vhpt_miss reads the entry again',
      ],
      'the handlers do not look at p (port defect)': 'the handlers do not look at p (kept)',
      'the interruption status register and its codes': notModelled('handlers here are told what they ask it'),
      'an access needs its own flag': 'an access needs its own flag and no other',
      'no area above the address is a bad one': 'an area is found by what lies above',
      'above a backing store the address at its very end makes it grow by a page, any other asks the stack': [
        'an access at the very end of the backing store',
        'the backing store is under the limit of the stack',
      ],
      'growth stays in the region, and comes before the question of rights': [
        'a stack does not grow into another region',
        'a stack grows first',
      ],
      'speculative loads and lfetch take no signal: psr.ed defers them':
        'a speculative load and lfetch go to the fault handler',
      'a fault of the kernel in region 5 whose entry is present': 'a fault of the kernel on an entry that is present',
    },
    '6 VHPT and the linear virtual page table': {
      'place and size of a linear table, PTA': [
        'the linear table of a region lies at the top',
        testOf(LAYOUT, 'the PTA register of 16 KiB pages'),
      ],
      'thash cuts to the implemented bits and shifts by the page size of the region': [
        'thash shifts by the page size of the region',
        testOf(VECTORS, 'place in the linear table'),
      ],
      'the long format': notModelled('Linux does not use it'),
      'region 5 is walked from the kernel’s root': [
        "a miss of vmalloc's goes the way of users'",
        'programs can read the first gate page',
      ],
      'a translation is inserted with the page size of its region':
        'one translation of the TLB serves all of a huge page',
      'the range is tested on the unscaled offset': 'the range that can be mapped is that of unscaled addresses',
      'p = 0 inserts nothing, not even the page of the table':
        'the handler inserts nothing for an entry that is not present',
      'both are read again and purged when they changed': [
        'vhpt_miss reads the entry again',
        'where the pmd entry changed meanwhile',
      ],
      'the page of the table is the kernel’s own': testOf(MMU, 'a page of the linear table is a table translation'),
      'nested misses in region 4: unscaled in 2.6.12, scaled region bits and all in 2.6.16': [
        'a nested miss in region 4 takes the address unscaled',
        'the nested handler of 2.6.16 shifts the region number along',
      ],
      'deferral of kernel speculation in regions 6 and 7': notModelled('the kernel here does not speculate'),
      'the walker loads entries with p = 0, the handlers never': [
        'the walker caches an entry that is not present',
        testOf(MMU, 'a stale copy of an entry that is not present costs one fault more'),
      ],
    },
    '7 Purges': {
      'ptc.ga reaches all CPUs, ptc.l one': ['ptc.ga reaches every CPU without an interrupt', testOf(FLUSH, 'a page')],
      'ptc.ga drops ALAT entries too, and is one at a time in the system': notModelled(
        'there is no ALAT, and a purge here is one step',
      ),
      'the loop of ptc.e over strides from the firmware': notModelled('what it drops is: everything, in one step'),
      'sizes that can be purged, which is chosen, from where, how often': [
        testOf(VECTORS, 'choice of purges'),
        'a range is purged in steps of the next size there is',
        'what lies beside a range in a step of its purges goes with it',
      ],
      'an mm that does not run here: everything on SMP, its number on one CPU': [
        'on SMP a purge for an mm that does not run here',
        'on one CPU it purges nothing',
      ],
      'smp_flush_tlb_mm: alone here nobody is interrupted': 'flush_tlb_mm of an mm with one user that runs here',
      'flush_tlb_kernel_range is flush_tlb_all': [
        'flush_tlb_kernel_range is flush_tlb_all',
        'a range of kernel mappings is flushed by flushing everything',
      ],
      'flush_tlb_pgtables is empty': 'flush_tlb_pgtables is empty',
      'flush_tlb_mm purges no entry': 'flush_tlb_mm purges nothing',
    },
    '8 mmu_gather': {
      'capacity, fast mode with one CPU': [
        'a gather holds 2,048 pages',
        'with one CPU pages are freed at once, before the purge',
      ],
      'need_flush is set by pages, entries and tables': 'what has no pages is not flushed',
      'need_flush is kept by the gather that follows': 'need_flush is not reset when a gather begins',
      'the range of pages, and then of the linear table':
        'munmap purges the pages and then the part of the linear table',
      'two regions or 2^40 bytes flush everything': [
        'a gather holds 2,048 pages, and a range over two regions flushes everything',
        'a range in one region of less than 2^40 bytes is purged',
      ],
      'fullmm is flush_tlb_mm': testOf(FLUSH, 'of a dying mm purges nothing and gives the number up'),
      'a gather that is full flushes from its first entry to its last; at its end the caller’s range counts':
        'blocks of 1,024 pages fit the gather of 2,048',
      'page tables go on quicklists before the purge, which are trimmed later': notModelled(
        'they wait for the purge; a table on a quicklist could only be a table again, so nobody can tell',
      ),
    },
    '9 ptep_set_access_flags, update_mmu_cache, caches': {
      'update_mmu_cache is empty': 'update_mmu_cache does nothing',
      'ptep_set_access_flags by CPUs and by access': 'ptep_set_access_flags of several CPUs does nothing for a read',
      'lazy_mmu_prot_update and PG_arch_1': [
        'a page is flushed when an entry that may execute is stored for it',
        'flush_dcache_page takes the mark away',
      ],
      'cleared and copied pages are not coherent': 'a page that is cleared or copied anew is not coherent',
      'a debugger’s store flushes what it wrote, and leaves the mark alone':
        'what a debugger writes is flushed at once',
      'of a huge page the head alone is flushed': notModelled(
        'nobody calls it for huge pages before they are copied on write',
      ),
      'flush_cache_*, flush_icache_page do nothing': notModelled('there is nothing to do'),
    },
    '10 hugetlb': {
      'region 4 with a page size of its own, 256 MiB by default': 'region 4 keeps its page size',
      'hugepagesz=': 'hugepagesz= takes what the processor can insert',
      'htlbpage_to_page, one entry a huge page in ordinary tables': [
        'tables see a huge address scaled',
        testOf(VECTORS, 'scaled huge addresses'),
        'huge pages are next to each other in the tables',
        'a huge page has one pte',
      ],
      is_hugepage_only_range: 'only both ends in region 4 make a range one of huge pages',
      'prepare_hugepage_range, hugetlb_get_unmapped_area': [
        'a mapping of huge pages goes to region 4',
        testOf('test/hugetlb/addresses.test.ts', 'huge pages begin there, a usable wish is taken'),
      ],
      'other mappings are kept out of region 4': 'a hint in region 4 is taken for none',
      hugetlb_free_pgd_range: 'tables are freed by scaled addresses',
      follow_huge_addr: 'get_user_pages finds the slot by the scaled address',
      'unmapping purges the pages once and not the linear table': 'unmapping purges the pages',
      'faults on demand, no copy on write yet': testOf(
        'test/hugetlb/faults.test.ts',
        'a huge page comes with its first touch',
      ),
      'spurious faults of populated pages (two commits)': [
        testOf(
          'test/commits/3359b54c8c-handle-spurious-page-fault-for-hugetlb-region.test.ts',
          'a read fault on a mapped huge page',
        ),
        testOf(
          'test/commits/ac9b9c667c-fix-handling-spurious-page-fault-for-hugetlb-region.test.ts',
          'two more faults on a page that is there',
        ),
      ],
    },
    '11 Fork, exec, exit order': {
      'fork gives the parent a new number': 'flush_tlb_mm purges nothing',
      'exit marks the number and purges nothing': 'exit purges nothing',
      'munmap purges two ranges, mprotect one': 'munmap purges the pages and then the part of the linear table',
    },
    '12 Hardware sizes': {
      'entries of the TLBs, bits of a region id': testOf(
        'test/docs/models.test.ts',
        'docs/tlb-models.md shows the TLBs',
      ),
      'translation registers': KERNEL_TRANSLATIONS,
    },
    '13 Which side is 2.6.15 on': {
      'bitmaps of contexts, signed offsets, four levels, the test of p, the purge of another mm': [
        testOf(VECTORS, 'context numbers'),
        'the handlers do not look at p (kept)',
        'on SMP a purge for an mm that does not run here',
      ],
    },
    '14 Golden vectors': {
      '68 values computed from the definitions': [
        testOf(VECTORS, 'present entries and their changes'),
        testOf(VECTORS, 'swap and file entries'),
        testOf(VECTORS, 'region and table indices'),
        testOf(VECTORS, 'scaled huge addresses'),
        testOf(VECTORS, 'place in the linear table'),
        testOf(VECTORS, 'choice of purges'),
        testOf(VECTORS, 'region ids, region registers, identity entries'),
        testOf(VECTORS, 'context numbers'),
        testOf(VECTORS, 'lost ptes (port defect, kept)'),
      ],
    },
  },
} satisfies Sheet;
