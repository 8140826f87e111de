import { describe, expect, test } from 'vitest';
import { nestedIndices, vpteAddress, vpteBase } from '../src/index.js';
import {
  ADDRESS_VECTORS,
  COLOUR_VECTORS,
  CONTEXT_VECTORS,
  ENTRY_VECTORS,
  FLUSH_VECTORS,
  KERNEL_VECTORS,
  ORIGIN,
  PTE_VECTORS,
} from './vectors.js';

const GROUPS = {
  pte: PTE_VECTORS,
  'swap, file and upper entries': ENTRY_VECTORS,
  'addresses: pgd, pmd, pte index, offset, place in the linear table': ADDRESS_VECTORS,
  contexts: CONTEXT_VECTORS,
  'direct map and demap words': KERNEL_VECTORS,
  'huge pages and colours': COLOUR_VECTORS,
  'flush of the linear table': FLUSH_VECTORS,
};

describe(ORIGIN, () => {
  for (const [group, vectors] of Object.entries(GROUPS)) {
    describe(group, () => {
      for (const v of vectors) test(`vector ${v.number}: ${v.what}`, () => expect(v.got()).toEqual(v.want));
    });
  }

  test('the nested handler cuts its indices from the offset in the area, not from the address', () => {
    const low = vpteAddress(13, 0x7000_0000n) - vpteBase(13);
    expect(low).toBe(0x1c0000n);
    expect(nestedIndices(13, low)).toEqual({ pgd: 0, pmd: 224 });
    const vpte = vpteAddress(13, 0xffff_f801_0040_2000n);
    const high = BigInt.asUintN(64, vpte - vpteBase(13));
    expect(high).toBe(0xffff_fffe_0040_1008n);
    expect(nestedIndices(13, high)).toEqual({ pgd: 1536, pmd: 512 });
    expect(nestedIndices(13, vpte).pgd).toBe(1024);
  });
});
