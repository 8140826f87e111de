import { ORIGIN, type Vectors } from './types.js';

const PFN = 0x12345n;

/** Section 7.3: x86_64. */
export const X86_64_VECTORS: Vectors = {
  origin: ORIGIN,
  ptes: [
    { id: '1', from: { pfn: PFN, prot: 'SHARED' }, steps: ['mkdirty'], word: 0x8000000012345067n },
    { id: '2', from: { pfn: PFN, prot: 'SHARED_EXEC' }, steps: ['mkdirty'], word: 0x0000000012345067n },
    { id: '3', from: { pfn: PFN, prot: 'COPY' }, word: 0x8000000012345025n },
    { id: '4', from: { pfn: PFN, prot: 'NONE' }, word: 0x00000000123450a0n, decodes: { valid: false } },
    {
      id: '5',
      from: { pfn: PFN, prot: 'SHARED' },
      steps: ['mkdirty', { modify: 'NONE' }],
      word: 0x00000000123450e0n,
      decodes: { kind: 'present', dirty: true, valid: false },
    },
    {
      id: '6',
      from: { pfn: PFN, prot: 'SHARED' },
      steps: ['mkdirty', { modify: 'READONLY_EXEC' }],
      word: 0x0000000012345065n,
    },
    {
      id: '7',
      from: { pfn: 0xfffffffn, prot: 'READONLY_EXEC' },
      word: 0x000000fffffff025n,
      decodes: { pfn: 0xfffffffn },
    },
    { id: '8 (0, 1)', from: { swap: [0, 1n] }, word: 0x0000000000000100n },
    { id: '8 (1, 0x1234)', from: { swap: [1, 0x1234n] }, word: 0x0000000000123402n },
    { id: '9', from: { swap: [31, 0x123456789n] }, word: 0x000001234567893en },
    {
      id: '10, an illegal type',
      from: { swap: [32, 1n] },
      word: 0x0000000000000140n,
      decodes: { kind: 'file', fileOffset: 0n },
    },
    { id: '11 offset 0', from: { file: 0n }, word: 0x0000000000000040n },
    { id: '11 offset 1', from: { file: 1n }, word: 0x0000000000001040n },
    { id: '11 offset 0x12345', from: { file: 0x12345n }, word: 0x0000000012345040n },
    {
      id: '12 offset 2^46-1, which does not survive',
      from: { file: 2n ** 46n - 1n },
      word: 0x03fffffffffff040n,
      decodes: { fileOffset: 0x3ffffffffn },
    },
    { id: '12 offset 2^34-1, the largest that survives', from: { file: 2n ** 34n - 1n }, word: 0x00003ffffffff040n },
    {
      id: '21',
      from: { pfn: 0x12400n, prot: 'SHARED' },
      steps: ['mkdirty', 'mkhuge'],
      word: 0x80000000124000e7n,
      badUpper: true,
    },
    { id: '22 kernel', from: { pfn: 0x100n, prot: 0x8000000000000163n }, word: 0x8000000000100163n },
    { id: '22 vsyscall', from: { pfn: 0x200n, prot: 0x125n }, word: 0x0000000000200125n },
    {
      id: '23',
      from: { pfn: 0x12400n, prot: 'NONE' },
      steps: ['mkhuge'],
      word: 0x00000000124000a1n,
      decodes: { kind: 'present', read: false, valid: false },
    },
  ],
  tables: [
    { id: '20 pgd', level: 'pgd', table: 0x12345000n, word: 0x0000000012345067n },
    { id: '20 pud', level: 'pud', table: 0x12345000n, word: 0x0000000012345067n },
    { id: '20 pmd', level: 'pmd', table: 0x12345000n, word: 0x0000000012345067n },
  ],
  indices: [
    { id: '13', va: 0x400000n, indices: [0, 0, 2, 0, 0] },
    { id: '14', va: 0x00002aaaaaaab000n, indices: [85, 170, 341, 171, 0] },
    { id: '15', va: 0x00007fffffffeff8n, indices: [255, 511, 511, 510, 0xff8] },
    { id: '16', va: 0xffff810000000000n, indices: [258, 0, 0, 0, 0] },
    { id: '17', va: 0xffffc20000000000n, indices: [388, 0, 0, 0, 0] },
    { id: '18', va: 0xffffffff80100000n, indices: [511, 510, 0, 256, 0] },
    { id: '19', va: 0xffffffffff600000n, indices: [511, 511, 507, 0, 0] },
  ],
};
