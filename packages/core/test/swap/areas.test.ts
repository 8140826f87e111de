/** Swap areas: which slot is taken next, how often slots are referred to, and the machine's word for an entry. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SWAP_MAP_MAX, type SwapArea } from '../../src/swap/area.js';
import { pteToSwapEntry, swapEntry, swapOffset, swapPteHi, swapPteLo, swapType } from '../../src/swap/entry.js';
import { getSwapPage, swapCount, swapDuplicate, swapFree } from '../../src/swap/swap.js';
import { swapOn } from '../../src/swap/swapon.js';
import { testArch } from '../support/test-arch.js';
import { testKernel } from '../support/test-kernel.js';

test('slots are handed out in a row, the header never, and none when all are taken', () => {
  const k = testKernel();
  expect(swapOn(k, 5)).toBe(0);
  expect([1, 2, 3, 4].map(() => swapOffset(getSwapPage(k)))).toEqual([1, 2, 3, 4]);
  expect([getSwapPage(k), k.swap.free, k.swap.total]).toEqual([0, 0, 4]);
});

test('a freed slot is found again when the search comes round', () => {
  const k = testKernel();
  swapOn(k, 6);
  const entries = [1, 2, 3, 4, 5].map(() => getSwapPage(k));
  swapFree(k, entries[3] as number);
  swapFree(k, entries[1] as number);
  expect([swapOffset(getSwapPage(k)), swapOffset(getSwapPage(k)), getSwapPage(k)]).toEqual([2, 4, 0]);
});

test('a higher priority is used up first, equal ones in turn', () => {
  const k = testKernel();
  swapOn(k, 4, 1);
  swapOn(k, 4, 7);
  swapOn(k, 4, 7);
  const types = Array.from({ length: 9 }, () => swapType(getSwapPage(k)));
  expect(types).toEqual([1, 2, 1, 2, 1, 2, 0, 0, 0]);
});

test('areas that ask for no priority come one below the other', () => {
  const k = testKernel();
  for (let i = 0; i < 3; i++) swapOn(k, 4);
  expect(k.swap.order.map((area) => [area.type, area.prio])).toEqual([
    [0, -1],
    [1, -2],
    [2, -3],
  ]);
});

test('every 256 slots a free run of 256 is looked for', () => {
  const k = testKernel();
  swapOn(k, 2000);
  const entries = Array.from({ length: 256 }, () => getSwapPage(k));
  expect(swapOffset(entries[255] as number)).toBe(256);
  for (const at of [10, 20, 30]) swapFree(k, entries[at] as number);
  // The holes stay: the next cluster begins behind the used slots.
  expect(swapOffset(getSwapPage(k))).toBe(257);
});

test.each([
  [false, 299],
  [true, 297],
] as const)('D20 (kept: %s): a cluster is begun at its first slot, or two before it', (defectsKept, expected) => {
  const k = testKernel(testArch(), { defectsKept });
  swapOn(k, 2000);
  const entries = Array.from({ length: 298 }, () => getSwapPage(k));
  // Slot 297 is free, 298 is not: the first run of 256 begins at 299. Then the cluster in hand is used up.
  swapFree(k, entries[296] as number);
  const area = k.swap.areas[0] as SwapArea;
  for (let left = 512 - 298; left > 0; left--) swapFree(k, getSwapPage(k));
  area.lowestBit = 297;
  expect(swapOffset(getSwapPage(k))).toBe(expected);
});

test('references are counted, saturate, and never go below what they were', () => {
  const k = testKernel();
  swapOn(k, 8);
  const entry = getSwapPage(k);
  expect([swapDuplicate(k, entry), swapCount(k, entry)]).toEqual([true, 2]);
  expect([swapFree(k, entry), swapFree(k, entry), swapCount(k, entry)]).toEqual([1, 0, 0]);
  expect([swapDuplicate(k, entry), swapDuplicate(k, swapEntry(5, 1)), swapDuplicate(k, swapEntry(0, 0))]).toEqual([
    false,
    false,
    false,
  ]);
  expect(() => swapFree(k, entry)).toThrow(/freed with count 0/);
  const sticky = getSwapPage(k);
  for (let i = 0; i < SWAP_MAP_MAX + 3; i++) swapDuplicate(k, sticky);
  expect([swapCount(k, sticky), swapFree(k, sticky), swapCount(k, sticky)]).toEqual(Array(3).fill(SWAP_MAP_MAX));
});

describe('random takes and frees', () => {
  test('agree with a set of free slots', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 200, size: 'max' }), (steps) => {
        const k = testKernel(testArch(), {}, 64);
        swapOn(k, 40);
        const taken: number[] = [];
        for (const step of steps) {
          if (step < 6) {
            const entry = getSwapPage(k);
            expect(entry === 0).toBe(taken.length === 39);
            expect(taken).not.toContain(entry);
            if (entry !== 0) taken.push(entry);
          } else if (taken.length > 0) {
            swapFree(k, taken.splice(step % taken.length, 1)[0] as number);
          }
          expect([k.swap.free, k.swap.areas[0]?.inuse]).toEqual([39 - taken.length, taken.length]);
        }
      }),
    );
  });
});

test("an entry survives the way through the machine's word", () => {
  const f = testArch().pteFormat;
  const bits = Math.min(26, f.swapOffset.bits);
  fc.assert(
    fc.property(fc.nat(31), fc.integer({ min: 1, max: 2 ** bits - 1 }), (type, offset) => {
      const entry = swapEntry(type, offset);
      const [hi, lo] = [swapPteHi(f, entry), swapPteLo(f, entry)];
      expect([f.isPresent(hi, lo), f.isFile(hi, lo), f.isNone(hi, lo)]).toEqual([false, false, false]);
      expect(pteToSwapEntry(f, hi, lo)).toBe(entry);
    }),
  );
});
