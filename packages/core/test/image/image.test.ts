/** The bytes of an image are those of the machine, in its own order. */
import { expect, test } from 'vitest';
import { dumpFrames, imageOf } from '../../src/image/image.js';
import { PhysicalMemory } from '../../src/memory/physical.js';

const BANKS = [
  { base: 0, size: 4 * 4096 },
  { base: 0x10_0000, size: 4096 },
];

test.each([
  ['little', false, [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88], 0x8877_6655_4433_2211n, 0x4433_2211n],
  ['big', true, [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88], 0x1122_3344_5566_7788n, 0x1122_3344n],
] as const)('%s-endian words and bytes', (_order, isBig, bytes, wide, narrow) => {
  const memory = new PhysicalMemory(12, BANKS, isBig);
  for (const [i, byte] of bytes.entries()) memory.storeByte(2, 8 + i, byte);
  const image = imageOf(memory);
  expect([image.read(0x2008n, 8), image.read(0x2008n, 4)]).toEqual([wide, narrow]);
  expect([...dumpFrames(memory)].map(({ pa, bytes: frame }) => [pa, [...frame.subarray(8, 16)]])).toEqual([
    [0x2000, [...bytes]],
  ]);
});

test('frames of later banks lie at their own addresses; where there is no memory there is nothing', () => {
  const memory = new PhysicalMemory(12, BANKS, false);
  memory.storeByte(4, 0, 7);
  const image = imageOf(memory);
  expect(image.read(0x10_0000n, 4)).toBe(7n);
  expect(image.read(0x1000n, 8)).toBe(0n);
  for (const nowhere of [0x4000n, 0x20_0000n, 1n << 60n]) expect(image.read(nowhere, 4)).toBeNull();
  expect([...dumpFrames(memory)].map(({ pa }) => pa)).toEqual([0x10_0000]);
});
