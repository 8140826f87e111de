import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NR_DIRECT, VectorGeometry } from '../src/geometry.js';

/** Entries of an index page and the first index that no file has (generic-mm 14.1). */
const MAX_INDEX: readonly (readonly [pageSize: number, wordBytes: number, entries: number, maxIndex: number])[] = [
  [4096, 8, 512, 67_239_952],
  [4096, 4, 1024, 537_395_216],
  [16384, 8, 2048, 4_297_064_464],
  [65536, 8, 8192, 274_911_461_392],
];

describe.each(MAX_INDEX)('pages of %i bytes, words of %i', (pageSize, wordBytes, entries, maxIndex) => {
  const geometry = new VectorGeometry(pageSize, wordBytes);
  const half = entries / 2;

  test('has the entries and the limit of the reference', () => {
    expect([geometry.entries, geometry.maxIndex]).toEqual([entries, maxIndex]);
  });

  test('every index has one way down the tree, and the way leads back to it', () => {
    fc.assert(
      fc.property(fc.integer({ min: NR_DIRECT, max: maxIndex - 1 }), (index) => {
        const leaf = geometry.leafOf(index);
        const slot = geometry.slotOf(index);
        const [top, middle] = [geometry.topSlot(leaf), geometry.middleSlot(leaf)];
        expect(geometry.firstOfLeaf(leaf) + slot).toBe(index);
        expect([slot < entries, top < entries, middle < entries, middle >= 0]).toEqual([true, true, true, top >= half]);
        const { first, count } = geometry.leavesBelow(top);
        expect(first + Math.max(middle, 0)).toBe(leaf);
        expect(count).toBe(top < half ? 1 : entries);
      }),
    );
  });

  test('the last index lies in the last slot of everything', () => {
    const leaf = geometry.leafOf(maxIndex - 1);
    expect([geometry.slotOf(maxIndex - 1), geometry.topSlot(leaf), geometry.middleSlot(leaf)]).toEqual(
      new Array(3).fill(entries - 1),
    );
  });

  test('the zones meet: the last leaf below the top page, the first below a middle page', () => {
    expect([geometry.topSlot(half - 1), geometry.middleSlot(half - 1)]).toEqual([half - 1, -1]);
    expect([geometry.topSlot(half), geometry.middleSlot(half)]).toEqual([half, 0]);
    expect([geometry.topSlot(half + entries), geometry.middleSlot(half + entries)]).toEqual([half + 1, 0]);
  });
});
