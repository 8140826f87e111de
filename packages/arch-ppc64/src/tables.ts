/**
 * Entries of the pgd, pud and pmd: the *kernel virtual address* of the next table (0xc000... + physical address). There
 * are no flag bits and hardware never reads them: 0 is none, everything else is present, nothing is ever bad
 * (asm-ppc64/pgtable.h of 2.6.15; the address and alignment test of bad came with 2.6.18).
 */
import { UpperFormat } from '@fourfold/core/arch';
import type { Ppc64PageShift } from './geometry.js';

/** PAGE_OFFSET: the linear map, region 0xc. */
export const PAGE_OFFSET = 0xc000_0000_0000_0000n;

/** The one format of all upper levels. With 64 KiB pages the low nine bits are masked off when an entry is followed. */
export function createUpperFormat(pageShift: Ppc64PageShift): UpperFormat {
  const masked = pageShift === 16 ? 9 : 0;
  return new UpperFormat({
    address: 0x0fff_ffff_ffff_ffffn & ~((1n << BigInt(masked)) - 1n),
    set: PAGE_OFFSET,
    fields: [
      { name: 'REGION', bit: 60, bits: 4, meaning: '0xc: the kernel address of a table', owner: 'software' },
      { name: 'TABLE', bit: masked, bits: 60 - masked, meaning: 'physical address of the table', owner: 'software' },
      ...(masked === 0
        ? []
        : [{ name: 'masked', bit: 0, bits: masked, meaning: 'masked off; left 0', owner: 'unused' } as const]),
    ],
  });
}
