/** What the calls do to page-table entries and the page cache: mprotect, madvise, mlock, msync, mincore, populate. */
import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { ERRNO } from '../../src/errors.js';
import { SEGV_ACCERR } from '../../src/fault/page-fault.js';
import { dupMm } from '../../src/fork/dup-mmap.js';
import type { Op } from '../../src/smp/lock.js';
import { MADV_DOFORK, MADV_DONTFORK, MADV_DONTNEED, MADV_SEQUENTIAL } from '../../src/vma/madvise.js';
import { sysMincore } from '../../src/vma/mincore.js';
import { MCL_CURRENT, MCL_FUTURE, sysMlockall, sysMunlockall } from '../../src/vma/mlock.js';
import type { Mm } from '../../src/vma/mm.js';
import { MAP_FIXED, MAP_LOCKED, MAP_NONBLOCK, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { MS_ASYNC, MS_INVALIDATE, MS_SYNC, sysMsync } from '../../src/vma/msync.js';
import { areasOf, checkAreas } from '../support/areas.js';
import { PGD_PAGES, PTE_DIRTY, PTE_WRITE, TASK_PAGES } from '../support/test-arch.js';
import { openTest, run, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

function process(): TestProcess {
  return new TestProcess(testKernel());
}

function entry(p: TestProcess, vpn: number): number {
  const at = p.k.tables.lookupPage(p.mm, vpn);
  return at === 0 ? 0 : (p.k.memory.words[at] as number);
}

function checkAll(p: TestProcess): void {
  checkAreas(p.k);
  expect(audit(p.k)).toEqual([]);
}

test('mprotect: rights go at once, and come back with a fault that copies nothing', () => {
  const p = process();
  p.anon(100, 3);
  p.store(101, 5);
  p.mprotect(100, 3, 1);
  expect(p.store(101, 6)).toBe(SEGV_ACCERR);
  expect(p.load(101)).toBe(5);
  p.mprotect(100, 3, 3);
  expect(entry(p, 101) & PTE_WRITE).toBe(0);
  const copied = p.k.counters.get('pagesCopied');
  expect(p.store(101, 6)).toBe(0);
  expect(p.k.counters.get('pagesCopied')).toBe(copied);
  p.mprotect(100, 3, 0);
  expect(p.load(101)).toBe(SEGV_ACCERR);
  expect(p.mm.anonRss).toBe(1);
  p.mprotect(100, 3, 3);
  expect(p.load(101)).toBe(6);
  checkAll(p);
});

test('mprotect flushes once, and an empty gigabyte costs no more than its root entries', () => {
  const p = process();
  p.k.overcommit = 1;
  p.anon(PGD_PAGES, TASK_PAGES - 2 * PGD_PAGES);
  p.store(PGD_PAGES, 1);
  const before = p.k.counters.snapshot();
  p.mprotect(PGD_PAGES, TASK_PAGES - 2 * PGD_PAGES, 1);
  const after = p.k.counters.snapshot();
  expect(after.flushRange - before.flushRange).toBe(1);
  expect(after.pteSets - before.pteSets).toBe(1);
  expect(after.rootVisits - before.rootVisits).toBeLessThanOrEqual(TASK_PAGES / PGD_PAGES + 16);
});

test('mprotect charges what becomes writable and never gives it back', () => {
  const p = process();
  p.anon(100, 4, 1);
  expect(p.k.committed).toBe(0);
  p.mprotect(100, 2, 3);
  expect(p.k.committed).toBe(2);
  p.mprotect(100, 2, 1);
  p.mprotect(100, 2, 3);
  expect(p.k.committed).toBe(2);
  p.k.overcommit = 2;
  p.k.overcommitRatio = 0;
  expect(p.mprotect(102, 2, 3)).toBe(-ERRNO.ENOMEM);
  p.k.overcommit = 0;
  p.k.maxMapCount = 2;
  expect(p.mprotect(103, 1, 3)).toBe(-ERRNO.ENOMEM);
  expect(p.k.committed).toBe(2);
  checkAll(p);
});

test('madvise dontneed: private contents vanish, shared ones stay, locked areas refuse', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 4));
  p.anon(100, 4);
  p.mmap(104, 4, 3, MAP_SHARED | MAP_FIXED, file);
  for (let vpn = 100; vpn < 108; vpn++) p.store(vpn, 1);
  expect(p.madvise(101, 6, MADV_DONTNEED)).toBe(0);
  expect([p.mm.anonRss, p.mm.fileRss]).toEqual([1, 1]);
  expect([100, 101, 102, 103].map((vpn) => p.load(vpn))).toEqual([1, 0, 0, 0]);
  expect([104, 105, 106, 107].map((vpn) => p.load(vpn))).toEqual([1, 1, 1, 1]);
  expect(p.k.committed).toBe(4);
  p.store(103, 1);
  p.mlock(103, 1);
  expect(p.madvise(100, 4, MADV_DONTNEED)).toBe(-ERRNO.EINVAL);
  expect(p.load(100)).toBe(0);
  expect(p.load(103)).toBe(1);
  checkAll(p);
});

