/** Where each fact of ia64's reference sheet is tested. */
import { type Sheet, testOf } from '../support/sheet.js';

const VECTORS = 'packages/arch-ia64/test/vectors.test.ts';
const LAYOUT = 'packages/arch-ia64/test/layout.test.ts';
const PTE = 'packages/arch-ia64/test/pte.test.ts';

export default {
  port: 'ia64',
  sections: {
    '1 Page size, levels, geometry': {
      'shifts, entries and what of a region can be mapped, for each page size and depth': testOf(
        VECTORS,
        'tables of each page size',
      ),
      'no four levels with 64 KiB pages': testOf(LAYOUT, 'what cannot be built'),
      'the last page of a region is never mappable': 'the last page of a region cannot be mapped',
      'upper entries are plain addresses: none, present, bad (unimpl_pa_mask, of which bit 63 is no part)': [
        'an upper entry is an address without flags',
        testOf(PTE, 'an upper entry is bad when it has an address bit'),
      ],
      'pgd_index puts the region above the bits of the address': 'the pgd is cut into eight slices',
      'pgd_offset_k takes the whole index from the address': "the kernel's own tables are not cut",
    },
  },
} satisfies Sheet;
