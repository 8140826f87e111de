/** Where each fact of ppc64's reference sheet is tested. */
import { notModelled, type Sheet, testOf } from '../support/sheet.js';

const VECTORS = 'packages/arch-ppc64/test/vectors.ts';
const LAYOUT = 'packages/arch-ppc64/test/layout.test.ts';
const PTE = 'packages/arch-ppc64/test/pte.test.ts';
const MMU = 'packages/arch-ppc64/test/mmu.test.ts';
const TABLE = 'packages/arch-ppc64/test/hash-table.test.ts';
const HUGE = 'packages/arch-ppc64/test/hugetlb.test.ts';
const ADDRESSES = 'test/hugetlb/addresses.test.ts';

export default {
  port: 'ppc64',
  sections: {
    '1 Address space': {
      'user addresses have 44 bits; region and segment are cut from the address': [
        'user space has 44 bits',
        testOf(VECTORS, '12.3 #1'),
      ],
      'TASK_SIZE and TASK_UNMAPPED_BASE of 64-bit and 32-bit tasks': testOf(
        LAYOUT,
        'a 64-bit task searches upward from 2^42',
      ),
      'mmap searches upward for a 64-bit task, downward for a 32-bit one with a limited stack': [
        'a 64-bit task searches upward',
        'a 32-bit task searches downward',
      ],
      'vmalloc and ioremap lie in region 0xd': 'vmalloc has 2^43 bytes',
      'no gate area': 'there is no gate area',
      'the vDSO is an ordinary mapping, wished for at 1 MiB': [
        'a program finds the vDSO at 1 MiB',
        'the pages of the vDSO are the kernel’s',
        'which page of the vDSO lies where',
        'the vDSO never merges',
      ],
      'frames have 47 bits with 4 KiB pages and 32 of 64 KiB; memory ends at 2^44': [
        testOf(VECTORS, '12.1 #1'),
        testOf(VECTORS, '12.2 #1'),
      ],
    },
    '2 Linux page tables': {
      'four levels of 9, 7, 7 and 9 bits with 4 KiB pages, three of 4, 12 and 12 with 64 KiB, the pud folded': [
        testOf(VECTORS, '12.1 #11'),
        testOf(VECTORS, '12.2 #8'),
      ],
      'tables smaller than a page': 'kernel tables smaller than a page',
      'the second half of a 64 KiB pte table holds the hidx words': 'with pages of 64 KiB a pte table is twice as long',
      'the pgd index has 9 bits with 64 KiB pages too': notModelled(
        'its table has 16 entries, and no legal address has a larger index',
      ),
      'upper entries are kernel addresses without flags': 'upper entries hold kernel addresses',
      'low bits masked off when a 64 KiB upper entry is followed': 'with pages of 64 KiB the low nine bits',
      'none is 0, all else present, nothing bad': testOf(LAYOUT, 'upper entries: 0 is none'),
      'the address and alignment test of bad': notModelled('of 2.6.18'),
    },
    '3 PTE format': {
      'bits, and what each means': [
        testOf(PTE, 'the fields cover every bit once'),
        testOf(PTE, 'a frame and a protection'),
      ],
      'where the frame begins': 'frames, swap and file entries begin at bit 17',
      _PAGE_HPTEFLAGS: 'what the hash table left in an entry',
      '_PAGE_CHG_MASK: pte_modify keeps the place of the HPTE, which set_pte_at strips': [
        'pte_modify keeps dirty and accessed',
        testOf(PTE, 'pte_modify keeps frame, D, A, BUSY, HASHPTE'),
        testOf(VECTORS, '12.2 #3'),
      ],
      'the slot of an HPTE: pte bits 15:12, or a nibble of the hidx word with COMBO': [
        'with pages of 64 KiB each part of 4 KiB',
        testOf(VECTORS, '12.2 #14'),
        testOf(VECTORS, '12.2 #15'),
      ],
      protection_map: [testOf(PTE, 'protection_map is total'), 'a private writable page begins like a read-only one'],
      'predicates; mkexec sets USER and EXEC, mkread USER': testOf(PTE, 'every pte_mk- function touches its bits'),
      'none and same ignore the hash bits': testOf(PTE, 'the bits of the hash table change nothing'),
      'PROT_NONE is present without USER': 'PROT_NONE is a present entry',
      'swap and file encodings, and how many bits of offset they have': [
        testOf(PTE, 'swap and file entries come back'),
        testOf(VECTORS, '12.1 #10'),
        testOf(VECTORS, '12.2 #6'),
      ],
    },
    '4 Software update operations': {
      'pte_update spins on BUSY': 'pte_update spins on BUSY',
      'set_pte_at over a present entry clears it and flushes at once': [
        'set_pte_at over a present entry flushes at once',
        testOf(MMU, 'set_pte_at over a page flushes at once'),
      ],
      'set_pte_at strips the hash bits, and with 4 KiB entries under 64 KiB pages or-s COMBO in': [
        'set_pte_at strips what belongs to the hash table',
        testOf(VECTORS, '12.2 #17'),
      ],
      'the hidx word is not cleared, and dead': 'with pages of 64 KiB set_pte_at leaves the second word',
      'pte_clear and ptep_get_and_clear queue what had HASHPTE': [
        'an entry that nobody hashed',
        testOf(MMU, 'every flush sends the batch'),
      ],
      'ptep_test_and_clear_young flushes a hashed entry now, young or not': 'clearing accessed flushes a hashed entry',
      'ptep_clear_flush_dirty flushes even if it was clean': notModelled(
        'msync, which alone calls it, asks for dirty entries first',
      ),
      'ptep_set_wrprotect does nothing without RW': 'fork queues only what it protects',
      'ptep_set_access_flags waits for BUSY, or-s bits in and invalidates nothing': [
        'ptep_set_access_flags waits for BUSY',
        'the fault handlers do not invalidate where rights grow',
      ],
      'update_mmu_cache hashes after a data or instruction storage interrupt alone, what is young': [
        'after a fault update_mmu_cache',
        'pages that no storage interrupt asked for',
        testOf(MMU, 'not for another page'),
      ],
      'what it asks for, and that a dirty writable pte is preloaded writable': 'hash_preload does not ask for USER',
      'tables are freed at once or through RCU; entries of a batch': [
        'page tables of an mm that one CPU alone has run',
        'of one that several CPUs may be walking',
        'without a page for them',
        'a batch holds 509 tables',
        'hash_page walks the tables without a lock',
      ],
    },
    '5 VSID, context, SLB': {
      'the multiplier, the modulus, the inverse': [
        'VSIDs are scrambled by 200730139',
        testOf(TABLE, 'the scramble is the plain modulus'),
        testOf(TABLE, 'it can be undone'),
      ],
      'proto-VSIDs of user and kernel segments': [testOf(VECTORS, '12.3 #4'), testOf(VECTORS, '12.3 #5')],
      'proto 2^36 - 1 scrambles to VSID 0, which addresses of 2^44 and more get': [
        testOf(VECTORS, '12.3 #7'),
        testOf(MMU, 'an address of 2^44 and above is absent'),
      ],
      'ids are the lowest free ones, ENOMEM when there is none': 'contexts are the lowest free ids',
      'ids of 2^19 and more share VSIDs with the kernel': [
        'contexts of 2^19 and more',
        'a program with context 0xD0000',
        testOf(TABLE, 'a context of 2^19'),
      ],
      'words of SLB entries, kernel and user, and the operand of slbie': [
        testOf(VECTORS, '12.3 #8'),
        testOf(VECTORS, '12.3 #10'),
        testOf(VECTORS, '12.3 #12'),
      ],
      'L and LP of a segment of 64 KiB pages': 'its segment says 64 KiB in the SLB',
      'three bolted slots; replacement in turn from slot 4, with no look for a free one': [
        'segments are replaced in turn',
        testOf(MMU, 'a segment miss fills slot 4 first'),
        testOf(LAYOUT, 'slots 0 and 1 are bolted'),
      ],
      'segments of the kernel: two bolted, others in turn with those of users; 16 MiB pages in region 0xc alone': [
        'the bolted segment serves the first 256 MiB',
        'the linear map is found in the hash table',
      ],
      'the bolted segment of the kernel stack': notModelled('kernel code and its stack have no addresses here'),
      'the page size of a user segment is that of its area': 'segments are loaded with the page size of their area',
      'slb_cache: eight are taken back one by one, one alone twice, more by slbia': [
        'a switch takes up to eight',
        testOf(LAYOUT, 'up to eight segments are invalidated'),
      ],
      'a switch preloads code, stack and mmap base, up to the first that is there': [
        'the three segments a program will need',
        'the preload of a switch stops',
      ],
      'a CPU stays in cpu_vm_mask; the mask of a forked mm starts empty': [
        'tlbie reaches every CPU without an interrupt',
        'the mask of CPUs starts empty',
      ],
      'lazy TLB: with 64 KiB pages the pgdir is forgotten': 'with pages of 64 KiB a kernel thread',
      'a switch empties the ERATs and keeps the TLB': testOf(MMU, 'a switch empties the ERATs'),
      'a segment miss never reaches the fault handler': testOf(MMU, 'a segment miss fills slot 4 first'),
    },
    '6 Hash page table': {
      'groups by the size of memory; SDR1': [
        'the table has half as many groups',
        testOf(VECTORS, '12.3 #13'),
        testOf(TABLE, 'SDR1 holds the address'),
      ],
      'the size that firmware gives': 'firmware may state the size',
      'the hash, the primary and the secondary group': [testOf(VECTORS, '12.3 #14'), testOf(VECTORS, '12.3 #17')],
      'V and R words': [testOf(VECTORS, '12.3 #14'), testOf(VECTORS, '12.2 #16'), testOf(VECTORS, '12.3 #20')],
      'what a hardware hit compares': testOf(TABLE, 'a search compares VSID, AVPN, LARGE and SECONDARY'),
      "the era's software match test looks at VALID and AVPN alone": [
        'updatepp and invalidate of the era',
        testOf(TABLE, "the era's match test"),
      ],
      'the linear map is bolted, of 16 MiB pages': testOf(TABLE, 'the linear map is bolted at boot'),
      '64 KiB entries are chosen once for the machine; a stock kernel never has them':
        'a stock kernel backs all its pages',
      'an entry of 64 KiB': ['an entry of 64 KiB is found', 'its pte says the slot'],
      'insert: the first free slot, R before V': testOf(TABLE, 'a group takes eight entries in order'),
      'the LOCK bit of an HPTE against another CPU': notModelled(
        'insertion and eviction are one step of a CPU here, so nobody ever meets the bit',
      ),
      'evict: from the time base up, past bolted entries, tells nobody': [
        testOf(TABLE, 'eviction starts at the time base'),
        testOf(TABLE, 'a group of bolted entries evicts nothing'),
        'an HPTE that is thrown out tells nobody',
      ],
      'updatepp touches PP and N': testOf(TABLE, 'updatepp changes PP and N'),
      'tlbie in both cases, of updatepp and of invalidate': 'a tlbie is sent whether the HPTE was still there',
      'tlbie or tlbiel': 'a flush is tlbiel while one CPU alone',
      'the operand of tlbie': testOf(VECTORS, '12.2 #19'),
      'flags of an entry from a pte, for all low bits': [
        testOf(PTE, 'hash-page flags are those'),
        testOf(PTE, 'what the pte gives user mode'),
        'PP is 0 for the kernel alone',
      ],
      'R is always set, C as the pte is dirty; Linux reads neither': 'R is set in every entry',
      'a clean writable page is hashed read-only': 'a clean writable page is hashed read-only',
      'lazy instruction cache, and processors without': [
        'a page is hashed without execution until a fetch asks',
        'a POWER5+ sees stores in its instruction cache',
      ],
      'ERATs, TLB and SLB of the processors': testOf('test/docs/models.test.ts', 'each machine names the processor'),
    },
    '7 hash_page: fault to HPTE': {
      'what an access needs of the pte': testOf(MMU, 'what the pte refuses is a fault'),
      'codes of the interrupt that skip hash_page': notModelled(
        'no access here raises them: watchpoints, external control, segments that the processor does not have',
      ),
      "addresses of region 0xd are hashed with the kernel's VSID and init_mm": 'an address of region 0xD is hashed',
      'a flush is local while this CPU alone has run the mm': 'a flush is tlbiel while one CPU alone',
      'an address in an open huge area goes to hash_huge_page': testOf(HUGE, 'hash_huge_page'),
      'the Linux tables are walked without a lock': [
        testOf(MMU, 'the walk of a hash miss finds'),
        'hash_page walks the tables without a lock',
      ],
      'BUSY: locked in one exchange with accessed, HASHPTE and dirty; who finds it leaves': [
        'hash_page locks the pte with BUSY',
        'who finds BUSY in hash_page does nothing',
      ],
      'an entry that HASHPTE tells of is patched; if it is gone it is made anew': [
        testOf(VECTORS, '12.3 #16'),
        testOf(MMU, 'after eviction the slot in the pte is stale'),
      ],
      'primary group, secondary group, eviction by the time base': [
        'entries of one hash take the free slots',
        testOf(MMU, 'a full primary group sends'),
        testOf(MMU, 'the same accesses evict the same entries'),
      ],
      'a hypervisor that refuses an entry': notModelled('the machines run on bare metal'),
      'the final pte': [testOf(VECTORS, '12.3 #14'), testOf(VECTORS, '12.3 #15'), testOf(VECTORS, '12.3 #18')],
      'combo: one entry a part of 4 KiB, its SUB bit, its nibble; the rest is kept': [
        testOf(MMU, 'each sub-page has an entry'),
        testOf(MMU, 'a store to one sub-page makes the page dirty'),
      ],
      'the hidx word is written before the pte': notModelled('nobody can look between the two stores'),
      'a store to a clean page never enters the fault handler': [
        'a clean writable page is hashed read-only',
        testOf(MMU, 'a store to a clean writable page'),
      ],
    },
    '8 TLB flushing': {
      'flush calls ignore their arguments and send what is queued': [
        'flush_tlb_page with nothing pending',
        testOf(MMU, 'every flush sends the batch'),
      ],
      "flush_tlb_kernel_range is the same; what it sends of init_mm has the kernel's VSID": [
        'clearing an entry of init_mm',
        'init_mm has every CPU',
        "updatepp of a kernel's entry",
        'of a page of 64 KiB that entries of 4 KiB back',
      ],
      'flush_tlb_page_nohash and flush_tlb_pgtables do nothing':
        'the fault handlers do not invalidate where rights grow',
      'tlb_flush sends the batch, then the tables': 'of one that several CPUs may be walking',
      'a gather collects 506 pages; one CPU frees at once': 'a gather collects 506 pages',
      'a batch has 192 entries of one mm': ['a batch has 192 entries', testOf(VECTORS, '12.3 #26')],
      'and one page size': 'a batch has entries of one page size',
      'each HPTE of an entry goes: one, or those of the SUB bits': [
        testOf(MMU, 'one entry in the batch takes every sub-page out'),
        'it is taken away by one tlbie',
      ],
      'a page whose HPTE was thrown out still leaves every TLB': [
        testOf(MMU, 'a page whose entry was evicted'),
        'a tlbie is sent whether the HPTE was still there',
      ],
      'all HPTEs of a batch first, then all tlbie': notModelled('nothing can come between the two passes here'),
      'a context switch sends the batch': 'a context switch sends what is pending',
      'the death of a CPU sends it': notModelled('CPUs are there from the start to the end'),
      'an mm that ends gives up its entries one by one': 'an address space that ends flushes',
    },
    '9 Hugetlb': {
      'where the entry of a huge page lies': [
        'one huge page has one entry',
        testOf(LAYOUT, 'a huge pte takes one of eight pmd slots'),
        testOf(VECTORS, '12.3 #21'),
      ],
      'set_huge_pte_at stores no COMBO': testOf('test/hugetlb/entries.test.ts', 'the entry: its level'),
      'taking it away queues one entry': testOf('test/hugetlb/entries.test.ts', 'what the end of one page costs'),
      'follow_huge_addr finds it, and nothing outside an area': testOf(
        'test/hugetlb/faults.test.ts',
        'get_user_pages faults huge pages in',
      ),
      'huge_pte_offset outside an area is a BUG': notModelled('the area is asked first, always'),
      'masks of low and high areas, with their guards at 4 GiB': [
        testOf(VECTORS, '12.3 #24'),
        testOf(VECTORS, '12.3 #25'),
        testOf(LAYOUT, 'huge areas'),
      ],
      'an ordinary mapping may not touch an open area; a huge one lies inside': [
        'huge pages live in areas of their own',
        testOf(LAYOUT, 'an ordinary mapping may not touch'),
        testOf(LAYOUT, 'a huge mapping lies inside'),
      ],
      'an area with a mapping in it is EBUSY, which mmap turns into EINVAL': [
        'an area with a mapping in it is busy',
        testOf(HUGE, 'an area with a mapping in it is busy'),
      ],
      'opening one runs on every CPU, and takes its segments from those that run the mm': [
        'opening an area interrupts every CPU',
        testOf(HUGE, 'CPUs that run the mm drop the segments'),
      ],
      'areas never close; fork copies them': [
        'a fork inherits the open areas',
        testOf(MMU, 'a fork takes the huge-page areas over'),
        testOf(ADDRESSES, 'opening an area keeps every other mapping out'),
      ],
      'across 4 GiB the answer for the upper half overwrites': 'a range that reaches over 4 GiB',
      'whole huge pages, aligned': 'a length that is not whole huge pages',
      'where huge pages go: a hint, open areas, new areas from the top': [
        'a 64-bit task finds room for huge pages above 4 GiB',
        testOf(HUGE, 'addresses: a free hint above 4 GiB'),
      ],
      'a 32-bit task looks in low areas': [
        testOf(HUGE, 'a 32-bit task looks below 4 GiB'),
        testOf(ADDRESSES, 'a 32-bit task has low areas'),
      ],
      'ordinary searches go around open areas, up and down': [
        testOf(HUGE, 'an ordinary mapping goes on behind the area'),
        testOf(ADDRESSES, 'the search for other mappings skips'),
      ],
      'a stack can grow into an open area': notModelled(
        'refused, with the defects kept too: what is there could never be reached, for its segment has huge pages',
      ),
      'hash_huge_page: steps, words, and that a store leaves the pte clean': [
        testOf(VECTORS, '12.3 #20'),
        testOf(VECTORS, '12.3 #22'),
        'a huge page is hashed with R and C clear',
        testOf(HUGE, 'a read-only page makes a read-only entry'),
        testOf(HUGE, 'no pte and a busy one are page faults'),
        testOf(HUGE, 'an entry that was thrown out is made again'),
      ],
      'BUSY is a page fault there': 'hash_huge_page answers BUSY',
      'huge areas are not preloaded': 'a huge page is not hashed ahead',
      'a kernel whose processor has no 16 MiB pages': notModelled('all processors here have them'),
    },
    '10 Faults reaching do_page_fault': {
      'a load or fetch that a translation refused is a signal': 'a load or a fetch that a translation refused',
      'what an access needs of the area': 'a load wants an area that may be read or executed',
      'stack growth': 'a stack grows freely by 1 MiB',
      'flush_dcache_page clears the mark of a clean instruction cache': 'flush_dcache_page takes the mark',
    },
    '11 Version differences': {
      'RPN shift, and the other things that 2.6.18 does otherwise': testOf(VECTORS, '12.2 #7'),
    },
    '12 Golden vectors': {
      'all of them': testOf('packages/arch-ppc64/test/vectors.test.ts', 'VSID, SLB, hash table, huge pages'),
    },
  },
} satisfies Sheet;
