import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { ERRNO } from '../../src/errors.js';
import { onCall } from '../../src/events/injection.js';
import { MAP_FIXED, MAP_LOCKED, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { MREMAP_FIXED, MREMAP_MAYMOVE } from '../../src/vma/mremap.js';
import { areasOf, checkAreas } from '../support/areas.js';
import { PAGE_SIZE, PMD_PAGES, TASK_PAGES, testArch } from '../support/test-arch.js';
import { openTest, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

const MOVE = MREMAP_MAYMOVE;
const TO = MREMAP_MAYMOVE | MREMAP_FIXED;
const BASE = TASK_PAGES / 4;

function process(defectsKept = false): TestProcess {
  return new TestProcess(testKernel(testArch(), { defectsKept }));
}

function fill(p: TestProcess, start: number, pages: number): void {
  for (let i = 0; i < pages; i++) p.store(start + i, i + 1);
}

function firstBytes(p: TestProcess, start: number, pages: number): number[] {
  return Array.from({ length: pages }, (_, i) => p.load(start + i));
}

function checkAll(p: TestProcess): void {
  checkAreas(p.k);
  expect(audit(p.k)).toEqual([]);
}

test('grows in place up to the neighbour, then only by moving', () => {
  const p = process();
  p.anon(100, 2);
  p.anon(105, 1, 1);
  fill(p, 100, 2);
  expect(p.mremap(100, 2, 5)).toBe(100);
  expect(p.mremap(100, 5, 6)).toBe(-ERRNO.ENOMEM);
  expect(p.k.committed).toBe(5);
  const faults = p.minFlt;
  expect(p.mremap(100, 5, 6, MOVE)).toBe(BASE);
  expect(firstBytes(p, BASE, 2)).toEqual([1, 2]);
  expect(p.minFlt).toBe(faults);
  expect(areasOf(p.mm)).toEqual(['105+1 r--p@105', `${BASE}+6 rw-p@100`]);
  checkAll(p);
});

test('shrinks by unmapping the tail, whatever is there', () => {
  const p = process();
  p.anon(100, 6);
  fill(p, 100, 6);
  expect(p.mremap(100, 6, 2)).toBe(100);
  expect(areasOf(p.mm)).toEqual(['100+2 rw-p@100']);
  expect(p.mm.anonRss).toBe(2);
  checkAll(p);
});

test('a move carries entries over: no copy, no count, frames and tables follow', () => {
  const p = process();
  const { k, mm } = p;
  p.anon(PMD_PAGES - 2, 4);
  fill(p, PMD_PAGES - 2, 4);
  const rss = mm.rss;
  const copied = k.counters.get('pagesCopied');
  const to = 5 * PMD_PAGES - 1;
  expect(p.mremap(PMD_PAGES - 2, 4, 4, TO, to)).toBe(to);
  expect(firstBytes(p, to, 4)).toEqual([1, 2, 3, 4]);
  expect([mm.rss, k.counters.get('pagesCopied'), mm.nrPtes]).toEqual([rss, copied, 2]);
  expect(p.load(PMD_PAGES - 2)).toBeLessThan(0);
  expect(areasOf(mm)).toEqual([`${to}+4 rw-p@${PMD_PAGES - 2}`]);
  checkAll(p);
});

test('moving the middle leaves both ends charged', () => {
  const p = process();
  p.anon(100, 9);
  fill(p, 100, 9);
  expect(p.mremap(103, 3, 4, TO, 300)).toBe(300);
  expect(areasOf(p.mm)).toEqual(['100+3 rw-p@100', '106+3 rw-p@106', '300+4 rw-p@103']);
  expect(firstBytes(p, 300, 4)).toEqual([4, 5, 6, 0]);
  expect(p.k.committed).toBe(10);
  expect(p.mm.hiwaterVm).toBeLessThanOrEqual(10);
  checkAll(p);
});

test('what was at a fixed destination goes first', () => {
  const p = process();
  p.anon(100, 2);
  p.anon(300, 6);
  fill(p, 100, 2);
  fill(p, 300, 6);
  expect(p.mremap(100, 2, 2, TO, 302)).toBe(302);
  expect(firstBytes(p, 300, 6)).toEqual([1, 2, 1, 2, 5, 6]);
  checkAll(p);
});

test('untouched memory is renumbered and may join its old neighbours', () => {
  const p = process();
  p.anon(100, 4);
  expect(p.mremap(100, 4, 4, TO, 200)).toBe(200);
  expect(areasOf(p.mm)).toEqual(['200+4 rw-p@200']);
  p.anon(100, 2);
  expect(p.mremap(100, 2, 2, TO, 204)).toBe(204);
  expect(areasOf(p.mm)).toEqual(['200+6 rw-p@200']);
  // Into the gap in front of itself: the new place merges with the source.
  expect(p.mremap(204, 2, 2, TO, 198)).toBe(198);
  expect(areasOf(p.mm)).toEqual(['198+6 rw-p@198']);
  checkAll(p);
});

test('old length 0 maps a shared file a second time and keeps the first', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 8));
  p.mmap(100, 4, 3, MAP_SHARED | MAP_FIXED, file, 2);
  p.store(100, 9);
  expect(p.mremap(100, 0, 3, MOVE)).toBe(BASE);
  expect(p.load(BASE)).toBe(9);
  expect(areasOf(p.mm)).toEqual(['100+4 rw-s@2', `${BASE}+3 rw-s@2`]);
  expect(file.refs).toBe(3);
  checkAll(p);
});

