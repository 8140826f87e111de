/** Where each fact of sparc64's reference sheet is tested. */
import { notModelled, type Sheet, testOf } from '../support/sheet.js';

const VECTORS = 'packages/arch-sparc64/test/vectors.test.ts';
const NUMBERED = 'packages/arch-sparc64/test/vectors.ts';
const LAYOUT = 'packages/arch-sparc64/test/layout.test.ts';
const PTE = 'packages/arch-sparc64/test/pte.test.ts';
const MMU = 'packages/arch-sparc64/test/mmu.test.ts';
const CONTEXT = 'packages/arch-sparc64/test/context.test.ts';
const FLUSH = 'packages/arch-sparc64/test/flush.test.ts';
const WALK = 'the nested handler cuts its indices from the offset';

export default {
  port: 'sparc64',
  sections: {
    '1 Page sizes and geometry': {
      'levels, entries, bytes and spans with pages of 8 and of 64 KiB': [testOf(LAYOUT, 'geometry as the reference')],
      'kernels with base pages of 512 KiB and 4 MiB': notModelled(
        'marked for experts, and the flush code does not build',
      ),
      'VPTE_SIZE, TASK_SIZE, VPTE_BASE': testOf(LAYOUT, 'layout: '),
      'context and file-offset bits': [testOf(CONTEXT, 'bits: 10 with 8K pages'), testOf(PTE, 'PTE_FILE_MAX_BITS')],
      'root entries of the low and of the high half': 'with pages of 8 KiB the low half of user space',
      'upper entries are four bytes, shifted by 11: none, present, never bad, below 2^43': [
        'an upper entry is four bytes',
        testOf(PTE, 'upper entries are inverse for every table'),
      ],
    },
    '2 Address space': {
      'two halves around a hole': ['both sides of the hole can be mapped', 'the hole takes no miss to the tables'],
      'the linear table is no place for mappings': 'the linear table above TASK_SIZE',
      'mmap begins in the high half and never finds the low one': 'mmap begins in the high half',
      'the stack and the gate area': 'the stack of a 64-bit task',
      'a 32-bit task: its layout, what its calls refuse, its brk': [
        'mmap of a 32-bit task begins at 0x70000000',
        'TASK_SIZE is that of 64-bit tasks',
        'a break at 0xF0000000 or above',
        'mremap of a 32-bit task asks for the same limit',
        'files and shared memory of a 32-bit task',
        'addresses of a 32-bit task are cut',
      ],
      'SHMLBA, and that shmat insists on it': testOf('test/matrix/segments.test.ts', 'shmat rounds down to SHMLBA'),
      'colours of files and shared memory, with and without a wish': [
        'a mapping of a file, or a shared one',
        'a wish for a file or a shared mapping',
        testOf(NUMBERED, 'colour align 0x70000000'),
      ],
      'a fixed mapping is not asked for its colour': 'a fixed mapping of the wrong colour',
      'lengths that are refused': ['a mapping longer than one half', 'mremap of a 32-bit task asks for the same limit'],
      'a wish just below the hole may be accepted into it': notModelled(
        'refused: those addresses share page-table entries with others',
      ),
      'brk stays in its half': 'brk may not change the half',
      'vmalloc; PAGE_KERNEL': 'vmalloc lies below pgd[0]',
      'modules, firmware, KERNBASE, the windows to copy pages': notModelled(
        "the kernel's own code has no addresses here",
      ),
      'the translation of the direct map': ['the direct map has no tables', testOf(NUMBERED, 'direct map, first page')],
      'alignment of frame buffers': 'a frame buffer is mapped at a multiple of 4 MiB',
      'MADV_REMOVE is 6': 'MADV_REMOVE is 6',
    },
    '3 PTE = sun4u TTE data word': {
      'bits, and what each means': testOf(PTE, 'the named fields cover each bit once'),
      'predicates and the pte_mk functions': [
        testOf(PTE, 'its own bits move and no other'),
        'pte_mkold takes VALID away',
        'pte_rdprotect takes VALID',
      ],
      'clean pages are read-only to the hardware; mkdirty sets W whatever': [
        'a writable page that is clean',
        'pte_mkdirty sets W',
      ],
      'pfn_pte and pte_pfn': testOf(PTE, 'make and decode are inverse'),
      'what pte_modify keeps': [
        testOf(PTE, 'pte_modify keeps the documented bits'),
        'pte_modify drops all sizes',
        'pte_modify never carries W over',
        'pte_modify makes an old entry valid again',
      ],
      'a forced write makes PROT_NONE memory usable where the page is reused': [
        'pte_mkyoung of a PROT_NONE entry',
        'a forced write makes a PROT_NONE page usable',
      ],
      protection_map: [testOf(PTE, 'protection_map, all sixteen'), 'a private writable mapping begins read-only'],
      'PAGE_KERNEL, pg_iobits': testOf(PTE, 'PAGE_KERNEL and pg_iobits'),
      'VM_DATA_DEFAULT_FLAGS has VM_EXEC': 'the heap and the stack of a program may be executed',
      'swap and file entries': [
        'a swap entry keeps its type',
        testOf(PTE, 'swap entries are inverse'),
        testOf(PTE, 'file entries are inverse'),
        testOf(PTE, 'a swap offset of 2^42'),
        testOf(PTE, 'FILE and MODIFIED are one bit'),
      ],
    },
    '4 TLB hardware model': {
      'sizes of the TLBs of spitfire and cheetah': testOf(
        'test/docs/models.test.ts',
        'docs/tlb-models.md shows the TLBs',
      ),
      'the banks of cheetah_plus': 'huge pages have a bank of 512 entries',
      'banks of cheetah_plus whose sizes change with the program that runs': notModelled(
        'sizes belong to units: a machine has the banks of one state of the register, and there are shapes for both',
      ),
      'a translation matches by address and context, or G': testOf(MMU, 'G makes a global slot'),
      'no hardware walk: a miss is a trap': testOf(MMU, 'the first miss takes the nested handler'),
      'a protection trap, and accesses to the hole': [
        'what a miss finds goes to the TLB as it is',
        'the hole takes no miss to the tables',
      ],
      'demap commands of spitfire and of cheetah': [
        testOf(NUMBERED, 'spitfire demap word'),
        testOf(NUMBERED, 'cheetah demap word'),
      ],
    },
    '5 TLB miss handling: VPTE': {
      'where the entry of an address lies in the linear table': [
        testOf(LAYOUT, 'the area in halves'),
        testOf(VECTORS, WALK),
      ],
      'a page of it is a translation of the same context and TLB, privileged': [
        'the page of the linear table is an ordinary translation',
        testOf(MMU, 'the VPTE page is a table translation'),
      ],
      'VALID alone counts for data': [
        'a data miss looks at VALID alone',
        testOf(MMU, 'old, PROT_NONE, swap and file entries are absent'),
      ],
      'EXEC is looked at for fetches': ['an instruction miss looks at EXEC', testOf(MMU, 'a fetch needs EXEC')],
      'the word goes to the TLB as it is': 'what a miss finds goes to the TLB as it is',
      'the nested handler, its indices, and empty tables': [
        'the first miss of a pte table misses twice',
        'a miss of the linear table finds its tables',
        testOf(VECTORS, WALK),
        testOf(MMU, 'an empty pmd entry costs two references'),
      ],
      'the pgd cache of 32-bit tasks, and their first pmd page at exec': [
        'exec makes the pmd table of root entry 0',
        'the nested handler of a 32-bit task',
        'the register is loaded by a switch',
      ],
      'misses of kernel addresses': [
        'a kernel miss reads the linear table in the nucleus',
        'the direct map has no tables',
        'what lies below the modules',
      ],
      'each CPU has the root of the mm that it runs': testOf(MMU, 'the pgd is the one of the mm that runs'),
    },
    '6 Contexts': {
      'number, page sizes, version': [
        testOf(CONTEXT, 'page size bits stay with the mm'),
        testOf(CONTEXT, 'versions far above 32 bits'),
        'the page sizes of cheetah_plus',
        testOf(NUMBERED, 'first three contexts'),
      ],
      'number 0 is never given; which number is next': [
        'number 0 is the kernel',
        'a number that was given up',
        testOf(CONTEXT, 'a freed number is given again only behind'),
        testOf(CONTEXT, 'number 1 is found behind the end'),
      ],
      'a wrap flushes nothing and makes every value invalid': [
        'nothing is flushed at a change of version',
        testOf(CONTEXT, 'a wrap makes every older value invalid'),
      ],
      'an mm has no number until it runs; it gives it up when it ends': [
        'an mm gets its number when a CPU first runs it',
        testOf(CONTEXT, 'a new mm has no context'),
      ],
      'switch_mm loads, and flushes what is new to the CPU; activate_mm always': [
        'activate_mm demaps the whole context',
        testOf(CONTEXT, 'switching back to an mm keeps'),
        testOf(CONTEXT, 'the next owner of a number flushes'),
        testOf(CONTEXT, 'activate_mm always flushes'),
      ],
      'a context switch sends what is pending': [
        'a context switch sends',
        testOf(CONTEXT, 'a switch sends what is pending'),
      ],
      'cpu_vm_mask outlives the number (a defect)': [
        testOf(CONTEXT, 'an mm that comes back after a wrap'),
        testOf(CONTEXT, 'with defects kept it does'),
        testOf(CONTEXT, 'with defects kept, a CPU goes on'),
      ],
    },
    '7 TLB flushing': {
      'stores over VALID entries queue, others do not': [
        'a store over a valid entry queues',
        'an old entry is not valid',
        'a page that was PROT_NONE',
        testOf(FLUSH, 'old words without VALID'),
      ],
      'bit 0 of an entry asks for the instruction TLB': [
        'the instruction TLB is demapped only',
        testOf(FLUSH, 'the instruction side is demapped'),
      ],
      'a dirty page of a cache at the other colour is flushed everywhere': 'a dirty file page unmapped at an address',
      'a dying mm queues nothing': 'a dying address space queues nothing',
      'one mm, 192 entries, of the CPU that queued': [
        'a batch is of one mm',
        'a batch has 192 entries',
        testOf(FLUSH, 'the batch belongs to the CPU'),
      ],
      'without a valid context entries are dropped': [
        'entries of an mm whose context number is gone',
        testOf(FLUSH, 'entries of an mm without a valid context'),
      ],
      'flush_tlb_page, _range and _mm ignore their arguments': [
        'flush_tlb_mm of an mm with nothing pending',
        testOf(FLUSH, 'every flush of user pages sends'),
      ],
      'flush_tlb_kernel_range demaps page by page on all CPUs': 'flush_tlb_kernel_range demaps the range',
      'entries are demapped from last to first': 'a batch is demapped from its last entry to its first',
      'with one user the other CPUs leave the mask': [
        'with one user a flush drops the other CPUs',
        testOf(FLUSH, 'with one user the CPUs that run something else'),
        'a kernel thread that borrows an mm',
      ],
      'else a cross call to every CPU of the mask': ['with two users every CPU', testOf(FLUSH, 'with more users')],
      'smp_flush_tlb_mm, when the huge page size changes': [
        'before the sizes change the whole context is demapped',
        'with one user smp_flush_tlb_mm interrupts nobody',
      ],
      'flush_tlb_pgtables: which VPTE pages, in batches': [
        'munmap queues a demap for each VPTE page',
        testOf(FLUSH, 'drops the VPTE pages of the range'),
        testOf(FLUSH, 'entries of another mm are flushed first'),
        testOf(FLUSH, 'vector 57 on a machine'),
      ],
      'across the hole it names the complement (a defect)': [
        'flush_tlb_pgtables across the hole',
        testOf(FLUSH, 'a range across the hole drops'),
        testOf(FLUSH, 'with defects kept it drops the complement'),
      ],
    },
    '8 mmu_gather': {
      '506 pages, fast mode with one CPU': 'a gather collects 506 pages',
      'an unflushed batch at the start of a gather is a BUG': notModelled('it is sent there, and never is one'),
      'pages are freed before their demaps are sent (a defect)': [
        'tlb_flush_mmu frees the pages before',
        'the flush ledger finds a frame',
      ],
      'nothing is flushed for a dying mm': [
        'a dying address space queues nothing',
        testOf(FLUSH, 'a dying mm flushes nothing'),
      ],
      'freed tables go to the quicklists at once': 'tables that go are kept by the CPU',
    },
    '9 Caches and update_mmu_cache': {
      'flush_dcache_page: what is marked, what is flushed, where': [
        'flush_dcache_page of a file page that nobody maps',
        'a page that another CPU writes',
        'a page that is mapped somewhere',
      ],
      'update_mmu_cache flushes a marked page': 'the fault that maps a marked page',
      'one colour with larger pages': 'with pages of 64 KiB there is one colour, and nothing',
      'register windows at flush_cache_*': notModelled('programs have no registers here'),
      'the instruction cache of spitfire': notModelled('its only users, modules and breakpoints, are not here'),
      'ptep_set_access_flags and ptep_clear_flush send all that is pending': 'the first store to a page that was read',
      'move_pte flushes colours': notModelled('of 2.6.17'),
      'colours of pte tables, pairs, and the lists of each CPU': [
        'the page of a pte table has the cache colour',
        'without one of the colour two pages',
        'with pages of 64 KiB there is one colour, and one page',
        'a pmd table takes whatever colour',
        'what is on a list is full of zeros',
        testOf(NUMBERED, 'VPTE colour, low'),
      ],
      'check_pgt_cache: above 50 down to 25': 'above 50 pages the end of a gather',
    },
    '10 Fault codes and do_sparc64_fault': {
      'what an access needs of the area': [
        'write-only memory cannot be read',
        'a store to memory that may not be written',
      ],
      'a data miss does not say load or store: the instruction is read': [
        'a data miss does not say load or store',
        'a store behind the end of a file is SIGBUS',
      ],
      'an instruction that cannot be read is taken for a load': notModelled('instructions lie in no memory here'),
      'no-fault loads': [
        'a no-fault load brings its page',
        'a no-fault load takes SIGBUS',
        'a no-fault load makes no stack grow',
      ],
      'the first store to a clean page is a trap of its own': 'the first store to a page that was read',
    },
    '11 hugetlb and large I/O mappings': {
      'sizes that a kernel can be configured for': testOf(
        'test/hugetlb/entries.test.ts',
        'sparc64 can be configured for huge pages',
      ),
      'a run of ptes, each with the size and its own frame': [
        'a huge page is a run of ordinary entries',
        testOf(NUMBERED, '4M page at pfn 0x800'),
      ],
      'taking one away queues every entry': 'taking a huge page away queues',
      'pte_mkhuge or-s its size in': testOf(PTE, 'mkhuge over 64K pages'),
      'one translation from any of the ptes': [
        'one translation of 4 MiB',
        testOf(MMU, 'a 4 MiB page is one translation'),
      ],
      'alignment is all that is asked': ['huge pages need no region', 'huge pages of a 32-bit task'],
      'huge_pte_offset takes an empty entry for a table at 0': notModelled('looked at: there is no table'),
      'the hook of cheetah_plus at mmap': [
        'the first mapping of huge pages states both page sizes',
        'a child of fork has huge pages and no page sizes',
      ],
      'io_remap_pfn_range builds runs of large entries': [
        'io_remap_pfn_range states 4 MiB',
        'an address that is no multiple of 64 KiB',
        'its entries are uncached',
        'one translation serves a whole run',
      ],
      'what munmap, mprotect, mremap and fork leave of a run': [
        'mprotect takes the large size out',
        'after a part is unmapped its neighbours',
        'entries moved to where their size does not fit',
        'fork copies the entries old and clean',
      ],
      'pg_iobits whatever the area allows (a defect)': 'pg_iobits let a program write',
    },
    '12 After 2.6.15': {
      'the TSB, and what came with it': notModelled('of 2.6.17'),
    },
    '14 Golden vectors': {
      'all of them': [testOf(VECTORS, 'vector '), testOf(FLUSH, 'vector 59'), testOf(VECTORS, WALK)],
    },
  },
} satisfies Sheet;
