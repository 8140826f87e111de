/** Bits that upper entries and ptes share (asm-i386/pgtable.h, asm-x86_64/pgtable.h; IA-32 manual vol. 3, paging). */

export const PAGE_PRESENT = 0x001;
export const PAGE_RW = 0x002;
export const PAGE_USER = 0x004;
export const PAGE_PWT = 0x008;
export const PAGE_PCD = 0x010;
export const PAGE_ACCESSED = 0x020;
export const PAGE_DIRTY = 0x040;
/** In a pmd (i386: pgd) entry: a large page. */
export const PAGE_PSE = 0x080;
export const PAGE_GLOBAL = 0x100;
/** Nonlinear file entry; the bit of DIRTY, read only while the entry is not present. */
export const PAGE_FILE = 0x040;
/** PROT_NONE page, counted as present; the bit of PSE, read only while PRESENT is clear. */
export const PAGE_PROTNONE = 0x080;
/** No execution, bit 63. */
export const PAGE_NX = 0x8000_0000_0000_0000n;

/** Flags of an entry that points to a table: P, RW, US, A, D. */
export const PAGE_TABLE = 0x067;
/** The same for kernel-only tables: P, RW, A, D. */
export const KERNPG_TABLE = 0x063;

/** Frame bits. */
export const I386_FRAME = 0xffff_f000n;
/** What the processor takes (36 physical bits). */
export const PAE_HARDWARE_FRAME = 0xf_ffff_f000n;
/** What pte_pfn takes: the high half contributes its low 12 bits. */
export const PAE_FRAME = 0xfff_ffff_f000n;
/** What the K8 takes (40 physical bits). */
export const X86_64_HARDWARE_FRAME = 0xff_ffff_f000n;
/** PTE_MASK since 2.6.15-rc2: 46 physical bits. */
export const X86_64_FRAME = 0x3fff_ffff_f000n;
