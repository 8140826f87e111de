/** Units that take some page sizes only: each size has its own first level, and the sizes never push each other out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TlbShape } from '../../src/arch/mmu-data.js';
import { MmError } from '../../src/errors.js';
import { RIGHT_LOAD } from '../../src/tlb/record.js';
import { checkShape, unitsFor } from '../../src/tlb/shape.js';
import { Tlb } from '../../src/tlb/tlb.js';

/** log2 of the base pages of a large page here. */
const SPAN = 10;
const PAGE_SHIFT = 12;
const LARGE = PAGE_SHIFT + SPAN;

/** Separate arrays, with a second level that takes base pages alone; an odd number of sets in the large one. */
const SEPARATE: TlbShape = {
  pageShift: PAGE_SHIFT,
  units: [
    { name: 'small', sets: 4, ways: 2, largest: PAGE_SHIFT },
    { name: 'large', sets: 3, ways: 2, smallest: LARGE },
    { name: 'second', sets: 8, ways: 2, largest: PAGE_SHIFT },
  ],
  exec: [0, 1, 2],
  data: [0, 1, 2],
};
/** As before, but large pages have a second level too, of many ways. */
const BOTH_LEVELS: TlbShape = {
  pageShift: PAGE_SHIFT,
  units: [
    { name: 'small', sets: 4, ways: 2, largest: PAGE_SHIFT },
    { name: 'large', sets: 2, ways: 1, smallest: LARGE },
    { name: 'second', sets: 1, ways: 12 },
    { name: 'second large', sets: 2, ways: 9, smallest: LARGE },
  ],
  exec: [0, 1, 2],
  data: [0, 1, 3],
};
const SHAPES = { SEPARATE, BOTH_LEVELS };

const LOAD = 1;

function fillSmall(tlb: Tlb, page: number): number {
  return tlb.fill(LOAD, 0, page, 0, page + 1, RIGHT_LOAD, 0, 0);
}

/** Fills the large page that a page lies in, by that page. */
function fillLarge(tlb: Tlb, page: number): number {
  return tlb.fill(LOAD, 0, page, 0, page & (-1 << SPAN), RIGHT_LOAD, 0, SPAN);
}

describe('each size has a first level of its own', () => {
  test('a large page is found under each of its pages, in the unit for large ones, which is its first level', () => {
    const tlb = new Tlb(SEPARATE);
    const slot = fillLarge(tlb, 5 * 1024 + 7);
    for (const page of [5 * 1024, 5 * 1024 + 7, 5 * 1024 + 1023]) {
      expect([tlb.find(LOAD, 0, page, 0), tlb.secondLevelHit]).toEqual([slot, 0]);
    }
    expect([tlb.find(LOAD, 0, 4 * 1024 + 1023, 0), tlb.find(LOAD, 0, 6 * 1024, 0)]).toEqual([-1, -1]);
    expect(slot).toBeGreaterThanOrEqual(8);
    expect(slot).toBeLessThan(14);
  });

  test('neighbouring large pages lie in different sets', () => {
    const tlb = new Tlb(SEPARATE);
    const pages = [0, 1, 2, 3, 4, 5].map((n) => n * 1024);
    for (const page of pages) fillLarge(tlb, page);
    expect(pages.filter((page) => tlb.find(LOAD, 0, page, 0) < 0)).toEqual([]);
  });

  test('small pages do not push out large ones, nor large ones small ones', () => {
    const tlb = new Tlb(SEPARATE);
    const large = fillLarge(tlb, 1024);
    for (let page = 0; page < 100; page++) fillSmall(tlb, 8192 + page);
    expect(tlb.find(LOAD, 0, 1025, 0)).toBe(large);
    const small = fillSmall(tlb, 8192);
    for (let n = 2; n < 7; n++) fillLarge(tlb, n * 1024);
    expect(tlb.find(LOAD, 0, 8192, 0)).toBe(small);
  });

  test('a large page that fell out of its only unit is gone; with a second level it comes back from there', () => {
    for (const [shape, found] of [
      [SEPARATE, [false, 0]],
      [BOTH_LEVELS, [true, 1]],
    ] as const) {
      const tlb = new Tlb(shape);
      for (const n of [0, 6, 12]) fillLarge(tlb, n * 1024);
      expect([tlb.find(LOAD, 0, 3, 0) >= 0, tlb.secondLevelHit]).toEqual(found);
      if (found[0]) expect([tlb.find(LOAD, 0, 4, 0) >= 0, tlb.secondLevelHit]).toEqual([true, 0]);
    }
  });

  test('a page is dropped from the units of its own size and of any other that could hold it', () => {
    const tlb = new Tlb(BOTH_LEVELS);
    fillLarge(tlb, 2048);
    fillSmall(tlb, 5000);
    expect(tlb.wideSlots).toBe(2);
    expect(tlb.dropPage(0, 5000, 0)).toBe(1);
    expect(tlb.dropPage(0, 2050, 0)).toBe(2);
    expect([tlb.wideSlots, tlb.find(LOAD, 0, 2048, 0)]).toEqual([0, -1]);
  });
});

