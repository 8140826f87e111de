/**
 * Entries of the pgd and the pmd: the physical address of the next table shifted right by 11, in 32 bits. There are no
 * flag bits: 0 is none, everything else is present, nothing is ever bad (asm-sparc64/pgtable.h). Tables must lie below
 * 2^43, as every frame must (PADDR of a TTE).
 */
import { type QuicklistSpec, UpperFormat } from '@fourfold/core/arch';
import { L1DCACHE_SIZE } from './layout.js';

/** Bits an upper entry drops from the table's address. */
export const UPPER_SHIFT = 11;

/** The one format of both upper levels. */
export const SPARC64_UPPER: UpperFormat = /* @__PURE__ */ new UpperFormat({
  address: 0xffff_ffffn,
  addressShift: UPPER_SHIFT,
  fields: [
    {
      name: 'TABLE',
      bit: 0,
      bits: 32,
      meaning: 'physical address of the next table, shifted right by 11; 0 is none',
      owner: 'software',
    },
  ],
});

/**
 * Empty tables are kept by the CPU, up to 50 (asm-sparc64/pgalloc.h: check_pgt_cache). The handlers read a pte table through its place
 * in the linear table, the kernel through its linear map: where the data cache has two colours a table gets the colour of its place.
 */
export function createQuicklists(pageShift: number): QuicklistSpec {
  return { colours: L1DCACHE_SIZE > 2 ** pageShift ? 2 : 1, high: 50, low: 25 };
}
