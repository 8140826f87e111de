import { ORIGIN, type Vectors } from './types.js';

const PFN = 0x12345n;
/** Above 4 GiB. */
const HIGH_PFN = 0x123456n;
/** Vector 4: a dirty shared page above 4 GiB. */
const SHARED_DIRTY = 0x0000000123456067n;

/** Section 7.2: i386 PAE. */
export const I386_PAE_VECTORS: Vectors = {
  origin: ORIGIN,
  ptes: [
    { id: '1', from: { pfn: PFN, prot: 'SHARED' }, steps: ['mkdirty'], word: 0x0000000012345067n },
    { id: '2', from: { pfn: PFN, prot: 'COPY' }, word: 0x8000000012345025n, decodes: { exec: false } },
    { id: '3', nx: false, from: { pfn: PFN, prot: 'COPY' }, word: 0x0000000012345025n },
    { id: '4', from: { pfn: HIGH_PFN, prot: 'SHARED' }, steps: ['mkdirty'], word: SHARED_DIRTY },
    { id: '5', from: { pfn: 0xffffffn, prot: 'READONLY' }, word: 0x8000000ffffff025n, decodes: { pfn: 0xffffffn } },
    { id: '6', from: { pfn: HIGH_PFN, prot: 'NONE' }, word: 0x00000001234560a0n, decodes: { valid: false } },
    {
      id: '7',
      from: { pfn: HIGH_PFN, prot: 'SHARED' },
      steps: ['mkdirty', { modify: 'READONLY' }],
      word: 0x8000000123456065n,
    },
    {
      id: '8',
      nx: false,
      from: { pfn: HIGH_PFN, prot: 'SHARED' },
      steps: ['mkdirty', { modify: 'READONLY' }],
      word: 0x0000000123456065n,
    },
    {
      id: '9',
      from: { pfn: HIGH_PFN, prot: 'SHARED' },
      steps: ['mkdirty', { modify: 'READONLY' }, { modify: 'READONLY_EXEC' }],
      word: 0x0000000123456065n,
      decodes: { exec: true },
    },
    {
      id: '10',
      from: { pfn: HIGH_PFN, prot: 'SHARED' },
      steps: ['mkdirty', { modify: 'NONE' }],
      word: 0x00000001234560e0n,
      decodes: { kind: 'present', dirty: true, valid: false },
    },
    { id: '11', from: { swap: [0, 1n] }, word: 0x0000002000000000n },
    { id: '12', from: { swap: [1, 0x1234n] }, word: 0x0002468100000000n },
    { id: '13', from: { swap: [31, 0x7ffffffn] }, word: 0xffffffff00000000n },
    { id: '14 offset 0', from: { file: 0n }, word: 0x0000000000000040n },
    { id: '14 offset 1', from: { file: 1n }, word: 0x0000000100000040n },
    { id: '14 offset 0x12345', from: { file: 0x12345n }, word: 0x0001234500000040n },
    { id: '14 offset 0xFFFFFFFF', from: { file: 0xffffffffn }, word: 0xffffffff00000040n },
    {
      id: '20',
      from: { pfn: 0x123400n, prot: 'SHARED' },
      steps: ['mkdirty', 'mkhuge'],
      word: 0x00000001234000e7n,
      badUpper: true,
    },
  ],
  tables: [
    { id: '18', level: 'pgd', table: 0x37f1a000n, word: 0x0000000037f1a001n },
    { id: '19', level: 'pmd', table: 0x123456000n, word: 0x0000000123456067n },
  ],
  indices: [
    { id: '15', va: 0x08048000n, indices: [0, 64, 72, 0] },
    { id: '16', va: 0xb7fff123n, indices: [2, 447, 511, 0x123] },
    { id: '17', va: 0xffffe000n, indices: [3, 511, 510, 0] },
  ],
  splitStores: [
    {
      id: '21',
      what: 'set_pte over a present entry shows a frame that is neither page',
      old: SHARED_DIRTY,
      new: 0x80000002abcde025n,
      first: 'high',
      between: 0x8000000223456067n,
      decodes: { kind: 'present', pfn: 0x223456n },
    },
    {
      id: '22',
      what: 'pte_clear of 2.6.15 shows a present page with its address cut to 32 bits',
      old: SHARED_DIRTY,
      new: 0n,
      first: 'high',
      between: 0x0000000023456067n,
      decodes: { kind: 'present', pfn: 0x23456n },
    },
    {
      id: '23',
      what: 'pte_clear as mended shows an entry that is not present',
      old: SHARED_DIRTY,
      new: 0n,
      first: 'low',
      between: 0x0000000100000000n,
      decodes: { kind: 'swap' },
    },
    {
      id: '24',
      what: 'set_pte over a swap entry shows another swap entry',
      old: 0x0002468100000000n,
      new: SHARED_DIRTY,
      first: 'high',
      between: 0x0000000100000000n,
      decodes: { kind: 'swap', swapType: 1, swapOffset: 0n },
    },
  ],
};
