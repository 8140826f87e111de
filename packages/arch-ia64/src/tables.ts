/**
 * Entries of the pgd, the pud and the pmd: the physical address of the next table, no flag bits. 0 is none, everything else
 * is present; bad is an address bit that the processor does not implement. Bit 63 is not bad: addresses of region 7 style
 * pass (asm-ia64/pgtable.h, arch/ia64/kernel/setup.c).
 */
import { UpperFormat } from '@fourfold/core/arch';
import { PPN_MASK } from './pte.js';

/** IA64_MAX_PHYS_BITS: what the architecture allows; the parts have 44 (Itanium) and 50 (Itanium 2). */
export const IA64_MAX_PHYS_BITS = 50;

/** unimpl_pa_mask of a part: all but bit 63 and the implemented address bits. */
export function unimplementedPaMask(physicalBits: number): bigint {
  return 0x7fff_ffff_ffff_ffffn & ~((1n << BigInt(physicalBits)) - 1n);
}

/** What the kernel takes where the firmware does not tell (PAL_VM_SUMMARY fails): Itanium's. */
export const UNTOLD_PHYS_BITS = 44;

/** The one format of all upper levels, for a part of so many physical address bits. */
export function createUpperFormat(physicalBits: number): UpperFormat {
  return new UpperFormat({
    address: PPN_MASK,
    badMask: unimplementedPaMask(physicalBits),
    fields: [
      { name: 'offset', bit: 0, bits: 12, meaning: '0: tables are whole pages', owner: 'unused' },
      {
        name: 'TABLE',
        bit: 12,
        bits: physicalBits - 12,
        meaning: 'physical address of the next table',
        owner: 'software',
      },
      {
        name: 'unimplemented',
        bit: physicalBits,
        bits: 63 - physicalBits,
        meaning: 'a set bit makes the entry bad',
        owner: 'unused',
      },
      { name: 'uncached', bit: 63, meaning: 'ignored by the tests', owner: 'unused' },
    ],
  });
}