test('madvise: hints split and join areas; a refused split is EAGAIN', () => {
  const p = process();
  p.anon(100, 6);
  p.madvise(102, 2, MADV_SEQUENTIAL);
  expect(areasOf(p.mm)).toHaveLength(3);
  p.madvise(100, 6, MADV_SEQUENTIAL);
  expect(areasOf(p.mm)).toHaveLength(1);
  p.k.maxMapCount = 1;
  expect(p.madvise(102, 2, 0)).toBe(-ERRNO.EAGAIN);
  checkAll(p);
});

test('madvise dontfork: the child lacks the area until dofork', () => {
  const p = process();
  p.anon(100, 4);
  p.madvise(102, 2, MADV_DONTFORK);
  expect(areasOf(run(dupMm(p.k, p.mm)) as Mm)).toEqual(['100+2 rw-p@100']);
  p.madvise(100, 4, MADV_DOFORK);
  expect(areasOf(run(dupMm(p.k, p.mm)) as Mm)).toEqual(['100+4 rw-p@100']);
  checkAll(p);
});

test('madvise remove drops mmap_sem around the punch and goes on behind it (D4, D15)', () => {
  const p = process();
  const punched: [number, number][] = [];
  const inode = Object.assign(testFile(p.k, 'f', 16), {
    *truncateRange(start: number, end: number): Op<void> {
      expect(p.mm.mmapSem.free).toBe(true);
      punched.push([start / 4096, end / 4096]);
    },
  });
  const file = openTest(inode);
  const other = openTest(inode);
  p.mmap(100, 4, 3, MAP_SHARED | MAP_FIXED, file, 2);
  p.mmap(104, 4, 3, MAP_SHARED | MAP_FIXED, other, 0);
  expect(p.madvise(100, 6, p.k.arch.madvRemove)).toBe(0);
  expect(punched).toEqual([
    [2, 6],
    [0, 2],
  ]);
  expect(p.madvise(107, 2, p.k.arch.madvRemove)).toBe(-ERRNO.ENOMEM);
  expect([file.refs, other.refs]).toEqual([2, 2]);
  checkAll(p);
});

test('mlock makes pages present and splits; munlock joins; nothing counts twice', () => {
  const p = process();
  p.anon(100, 6);
  expect(p.mlock(102, 2)).toBe(0);
  expect([p.mm.lockedVm, p.mm.anonRss, areasOf(p.mm).length]).toEqual([2, 2, 3]);
  expect(p.mlock(100, 6)).toBe(0);
  expect([p.mm.lockedVm, p.mm.anonRss, areasOf(p.mm).length]).toEqual([6, 6, 1]);
  expect(p.mlock(100, 8)).toBe(-ERRNO.ENOMEM);
  expect(p.munlock(103, 3)).toBe(0);
  expect([p.mm.lockedVm, areasOf(p.mm).length]).toEqual([3, 2]);
  checkAll(p);
});

test('mlock of a file beyond its end locks and reports', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 2));
  p.mmap(100, 4, 1, MAP_SHARED | MAP_FIXED, file);
  expect(p.mlock(100, 4)).toBe(-1);
  expect([p.mm.lockedVm, p.mm.fileRss]).toEqual([4, 2]);
  checkAll(p);
});

test('mlockall locks what is there and what comes; munlockall ends both', () => {
  const p = process();
  p.anon(100, 2);
  p.anon(104, 2, 1);
  expect(run(sysMlockall(p.k, p.mm, MCL_CURRENT | MCL_FUTURE))).toBe(0);
  p.anon(110, 3);
  expect([p.mm.lockedVm, p.mm.rss]).toEqual([7, 7]);
  run(sysMunlockall(p.k, p.mm));
  p.anon(120, 3);
  expect(p.mm.lockedVm).toBe(0);
  expect(run(sysMlockall(p.k, p.mm, MCL_FUTURE))).toBe(0);
  expect(p.mm.lockedVm).toBe(0);
  checkAll(p);
});

