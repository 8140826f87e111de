/** unmap_mapping_range in pieces: restart addresses, areas done, counts that are never used. */
import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { SteppedOp } from '../../src/smp/driver.js';
import { MAP_FIXED, MAP_PRIVATE, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { unmapMappingRange } from '../../src/zap/unmap-mapping.js';
import { PAGE_SIZE, testArch } from '../support/test-arch.js';
import { openTest, run, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

const PAGES = 30;

/** A preemptible kernel, in which a file of 30 pages is mapped shared at 100 and private at 200, all pages touched. */
function setUp(wordBits: 32 | 64 = 64) {
  const p = new TestProcess(testKernel(testArch({}, { wordBits }), { preempt: true }));
  const inode = testFile(p.k, 'f', PAGES);
  const file = openTest(inode);
  p.mmap(100, PAGES, 3, MAP_SHARED | MAP_FIXED, file);
  p.mmap(200, PAGES, 3, MAP_PRIVATE | MAP_FIXED, file);
  for (let n = 0; n < PAGES; n++) {
    p.store(100 + n, 1);
    p.load(200 + n);
  }
  p.store(205, 2);
  const area = (vpn: number) => p.mm.vmas.containing(vpn)!;
  return { p, k: p.k, inode, space: inode.mapping, area };
}

test('an unmap that others wait for stops after eight pages, and goes on where it stopped', () => {
  const { p, k, space, area } = setUp();
  k.inject.needLockbreak = () => true;
  const op = new SteppedOp('unmap', unmapMappingRange(k, space, 4, Infinity, true));
  const reached: number[] = [];
  while (!op.done) {
    op.step();
    if (op.done) break;
    expect(space.lock.held).toBe(false);
    reached.push(area(100).truncateCount / PAGE_SIZE);
    if (reached.length === 3) break;
  }
  // Pages 4 to 29 in blocks of 8: restart addresses as long as the area is not done.
  expect(reached).toEqual([112, 120, 128]);
  expect(p.mm.fileRss).toBe(PAGES - 24 + PAGES - 1);
  while (!op.done) op.step();
  expect([area(100).truncateCount, area(200).truncateCount]).toEqual([space.truncateCount, space.truncateCount]);
  expect([p.mm.fileRss, p.mm.anonRss]).toEqual([8, 0]);
  expect(audit(k)).toEqual([]);
});

test('undisturbed, or where nobody preempts, it is one step', () => {
  for (const preempt of [true, false]) {
    const { p, k, space } = setUp();
    if (!preempt) k.inject.needLockbreak = () => false;
    const op = new SteppedOp('unmap', unmapMappingRange(k, space, 0, Infinity, true));
    op.step();
    expect([op.done, p.mm.rss]).toEqual([true, 0]);
  }
});

test('private copies stay unless they are asked for too', () => {
  const { p, k, space } = setUp();
  run(unmapMappingRange(k, space, 0, Infinity, false));
  expect([p.mm.fileRss, p.mm.anonRss]).toEqual([0, 1]);
  run(unmapMappingRange(k, space, 5, 6, true));
  expect(p.mm.rss).toBe(0);
  expect(audit(k)).toEqual([]);
});

test('what was split off while it paused is not forgotten, and a cut-off rest is done', () => {
  for (const cut of [110, 118, 124]) {
    const { p, k, space } = setUp();
    k.inject.needLockbreak = () => true;
    const op = new SteppedOp('unmap', unmapMappingRange(k, space, 0, Infinity, true));
    op.step();
    op.step();
    expect(p.mprotect(cut, 3, 1)).toBe(0);
    expect(p.munmap(128, 2)).toBe(0);
    while (!op.done) op.step();
    expect(p.mm.rss).toBe(0);
    expect(audit(k)).toEqual([]);
  }
});

test('a move while it paused cannot carry pages past it', () => {
  const { p, k, space } = setUp();
  k.inject.needLockbreak = () => true;
  const op = new SteppedOp('unmap', unmapMappingRange(k, space, 0, Infinity, true));
  op.step();
  // The new place is an area that the truncation has not seen, or has done already.
  expect(p.mremap(110, 10, 10, 3, 400)).toBe(400);
  while (!op.done) op.step();
  expect(p.mm.rss).toBe(0);
  expect(audit(k)).toEqual([]);
});

test('counts that look like restart addresses are passed over, and a wrap makes every area new', () => {
  const { k, space, area } = setUp(32);
  space.truncateCount = PAGE_SIZE - 1;
  run(unmapMappingRange(k, space, 0, 1, true));
  expect(space.truncateCount).toBe(PAGE_SIZE + 1);
  space.truncateCount = 2 ** 32 - 1;
  area(200).truncateCount = 77;
  run(unmapMappingRange(k, space, 0, 1, true));
  expect(space.truncateCount).toBe(1);
  expect([area(100).truncateCount, area(200).truncateCount]).toEqual([1, 1]);
});

test('a pte lock that is held lets the file go meanwhile', () => {
  const { p, k, space } = setUp();
  expect(p.mm.pageTableLock.tryLock()).toBe(true);
  const op = new SteppedOp('unmap', unmapMappingRange(k, space, 0, Infinity, true));
  op.step();
  expect([op.done, op.runnable, space.lock.held, k.gather.isOpen]).toEqual([false, false, false, false]);
  p.mm.pageTableLock.unlock();
  while (!op.done) op.step();
  expect([p.mm.rss, audit(k)]).toEqual([0, []]);
});