describe.each(Object.entries(SHAPES))('%s', (_name, shape) => {
  test('what is found was filled and not dropped since', () => {
    const page = fc.oneof(
      fc.nat(40),
      fc.nat(12).map((n) => n * 1024 + 3),
    );
    const step = fc.tuple(fc.constantFrom('small', 'large', 'find', 'find', 'drop', 'dropAll'), page);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const tlb = new Tlb(shape);
        // Pages from 20 large pages up are small.
        const small = new Set<number>();
        const large = new Set<number>();
        for (const [what, at] of steps) {
          const far = 20 * 1024 + at;
          if (what === 'small' && tlb.find(LOAD, 0, far, 0) < 0) {
            fillSmall(tlb, far);
            small.add(far);
          } else if (what === 'large' && tlb.find(LOAD, 0, at, 0) < 0) {
            fillLarge(tlb, at);
            large.add(at >> SPAN);
          } else if (what === 'drop') {
            for (const gone of [at, far]) tlb.dropPage(0, gone, 0);
            small.delete(far);
            large.delete(at >> SPAN);
            expect([tlb.find(LOAD, 0, at, 0), tlb.find(LOAD, 0, far, 0)]).toEqual([-1, -1]);
          } else if (what === 'dropAll') {
            tlb.dropAll(false);
            small.clear();
            large.clear();
            expect(tlb.wideSlots).toBe(0);
          }
          const slots = [tlb.find(LOAD, 0, at, 0), tlb.find(LOAD, 0, far, 0)] as const;
          if (slots[0] >= 0) expect([large.has(at >> SPAN), tlb.frameOf(slots[0])]).toEqual([true, at & (-1 << SPAN)]);
          if (slots[1] >= 0) expect([small.has(far), tlb.frameOf(slots[1])]).toEqual([true, far + 1]);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a shape says what it is', () => {
  test('the units for a size, first level first', () => {
    expect(unitsFor(SEPARATE, SEPARATE.data, PAGE_SHIFT)).toEqual([0, 2]);
    expect(unitsFor(SEPARATE, SEPARATE.data, LARGE)).toEqual([1]);
    expect(unitsFor(BOTH_LEVELS, BOTH_LEVELS.exec, LARGE)).toEqual([1, 2]);
  });

  const unit = { name: 'u', sets: 1, ways: 8 };
  const refused: [string, TlbShape, RegExp][] = [
    ['no ways', { units: [{ ...unit, ways: 0 }], exec: [0], data: [0] }, /sets and ways from 1 on in unit u/],
    ['half a set', { units: [{ ...unit, sets: 1.5 }], exec: [0], data: [0] }, /got 1\.5 and 8/],
    ['too many slots', { units: [{ ...unit, sets: 8192 }], exec: [0], data: [0] }, /at most 32767 slots/],
    ['a unit that is not there', { units: [unit], exec: [0], data: [1] }, /below 1 for data, got 1/],
    ['an empty chain', { units: [unit], exec: [], data: [0] }, /a unit for exec that takes pages of 2\^12 bytes/],
    ['no unit for large pages', { units: [{ ...unit, largest: 12 }], exec: [0], data: [0] }, /2\^22 bytes/],
    [
      'sizes the wrong way round',
      { units: [{ ...unit, smallest: 22, largest: 12 }], exec: [0], data: [0] },
      /got 22 and 12/,
    ],
    ['large pages first', { units: [{ ...unit, smallest: 22 }, unit], exec: [0, 1], data: [1] }, /first unit for exec/],
  ];
  test.each(refused)('%s is refused', (_what, shape, message) => {
    expect(() => checkShape(shape, [PAGE_SHIFT, LARGE])).toThrow(message);
    expect(() => checkShape(shape, [PAGE_SHIFT, LARGE])).toThrow(MmError);
  });
});
