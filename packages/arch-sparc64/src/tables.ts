/**
 * Entries of the pgd and the pmd: the physical address of the next table shifted right by 11, in 32 bits. There are no
 * flag bits: 0 is none, everything else is present, nothing is ever bad (asm-sparc64/pgtable.h). Tables must lie below
 * 2^43, as every frame must (PADDR of a TTE).
 */
import { UpperFormat } from '@fourfold/core/arch';

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
