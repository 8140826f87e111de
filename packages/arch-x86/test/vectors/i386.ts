import { ORIGIN, type Vectors } from './types.js';

const PFN = 0x12345n;

/** Section 7.1: i386, two levels. */
export const I386_VECTORS: Vectors = {
  origin: ORIGIN,
  ptes: [
    { id: '1', from: { pfn: PFN, prot: 'SHARED' }, steps: ['mkdirty'], word: 0x12345067n },
    { id: '2', from: { pfn: PFN, prot: 'COPY' }, word: 0x12345025n, decodes: { write: false, dirty: false } },
    { id: '3', from: { pfn: PFN, prot: 'NONE' }, word: 0x123450a0n, decodes: { kind: 'present', valid: false } },
    {
      id: '4',
      from: { pfn: PFN, prot: 'SHARED' },
      steps: ['mkdirty', { modify: 'NONE' }],
      word: 0x123450e0n,
      decodes: { kind: 'present', valid: false, dirty: true },
    },
    {
      id: '5',
      from: { pfn: PFN, prot: 'SHARED' },
      steps: ['mkdirty', { modify: 'NONE' }, { modify: 'READONLY' }],
      word: 0x12345065n,
      decodes: { dirty: true, write: false },
    },
    { id: '6 wrprotect', from: { pfn: PFN, prot: 'SHARED' }, steps: ['mkdirty', 'wrprotect'], word: 0x12345065n },
    { id: '6 mkold', from: { pfn: PFN, prot: 'SHARED' }, steps: ['mkdirty', 'mkold'], word: 0x12345047n },
    { id: '6 mkclean', from: { pfn: PFN, prot: 'SHARED' }, steps: ['mkdirty', 'mkclean'], word: 0x12345027n },
    { id: '7', from: { swap: [0, 1n] }, word: 0x00000100n },
    { id: '8', from: { swap: [1, 0x1234n] }, word: 0x00123402n },
    { id: '9', from: { swap: [31, 0xffffffn] }, word: 0xffffff3en },
    { id: '10 offset 0', from: { file: 0n }, word: 0x00000040n },
    { id: '10 offset 1', from: { file: 1n }, word: 0x00000042n },
    { id: '10 offset 0x1F', from: { file: 0x1fn }, word: 0x0000007en },
    { id: '10 offset 0x20', from: { file: 0x20n }, word: 0x00000140n },
    { id: '11', from: { file: 0x12345n }, word: 0x00091a4an },
    { id: '12', from: { file: 0x1fffffffn }, word: 0xffffff7en },
    {
      id: '14',
      from: { pfn: 0x12400n, prot: 'SHARED' },
      steps: ['mkdirty', 'mkhuge'],
      word: 0x124000e7n,
      badUpper: true,
    },
    { id: '19 4K', from: { pfn: 0x100n, prot: 0x163n }, word: 0x00100163n },
    { id: '19 4M', from: { pfn: 0x400n, prot: 0x1e3n }, word: 0x004001e3n },
    { id: '20', from: { pfn: 0xfee00n, prot: 0x03fn }, word: 0xfee0003fn },
  ],
  tables: [{ id: '13', level: 'pgd', table: 0x01234000n, word: 0x01234067n }],
  indices: [
    { id: '15', va: 0x08048000n, indices: [32, 72, 0] },
    { id: '16', va: 0xb7fff123n, indices: [735, 1023, 0x123] },
    { id: '17', va: 0xbffff123n, indices: [767, 1023, 0x123] },
    { id: '18', va: 0xffffe000n, indices: [1023, 1022, 0] },
  ],
};
