/** Where each fact of x86's reference sheet is tested. */
import { notModelled, type Sheet, testOf } from '../support/sheet.js';

const VECTORS = 'packages/arch-x86/test/vectors.test.ts';
const LAWS = 'packages/arch-x86/test/laws.test.ts';
const HUGE_ADDRESSES = 'test/hugetlb/addresses.test.ts';

export default {
  port: 'x86',
  sections: {
    '1 Address space and formats': {
      'addresses of 32 bits, and canonical ones of 48': 'addresses between the halves are no addresses',
      'TASK_SIZE of every kind of task': [
        'user space ends one page before the hole of addresses',
        'a 32-bit task has nearly 4 GiB',
        'with ADDR_LIMIT_3GB a 32-bit task has the space of i386',
      ],
      'PAGE_OFFSET: where the kernel’s part of a root begins': "the kernel's part of a root begins at entry",
      'the linear map and the kernel’s text at their addresses, in large pages': [
        'all memory is mapped from PAGE_OFFSET up',
        'the first 40 MiB are mapped again',
        'memory from 896 MiB on is high memory',
        'it may not be executed',
      ],
      'where vmalloc’s area lies': 'vmalloc begins 8 MiB above 896',
      TASK_UNMAPPED_BASE: [
        'without a limit for the stack, or in the compatible layout',
        'a 64-bit task maps upward from a third of its space',
      ],
      'mmap downward from below the gap for the stack, rounded up': 'mappings go down from below the gap for the stack',
      'random bases': [
        'where addresses are random the base moves down by less than 1 MiB',
        'where addresses are random the first search of a 64-bit task begins',
        'where addresses are random the stack of a program begins',
      ],
      MAP_32BIT: ['MAP_32BIT maps between 1 and 2 GiB', 'MAP_32BIT means nothing'],
      'gate areas': [
        'the gate page lies above user space',
        'the rest of the vsyscall range is nothing',
        'a 32-bit task has nearly 4 GiB, searched downward as on i386, and no gate',
      ],
      'the area for system calls of a 32-bit task at 0xFFFFE000': notModelled(
        'it lies at the end of its user space, where no area of this memory manager may be',
      ),
      'physical bits, levels, size of a large page, NX': [
        'bits above the frame are reserved',
        'a large page is an ordinary entry with PSE',
        'there is no NX',
      ],
      'no address-space numbers': 'INVLPG drops one page, a global one too',
    },
    '2 Levels and folding': {
      'which levels there are, and how they are indexed': [
        testOf(VECTORS, 'indices #'),
        testOf(LAWS, 'a folded level has no entries to decode'),
      ],
      'pmd of two levels: none, present, bad': [
        'an entry of the page directory or a pmd is bad unless',
        testOf(LAWS, 'i386 and PAE pmd: the low 12 bits but USER must be 0x063'),
      ],
      'the folded tests of pgd and pud are constants': notModelled(
        'only levels that exist are listed; ARCHITECTURE.md has the reason',
      ),
      'PAE: pmd_none looks at the low half': 'pmd_none looks at the low half alone',
      'PAE: pmd pages come with the pgd, pmd_free does nothing': 'the three pmd pages of user space come and go',
      'PAE: pointers have P alone, in a root of 32 bytes': [
        'a page directory pointer has P alone',
        'the four pointers lie in 32 bytes',
      ],
      'PAE: the fourth pointer leads to a pmd that all share': 'all share the pmd of the fourth gigabyte',
      'PAE: pointers are read at the CR3 load': 'the four pointers are read when CR3 is loaded',
      'x86_64: pgd_bad and pud_bad against pmd_bad': 'pgd_bad and pud_bad forgive missing flags',
      'x86_64: PTE_MASK ends at bit 45': 'frames end at bit 45',
      'a new pgd: its user half empty, the rest from the master table': 'a new page directory gets the kernel',
      '_PAGE_TABLE, _KERNPG_TABLE': testOf(VECTORS, 'upper entry #'),
      'a large page fails pmd_bad': 'to pmd_bad such an entry is a broken table',
    },
    '3 PTE layout': {
      'what each bit is, by owner': testOf(LAWS, 'the named fields cover every bit once in each state'),
      'A on the way, D in the leaf; none in PAE’s pointers': [
        'A is set in every entry',
        'no A in the four page directory',
      ],
      'RW and USER are the AND, NX the OR of all levels': ['RW and USER count when every level', 'NX of any level'],
      'CR0.WP': 'the kernel may not store where RW is clear',
      'what is not present is never cached': 'an entry that is not present is never cached',
      'reserved bits fault': 'bits above the frame are reserved',
      'protections lose what the processor has not': 'protections lose bit 63',
      'mk_pte_phys does not mask': notModelled('nothing here makes entries by it'),
      'none, present, file, swap': [
        testOf(LAWS, 'an entry is present by P or PROTNONE'),
        'a dirty PROT_NONE page has the bit of a file entry',
      ],
      'pte_write, pte_dirty, pte_young': testOf(LAWS, 'young, dirty and write answer bits 5, 6 and 1'),
      'pte_read, pte_exec': [
        testOf(LAWS, 'pte_exec is USER on i386 and x86_64, USER without NX on PAE'),
        'pte_exec of x86_64 looks at USER',
      ],
      'mkread, mkexec, rdprotect, exprotect': 'taking away the right to execute takes the right to read',
      'pte_mkhuge sets PRESENT too': 'pte_mkhuge sets PRESENT with PSE',
      'pte_huge asks for both bits': notModelled('nothing here asks: areas say what is huge'),
      'pte_same compares both halves': 'a fault that read half of each of two swap entries',
      pte_pfn: ['pte_pfn takes the low 12 bits', 'frames end at bit 45'],
      'protection_map, with and without NX': [
        testOf(LAWS, 'protection_map is the table of the port'),
        'with PAE a shared writable mapping can be executed',
        'a shared writable mapping that may not be executed has NX',
        testOf(LAWS, 'without NX no protection has bit 63'),
      ],
      'kernel, vsyscall and noncached protections': ["the page is a user's", testOf(VECTORS, 'pte #')],
      pte_modify: [
        testOf(LAWS, 'pte_modify keeps frame, accessed and dirty'),
        'pte_modify keeps the frame, A and D',
        'pte_modify of PAE keeps the high half but NX',
      ],
      'swap and file entries of two levels': [
        'the offset of a file page is split around the flags',
        'remap_file_pages refuses an offset that with its length',
      ],
      'swap and file entries of PAE': [
        'swap entries live in the high half',
        'a file entry has the offset in its high half',
        'with PAE that test is compiled out',
      ],
      'swap and file entries of x86_64': [
        'the swap type has a sixth bit',
        'a file offset is stored whole and read back through PTE_MASK',
      ],
      'offsets go as far as they come back, and no swap word is present or a file’s': [
        testOf(LAWS, 'the largest values fit and one more is refused'),
        testOf(LAWS, 'decoding a swap entry answers type and offset'),
      ],
      'slot 0 is never given': 'slot 0 is the swap header',
    },
    '4 Update primitives': {
      'one word: stores, exchanges and bit operations are whole': 'an entry is one word',
      'PAE set_pte: the high half first': 'set_pte stores the high half first',
      'PAE set_pte_atomic and ptep_establish': 'a copy of a page takes the place of the shared one',
      'PAE pte_clear of the era (defect)': 'pte_clear stores zero as set_pte does',
      'PAE ptep_get_and_clear': 'ptep_get_and_clear exchanges the low half',
      'PAE operations on the low half': ['with PAE it stores the low half alone', 'mprotect takes the entry out'],
      'ptep_get_and_clear_full of a dying address space is two plain steps': notModelled(
        'nobody runs in it, so nobody can come between',
      ),
      'set_pmd, set_pud, set_pgd': notModelled('no table is linked or unlinked where another CPU walks'),
      'torn reads: pte_unmap_same': [
        'what lies between the halves is what a walk of another CPU reads',
        'a fault that read half of each of two swap entries',
      ],
      ptep_set_access_flags: [
        'ptep_set_access_flags of a read does nothing',
        'of a store it stores the entry and flushes the page',
        'no fault is ever taken to set them',
      ],
      'update_mmu_cache is empty': 'update_mmu_cache does nothing',
      'a spurious write fault flushes the page': 'a store that faults on an entry which allows it',
      'cache flushes do nothing': notModelled('there is nothing to do'),
    },
    '5.1 Typical parts': {
      'entries of the Pentium III and the Opteron': [
        'the Pentium III has 8 entries',
        'the Opteron has 8 entries',
        testOf('test/docs/models.test.ts', 'docs/tlb-models.md shows the TLBs'),
      ],
      'Pentium 4': notModelled('any TLB can be given as a file; this one’s associativity is not known'),
    },
    '5.2 Hardware primitives': {
      'INVLPG, CR3 load, CR4.PGE': [
        'INVLPG drops one page, a global one too',
        'INVLPG of any address in it drops a large page',
      ],
      'the 386 has no INVLPG': notModelled('the parts here have'),
    },
    '5.3 Linux flush operations': {
      'flush_tlb_page and flush_tlb_mm, with one CPU and several': [
        'flush_tlb_page is INVLPG here and on every CPU',
        'with one CPU a flush of an address space that is not loaded',
        'a flush of an address space that this CPU has not loaded',
      ],
      'flush_tlb_range is flush_tlb_mm': 'flush_tlb_range takes no notice of the range',
      'flush_tlb_all and flush_tlb_kernel_range': [
        'flush_tlb_kernel_range takes no notice',
        'flush_tlb_all makes lazy CPUs leave',
      ],
      'flush_tlb_pgtables does nothing': 'flush_tlb_pgtables does nothing',
      'flush_tlb of the current mm': notModelled('the memory manager never calls it'),
      'no interrupt for an empty mask': 'nobody is interrupted for an empty mask',
      'CPUs that are offline leave the mask': notModelled('no CPU goes offline'),
      'one slot on i386, eight on x86_64': ['one flush of others at a time', 'eight slots, each with its vector'],
      'a late interrupt is acknowledged': 'an interrupt that comes late finds another address space',
    },
    '5.4 Lazy TLB': {
      enter_lazy_tlb: 'a CPU that turns to a kernel thread keeps CR3',
      'switch_mm to another, and to the same': [
        'a switch to another address space takes the CPU out of the old mask',
        'a CPU that comes back to the address space it left loads CR3',
      ],
      'leave_mm, and a BUG in user mode': [
        'the first flush that reaches a lazy CPU',
        testOf('packages/arch-x86/test/lazy.test.ts', 'leave_mm of a CPU in user mode is a bug'),
      ],
      'a lazy CPU is interrupted once': 'the first flush that reaches a lazy CPU',
      'none of it with one CPU': 'with one CPU there is no lazy state',
    },
    '5.5 mmu_gather': {
      'one a CPU, need_flush kept': 'need_flush is not reset when a gather begins',
      'capacity of 506, whatever x86_64 asks for': 'with several CPUs 506 pages are collected',
      'fast mode': 'with one CPU nothing is collected',
      'what sets need_flush': [
        'what was swapped out or never touched needs no flush',
        'an area that was never touched, alone in its gigabyte',
        'an area that was never touched goes without a flush',
      ],
      'tables go through tlb_remove_page': 'page tables are collected as pages are',
      'blocks of 1,024 pages, 8 with PREEMPT': [
        'after 1,024 pages the gather is finished',
        'with CONFIG_PREEMPT after 8',
      ],
    },
    '5.6 Page faults': {
      'the five bits of the error code': [
        'bit 0 tells a violation from an absent page',
        'bit 3 tells of a reserved bit',
        'bit 4 is set by fetches',
      ],
      CR2: 'each fault is told with its address, to the byte',
      'vmalloc faults: which codes, what is copied': [
        'a new page directory gets the kernel',
        "a user that touches the kernel's mappings faults",
      ],
      'a reserved bit in user range is an oops on x86_64': 'bit 3 tells of a reserved bit',
      'stores need VM_WRITE, reads VM_READ or VM_EXEC': [
        'an area that may only be written is refused',
        'a page that may be read may be executed',
      ],
      'a read of a present page is a signal: NX': [
        'a fetch from a present page with NX is a signal at once',
        'a fetch from an absent page of an area that is not executable',
      ],
      'how far below its pointer a stack grows': 'a stack grows for an access down to 32 bytes',
      'what the signal frame says above TASK_SIZE': 'above TASK_SIZE a signal frame says',
    },
    '6 Hugetlb': {
      'the leaf, its place and format': 'a large page is an ordinary entry with PSE',
      'no tables are shared': 'the pmd pages of one file of large pages',
      'set_huge_pte_at of PAE in two stores': 'a large page is set in two stores too',
      follow_huge_pmd: testOf('test/hugetlb/faults.test.ts', 'get_user_pages faults huge pages in'),
      'no range is for them alone': testOf(HUGE_ADDRESSES, 'x86_64 and sparc64 round a wish up'),
      prepare_hugepage_range: 'an address or a length that is no multiple of a large page',
      'the search for room': [
        'an address asked for is rounded up to a large page',
        'i386 searches room for large pages downward',
        testOf(HUGE_ADDRESSES, 'i386 searches downward where the mm does'),
      ],
      'mprotect is EACCES': 'mprotect refuses an area of large pages',
    },
    '7 Golden vectors': {
      '67 values of the three machines': [
        testOf(VECTORS, '7.1 i386'),
        testOf(VECTORS, '7.2 i386-pae'),
        testOf(VECTORS, '7.3 x86_64'),
      ],
    },
    '8 Era versus 2.6.18': {
      'each row as it was in 2.6.15': [
        'frames end at bit 45',
        'pte_clear stores zero as set_pte does',
        'an area that may only be written is refused',
        'a stack grows for an access down to 32 bytes',
        'pte_mkhuge sets PRESENT with PSE',
        'a 64-bit task maps upward from a third of its space',
        'the pmd pages of one file of large pages',
        'the gate page lies above user space',
      ],
    },
    '9 Uncertainties': {
      'a page fault drops what is cached of its address': notModelled('not known of these parts'),
    },
  },
} satisfies Sheet;
