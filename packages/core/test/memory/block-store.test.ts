/** Blocks against the bytes they should hold: frames in and out, cut at any byte, in both byte orders. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockStore } from '../../src/memory/block-store.js';
import { PhysicalMemory } from '../../src/memory/physical.js';

const PAGE = 4096;
const BLOCKS = 4;

const step = fc.oneof(
  fc.tuple(fc.constant('fill' as const), fc.nat(BLOCKS - 1), fc.integer({ min: 1, max: 255 })),
  fc.tuple(fc.constant('zero' as const), fc.nat(BLOCKS - 1), fc.constant(0)),
  fc.tuple(fc.constant('truncate' as const), fc.nat(BLOCKS * PAGE), fc.constant(0)),
);

test.each([
  ['little-endian', false],
  ['big-endian', true],
] as const)('%s: every byte comes back, and what was cut off reads as zero', (_name, bigEndian) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const memory = new PhysicalMemory(12, [{ base: 0, size: 16 * PAGE }], bigEndian);
      const store = new BlockStore();
      const bytes = new Uint8Array(BLOCKS * PAGE);
      const [page, other] = [3, 5];
      for (const [what, n, value] of steps) {
        if (what === 'fill') {
          for (let i = 0; i < PAGE; i++) {
            bytes[n * PAGE + i] = (i & 3) + value;
            memory.storeByte(page, i, (i & 3) + value);
          }
          store.write(memory, page, n);
          // The store keeps a copy, not the frame.
          memory.storeByte(page, 9, 0);
        } else if (what === 'zero') {
          memory.dropContents(page);
          store.write(memory, page, n);
          bytes.fill(0, n * PAGE, (n + 1) * PAGE);
        } else {
          store.truncate(memory, n);
          bytes.fill(0, n);
        }
      }
      for (let block = 0; block < BLOCKS; block++) {
        memory.storeByte(other, 17, 99); // of whoever had the frame before
        store.read(memory, other, block);
        const found = memory.read(memory.pageToPfn(other) * PAGE, PAGE);
        expect(Buffer.compare(found, bytes.subarray(block * PAGE, (block + 1) * PAGE)), `block ${block}`).toBe(0);
      }
      memory.check();
    }),
  );
});

test('a block counts as written though it is zero, until it is cut off', () => {
  const memory = new PhysicalMemory(12, [{ base: 0, size: 16 * PAGE }], false);
  const store = new BlockStore();
  store.write(memory, 1, 0);
  store.write(memory, 1, 7);
  expect([...store.written()]).toEqual([0, 7]);
  store.truncate(memory, 7 * PAGE);
  expect([...store.written()]).toEqual([0]);
});
