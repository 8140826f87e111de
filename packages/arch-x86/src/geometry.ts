/**
 * Page-table trees of x86. Folded levels have no table and are not listed: i386 has a page directory (pgd) and page
 * tables, PAE puts a directory of four pointers above two levels of 512, x86_64 has all four.
 *
 * On i386 the kernel's none, bad and present tests are those of the pmd, folded into the pgd slot; the slot is named
 * after the table that exists, so `pud` and `pmd` are folded names there, and `pud` is one on PAE (asm-i386/pgtable-2level*.h,
 * pgtable-3level*.h; asm-x86_64/pgtable.h).
 */
import { Geometry } from '@fourfold/core/arch';

/** Bits of the offset in a page on every x86. */
export const PAGE_SHIFT = 12;

/** 10 + 10 bits above 4 KiB pages, 4-byte entries. */
export const I386_GEOMETRY: Geometry = /* @__PURE__ */ new Geometry(PAGE_SHIFT, [
  { name: 'pgd', bits: 10, entryBytes: 4 },
  { name: 'pte', bits: 10, entryBytes: 4 },
]);

/** 2 + 9 + 9 bits, 8-byte entries; the pgd is the processor's page directory pointer table of 32 bytes. */
export const I386_PAE_GEOMETRY: Geometry = /* @__PURE__ */ new Geometry(PAGE_SHIFT, [
  { name: 'pgd', bits: 2, entryBytes: 8 },
  { name: 'pmd', bits: 9, entryBytes: 8 },
  { name: 'pte', bits: 9, entryBytes: 8 },
]);

/** 9 + 9 + 9 + 9 bits, 8-byte entries; the lower half of the space is the user's. */
export const X86_64_GEOMETRY: Geometry = /* @__PURE__ */ new Geometry(PAGE_SHIFT, [
  { name: 'pgd', bits: 9, entryBytes: 8 },
  { name: 'pud', bits: 9, entryBytes: 8 },
  { name: 'pmd', bits: 9, entryBytes: 8 },
  { name: 'pte', bits: 9, entryBytes: 8 },
]);
