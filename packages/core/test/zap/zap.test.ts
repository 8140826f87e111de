/** Blocks of work of an unmap, and truncation of a disk file. */
import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { ERRNO } from '../../src/errors.js';
import type { Nopage } from '../../src/fs/file.js';
import type { Kernel } from '../../src/kernel.js';
import { DiskFile } from '../../src/pagecache/disk-file.js';
import { vmtruncate } from '../../src/pagecache/truncate.js';
import { SteppedOp } from '../../src/smp/driver.js';
import { type Op, RESCHED } from '../../src/smp/lock.js';
import { MADV_DONTNEED } from '../../src/vma/madvise.js';
import { MAP_FIXED, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { sysMunmap } from '../../src/vma/munmap.js';
import { remapRange } from '../../src/vma/remap-file-pages.js';
import { PAGE_SIZE, testArch } from '../support/test-arch.js';
import { openTest, run, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

/** The pages that each flush of a gather was about. */
function watchFlushes(k: Kernel): [start: number, end: number][] {
  const flushes: [number, number][] = [];
  const original = k.mmu.gatherFlush.bind(k.mmu);
  k.mmu.gatherFlush = (mm, fullmm, start, end) => {
    flushes.push([start, end]);
    original(mm, fullmm, start, end);
  };
  return flushes;
}

test('an unmap flushes after every 1024 present pages, a preemptible kernel after 8', () => {
  for (const [preempt, block] of [
    [false, 1024],
    [true, 8],
  ] as const) {
    const p = new TestProcess(testKernel(testArch(), { preempt }));
    const pages = 2 * block + 3;
    for (const unmap of [() => p.munmap(0, pages), () => p.madvise(0, pages, MADV_DONTNEED)]) {
      p.anon(0, pages);
      for (let vpn = 0; vpn < pages; vpn++) p.store(vpn, 1);
      const flushes = watchFlushes(p.k);
      expect(unmap()).toBe(0);
      expect(flushes.length).toBe(3);
      expect(flushes.slice(0, 2).map(([start]) => start)).toEqual([0, block]);
      expect(p.mm.rss).toBe(0);
      expect(audit(p.k)).toEqual([]);
    }
  }
});

test('empty entries hardly count as work of an unmap', () => {
  const p = new TestProcess(testKernel(testArch(), { preempt: true }));
  p.anon(0, 2048);
  for (const vpn of [0, 700, 1400, 2047]) p.store(vpn, 1);
  const flushes = watchFlushes(p.k);
  expect(p.munmap(0, 2048)).toBe(0);
  expect(flushes.length).toBe(1);
});

test('an unmap that waits for a pte lock lets others unmap meanwhile', () => {
  const p = new TestProcess(testKernel());
  const q = new TestProcess(p.k);
  for (const each of [p, q]) {
    each.anon(100, 4);
    each.store(101, 1);
  }
  expect(p.mm.pageTableLock.tryLock()).toBe(true);
  const unmap = new SteppedOp('munmap', sysMunmap(p.k, p.mm, p.bytes(100), p.bytes(4)));
  unmap.step();
  expect(unmap.done).toBe(false);
  expect(q.munmap(100, 4)).toBe(0);
  p.mm.pageTableLock.unlock();
  while (!unmap.done) unmap.step();
  expect([unmap.result, p.mm.rss, q.mm.rss, p.k.committed]).toEqual([0, 0, 0, 0]);
  expect(audit(p.k)).toEqual([]);
});

test('what lay beyond the end of a truncated file is gone when the file grows again, cached or not', () => {
  for (const cached of [true, false]) {
    const { k } = new TestProcess(testKernel());
    const file = testFile(k, 'file', 2);
    expect(file.writeByte(100, 7) && file.writeByte(300, 8) && file.writeByte(PAGE_SIZE + 1, 9)).toBe(true);
    file.sync();
    if (!cached) file.dropCache();
    expect(run(vmtruncate(k, file, 200))).toBe(0);
    expect(run(vmtruncate(k, file, 2 * PAGE_SIZE))).toBe(0);
    expect([100, 300, PAGE_SIZE + 1].map((offset) => file.readByte(offset))).toEqual([7, 0, 0]);
    expect(audit(k)).toEqual([]);
  }
});

test('MAP_POPULATE maps no page that is truncated while it is read', () => {
  class SlowFile extends DiskFile {
    override *findPage(index: number, out: Nopage): Op<void> {
      yield* super.findPage(index, out);
      yield RESCHED;
    }
  }
  const p = new TestProcess(testKernel());
  const inode = new SlowFile(p.k, 'slow', { size: 2 * PAGE_SIZE });
  p.mmap(100, 2, 3, MAP_SHARED | MAP_FIXED, openTest(inode));
  const populate = new SteppedOp('populate', remapRange(p.mm, 100, 2, 102, 0, false));
  populate.step();
  run(vmtruncate(p.k, inode, 0));
  while (!populate.done) populate.step();
  expect([populate.result, p.mm.rss]).toEqual([-ERRNO.EINVAL, 0]);
  expect(audit(p.k)).toEqual([]);
});