test('old length 0 of private memory costs the old area its charge, as the kernel has it', () => {
  const p = process();
  p.anon(100, 4);
  expect(p.mremap(100, 0, 3, MOVE)).toBe(BASE);
  expect(p.k.committed).toBe(3);
  checkAll(p);
});

test('locked memory stays locked, its new tail is present, and limits are asked first', () => {
  const p = process();
  p.anon(100, 4, 3, MAP_LOCKED);
  expect(p.mremap(100, 4, 6)).toBe(100);
  expect([p.mm.lockedVm, p.mm.anonRss]).toEqual([6, 6]);
  expect(p.mremap(100, 6, 8, TO, 300)).toBe(300);
  expect([p.mm.lockedVm, p.mm.anonRss]).toEqual([8, 8]);
  p.mm.capIpcLock = false;
  p.mm.rlimits.memlock = 8 * PAGE_SIZE;
  expect(p.mremap(300, 8, 9)).toBe(-ERRNO.EAGAIN);
  p.mm.rlimits.memlock = 100 * PAGE_SIZE;
  p.mm.rlimits.as = 8 * PAGE_SIZE;
  expect(p.mremap(300, 8, 9)).toBe(-ERRNO.ENOMEM);
  expect(p.mremap(300, 8, 8)).toBe(300);
  checkAll(p);
});

test('D19: a refused charge is ENOMEM; originally the errno of the test before', () => {
  for (const [kept, flags, expected] of [
    [false, 0, ERRNO.ENOMEM],
    [true, 0, ERRNO.EFAULT],
    [true, MAP_LOCKED, ERRNO.EAGAIN],
  ] as const) {
    const p = process(kept);
    p.anon(100, 2, 3, flags);
    p.k.overcommit = 2;
    p.k.overcommitRatio = 0;
    expect(p.mremap(100, 2, 4)).toBe(-expected);
    expect(p.k.committed).toBe(2);
    checkAll(p);
  }
});

test('without memory for a table everything goes back to where it was', () => {
  const p = process();
  p.anon(PMD_PAGES - 2, 4);
  fill(p, PMD_PAGES - 2, 4);
  const before = areasOf(p.mm);
  // The first destination table is made, the second is not.
  for (const failAt of [1, 2]) {
    p.k.inject.failPage = onCall(failAt);
    const result = p.mremap(PMD_PAGES - 2, 4, 6, TO, 20 * PMD_PAGES - 2);
    p.k.inject.failPage = null;
    expect(result).toBe(-ERRNO.ENOMEM);
    expect(areasOf(p.mm)).toEqual(before);
    expect(firstBytes(p, PMD_PAGES - 2, 4)).toEqual([1, 2, 3, 4]);
    expect(p.k.committed).toBe(4);
    checkAll(p);
  }
});

test('three areas short of the limit a move is refused, growth in place is not', () => {
  const p = process();
  p.anon(100, 2);
  p.k.maxMapCount = 4;
  expect(p.mremap(100, 2, 2, TO, 200)).toBe(-ERRNO.ENOMEM);
  expect(p.mremap(100, 2, 4)).toBe(100);
  p.k.maxMapCount = 5;
  expect(p.mremap(100, 4, 4, TO, 200)).toBe(200);
  checkAll(p);
});