test('mlockall locks every area although neighbours merge on the way', () => {
  const p = process();
  p.anon(100, 6);
  p.mlock(102, 2);
  expect(areasOf(p.mm)).toHaveLength(3);
  run(sysMlockall(p.k, p.mm, MCL_CURRENT));
  expect([p.mm.lockedVm, areasOf(p.mm).length]).toEqual([6, 1]);
  checkAll(p);
});

test('msync moves dirty bits to the pages, and writes back when asked to wait', () => {
  const p = process();
  const inode = testFile(p.k, 'f', 4);
  const file = openTest(inode);
  p.mmap(100, 4, 3, MAP_SHARED | MAP_FIXED, file);
  p.store(101, 7);
  expect(entry(p, 101) & PTE_DIRTY).not.toBe(0);
  expect(run(sysMsync(p.k, p.mm, p.bytes(100), p.bytes(4), MS_ASYNC))).toBe(0);
  expect(entry(p, 101) & PTE_DIRTY).toBe(0);
  expect(inode.allocatedPages).toBe(1);
  // No CPU may go on storing through a translation that was dirty before.
  p.store(101, 7);
  expect(entry(p, 101) & PTE_DIRTY).not.toBe(0);
  p.store(102, 8);
  expect(entry(p, 102) & PTE_DIRTY).not.toBe(0);
  expect(run(sysMsync(p.k, p.mm, p.bytes(100), p.bytes(4), MS_SYNC))).toBe(0);
  p.munmap(100, 4);
  inode.dropCache();
  expect([inode.readByte(4096), inode.readByte(8192)]).toEqual([7, 8]);
  checkAll(p);
});

test('msync leaves private pages alone and refuses to invalidate locked ones', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 4));
  p.mmap(100, 2, 3, MAP_PRIVATE | MAP_FIXED, file);
  p.store(100, 7);
  expect(run(sysMsync(p.k, p.mm, p.bytes(100), p.bytes(2), MS_SYNC))).toBe(0);
  expect(entry(p, 100) & PTE_DIRTY).not.toBe(0);
  p.mlock(101, 1);
  expect(run(sysMsync(p.k, p.mm, p.bytes(100), p.bytes(2), MS_INVALIDATE))).toBe(-ERRNO.EBUSY);
  checkAll(p);
});

test('mincore asks the page cache; holes take no place in the answer', () => {
  const p = process();
  const inode = testFile(p.k, 'f', 8);
  const file = openTest(inode);
  inode.writeByte(4096, 1);
  p.mmap(100, 3, 1, MAP_SHARED | MAP_FIXED, file);
  p.mmap(105, 2, 1, MAP_SHARED | MAP_FIXED, file, 1);
  p.anon(107, 1);
  const out: number[] = [];
  const ask = (start: number, pages: number): number => {
    out.length = 0;
    return run(sysMincore(p.k, p.mm, p.bytes(start), p.bytes(pages), out));
  };
  expect([ask(100, 3), ...out]).toEqual([0, 0, 1, 0]);
  expect([ask(101, 6), ...out]).toEqual([-ERRNO.ENOMEM, 1, 0, 1, 0]);
  expect([ask(106, 2), ...out]).toEqual([-ERRNO.ENOMEM, 0]);
});

test('populate maps a shared file without a fault, private memory never, and only what is cached with nonblock', () => {
  const p = process();
  const inode = testFile(p.k, 'f', 8);
  const file = openTest(inode);
  p.mmap(100, 4, 3, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file);
  expect([p.mm.fileRss, p.minFlt]).toEqual([4, 0]);
  p.mmap(110, 4, 3, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, file);
  p.anon(120, 4, 3, MAP_POPULATE);
  expect(p.mm.rss).toBe(4);
  p.mmap(130, 8, 3, MAP_SHARED | MAP_FIXED | MAP_POPULATE | MAP_NONBLOCK, file);
  expect(p.mm.fileRss).toBe(8);
  // A range that does not lie in the file whole is not populated at all.
  p.mmap(140, 4, 3, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file, 6);
  expect(p.mm.fileRss).toBe(8);
  checkAll(p);
});

test('a locked mapping is present at once', () => {
  const p = process();
  p.anon(100, 4, 3, MAP_LOCKED);
  expect([p.mm.lockedVm, p.mm.anonRss]).toEqual([4, 4]);
  checkAll(p);
});
