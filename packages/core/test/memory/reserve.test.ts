import { expect, test } from 'vitest';
import { testKernel } from '../support/test-kernel.js';

test('frames reserved at boot are the highest that fit, aligned, in a row, and never come back', () => {
  const k = testKernel();
  const free = k.pages.freePages;
  const first = k.reserve(3);
  expect(first % 8).toBe(0);
  expect(first).toBe(k.memory.nrPages - 8);
  expect(k.reserve(0)).toBe(first - 1);
  expect(k.pages.freePages).toBe(free - 9);
  for (let i = 0; i < 8; i++) {
    expect(k.memory.slot[first + i]).toBe((k.memory.slot[first] as number) + i * k.memory.pageWords);
  }
  expect(() => k.pages.free(first, 3)).toThrow('bad page');
  for (const zone of k.pages.zones) expect(zone.recountFree()).toBe(zone.freePages);
});

test('a reservation above the largest buddy block joins blocks', () => {
  const k = testKernel();
  const free = k.pages.freePages;
  const first = k.reserve(11);
  expect([first, k.pages.freePages]).toEqual([2048, free - 2048]);
  expect(k.reserve(11)).toBe(-1); // the zero page is in the other half
  expect(k.pages.freePages).toBe(free - 2048);
  for (const zone of k.pages.zones) expect(zone.recountFree()).toBe(zone.freePages);
});
