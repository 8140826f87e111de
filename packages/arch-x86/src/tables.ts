/**
 * Entries above the pte level. An entry that points to a table is `_PAGE_TABLE` (0x067) plus the table's physical
 * address; PAE's four pgd entries have P alone, because the processor reserves the other low bits there.
 *
 * A leaf for a large page (PSE) fails the bad test of its level by design: walkers must look for it first.
 */
import { type BitField, UpperFormat } from '@fourfold/core/arch';
import {
  I386_FRAME,
  KERNPG_TABLE,
  PAE_HARDWARE_FRAME,
  PAGE_PRESENT,
  PAGE_TABLE,
  PAGE_USER,
  X86_64_FRAME,
} from './bits.js';

const PRESENT = BigInt(PAGE_PRESENT);
const LINK = BigInt(PAGE_TABLE);
/** pmd_bad of i386, both flavours, looks at the low 12 bits and ignores USER. */
const I386_BAD_MASK = BigInt(0xfff & ~PAGE_USER);
const ALL = 0xffff_ffff_ffff_ffffn;

/** i386: the pgd slot, which is the folded pmd. Bad: (word & 0xFFB) != 0x063. */
export const I386_UPPER: readonly UpperFormat[] = /* @__PURE__ */ [
  new UpperFormat({
    address: I386_FRAME,
    set: LINK,
    badMask: I386_BAD_MASK,
    badValue: BigInt(KERNPG_TABLE),
    presentMask: PRESENT,
    fields: upperFields(
      [{ name: 'table', bit: 12, bits: 20, meaning: 'frame of the pte table', owner: 'software' }],
      'pmd',
    ),
  }),
];

/**
 * i386 PAE. The pgd is filled when it is made and never tested (none, bad and present are the constants 0, 0, 1), and
 * `pmd_none` looks at the low half alone, so that a half-written entry still counts as none.
 */
export const I386_PAE_UPPER: readonly UpperFormat[] = /* @__PURE__ */ [
  new UpperFormat({
    address: PAE_HARDWARE_FRAME,
    set: PRESENT,
    preallocated: true,
    fields: paePgdFields(),
  }),
  new UpperFormat({
    address: PAE_HARDWARE_FRAME,
    set: LINK,
    noneMask: 0xffff_ffffn,
    badMask: I386_BAD_MASK,
    badValue: BigInt(KERNPG_TABLE),
    presentMask: PRESENT,
    fields: upperFields(
      [
        { name: 'table', bit: 12, bits: 24, meaning: 'frame of the pte table', owner: 'software' },
        { name: 'reserved', bit: 36, bits: 27, meaning: 'reserved, a set bit faults', owner: 'unused' },
        { name: 'NX', bit: 63, meaning: 'no execution below this entry', owner: 'software' },
      ],
      'pmd',
    ),
  }),
];

/** pgd_bad and pud_bad tolerate any of P, RW, US, A, D: bad is any other bit outside the frame. */
const X86_64_TREE_BAD_MASK = ALL & ~X86_64_FRAME & ~LINK;
/** pmd_bad tolerates USER only: what is left must be exactly 0x063. */
const X86_64_PMD_BAD_MASK = ALL & ~X86_64_FRAME & ~BigInt(PAGE_USER);

/** x86_64: pgd and pud alike, pmd stricter. */
export const X86_64_UPPER: readonly UpperFormat[] = /* @__PURE__ */ [
  x86_64Tree('frame of the pud table', 'pgd'),
  x86_64Tree('frame of the pmd table', 'pud'),
  new UpperFormat({
    address: X86_64_FRAME,
    set: LINK,
    badMask: X86_64_PMD_BAD_MASK,
    badValue: BigInt(KERNPG_TABLE),
    presentMask: PRESENT,
    fields: x86_64Fields('frame of the pte table', 'pmd'),
  }),
];

function x86_64Tree(meaning: string, level: 'pgd' | 'pud'): UpperFormat {
  return new UpperFormat({
    address: X86_64_FRAME,
    set: LINK,
    badMask: X86_64_TREE_BAD_MASK,
    presentMask: PRESENT,
    fields: x86_64Fields(meaning, level),
  });
}

function x86_64Fields(meaning: string, level: 'pgd' | 'pud' | 'pmd'): readonly BitField[] {
  return upperFields(
    [
      { name: 'table', bit: 12, bits: 34, meaning, owner: 'software' },
      { name: 'reserved', bit: 46, bits: 6, meaning: 'reserved, a set bit faults', owner: 'unused' },
      { name: 'available2', bit: 52, bits: 11, meaning: 'free for software, left 0', owner: 'unused' },
      { name: 'NX', bit: 63, meaning: 'no execution below this entry', owner: 'software' },
    ],
    level,
  );
}

/** Bits 0 to 11 of an entry in memory, with the rest in `above`. Tables are linked with A and D already set. */
function upperFields(above: readonly BitField[], level: 'pgd' | 'pud' | 'pmd'): readonly BitField[] {
  const leaf = level === 'pmd';
  return [
    { name: 'P', bit: 0, meaning: 'present', owner: 'software' },
    { name: 'RW', bit: 1, meaning: 'stores allowed below this entry', owner: 'software' },
    { name: 'US', bit: 2, meaning: 'user mode allowed below this entry', owner: 'software' },
    { name: 'PWT', bit: 3, meaning: 'write-through', owner: 'software' },
    { name: 'PCD', bit: 4, meaning: 'cache disabled', owner: 'software' },
    { name: 'A', bit: 5, meaning: 'used by a walk', owner: 'both' },
    {
      name: 'D',
      bit: 6,
      meaning: leaf ? 'stored to, in a large page; else no effect' : 'no effect here',
      owner: 'both',
    },
    leaf
      ? { name: 'PSE', bit: 7, meaning: 'large page: the frame is the page, not a table', owner: 'software' }
      : { name: 'PSE', bit: 7, meaning: 'must be 0 at this level', owner: 'unused' },
    { name: 'G', bit: 8, meaning: leaf ? 'global, in a large page' : 'no effect here', owner: 'software' },
    { name: 'available', bit: 9, bits: 3, meaning: 'free for software, left 0', owner: 'unused' },
    ...above,
  ];
}

function paePgdFields(): readonly BitField[] {
  return [
    { name: 'P', bit: 0, meaning: 'present', owner: 'software' },
    { name: 'reserved', bit: 1, bits: 2, meaning: 'reserved, 0', owner: 'unused' },
    { name: 'PWT', bit: 3, meaning: 'write-through', owner: 'software' },
    { name: 'PCD', bit: 4, meaning: 'cache disabled', owner: 'software' },
    { name: 'reserved5', bit: 5, bits: 4, meaning: 'reserved, 0', owner: 'unused' },
    { name: 'available', bit: 9, bits: 3, meaning: 'free for software, left 0', owner: 'unused' },
    { name: 'table', bit: 12, bits: 24, meaning: 'frame of the pmd table', owner: 'software' },
    { name: 'reserved36', bit: 36, bits: 28, meaning: 'reserved, 0', owner: 'unused' },
  ];
}
