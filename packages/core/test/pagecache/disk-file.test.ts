/** read(2) and write(2) of disk files through the page cache, with less memory than the file is long. */
import { expect, test } from 'vitest';
import { DiskFile } from '../../src/pagecache/disk-file.js';
import { runToEnd } from '../../src/smp/driver.js';
import { PAGE_SIZE, testArch } from '../support/test-arch.js';
import { testKernel } from '../support/test-kernel.js';

test('a file of several times the memory is written and read in pieces that fit no page', () => {
  const k = testKernel(testArch(), {}, 128);
  const file = new DiskFile(k, 'f', { size: 0 });
  const length = 500 * PAGE_SIZE + 123;
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 12)) & 255);
  const piece = 3 * PAGE_SIZE - 7;
  for (let at = 0; at < length; at += piece) {
    const part = bytes.subarray(at, at + piece);
    expect(runToEnd(file.write(at, part))).toBe(part.length);
  }
  expect(file.size).toBe(length);
  expect(file.mapping.pages.size).toBeLessThan(128);
  const found = new Uint8Array(length + 50);
  expect(runToEnd(file.read(0, found))).toBe(length);
  expect(Buffer.compare(found.subarray(0, length), bytes)).toBe(0);
  expect(runToEnd(file.read(length, found))).toBe(0);
  // Over what is there, and only that.
  expect(runToEnd(file.write(PAGE_SIZE - 2, Uint8Array.of(1, 2, 3, 4)))).toBe(4);
  bytes.set([1, 2, 3, 4], PAGE_SIZE - 2);
  file.dropCache();
  expect(runToEnd(file.read(0, found))).toBe(length);
  expect(Buffer.compare(found.subarray(0, length), bytes)).toBe(0);
});

test('a read that finds no memory says so, and does not answer zeros', () => {
  const k = testKernel();
  const file = new DiskFile(k, 'f', { size: 2 * PAGE_SIZE });
  file.fillPage(0, 7);
  file.fillPage(1, 8);
  file.dropCache();
  const found = new Uint8Array(2 * PAGE_SIZE);
  k.inject.failPage = () => true;
  expect(runToEnd(file.read(0, found))).toBe(-12);
  let left = 1;
  k.inject.failPage = () => left-- <= 0;
  expect(runToEnd(file.read(0, found))).toBe(PAGE_SIZE);
  k.inject.failPage = null;
  expect([found[0], found[PAGE_SIZE - 1], found[PAGE_SIZE]]).toEqual([7, 7, 0]);
});
