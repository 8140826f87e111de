import { describe, expect, test } from 'vitest';
import { ORIGIN, VECTORS_4K, VECTORS_64K, VECTORS_HASH } from './vectors.js';

describe.each([
  ['4 KiB pages', VECTORS_4K],
  ['64 KiB pages', VECTORS_64K],
  ['VSID, SLB, hash table, huge pages', VECTORS_HASH],
] as const)(`%s (${ORIGIN})`, (_group, vectors) => {
  for (const v of vectors) test(`vector ${v.number}: ${v.what}`, () => expect(v.got()).toEqual(v.want));
});
