/** What a fork gives the child beside its pages: vm_ops, peaks, places on the lists of files. */
import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { ERRNO } from '../../src/errors.js';
import { onCall } from '../../src/events/injection.js';
import { dupMm } from '../../src/fork/dup-mmap.js';
import { statusOf } from '../../src/proc/status.js';
import { SteppedOp } from '../../src/smp/driver.js';
import { MADV_DONTFORK } from '../../src/vma/madvise.js';
import type { Mm } from '../../src/vma/mm.js';
import { MAP_FIXED, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import type { Vma } from '../../src/vma/vma.js';
import { destroyMm } from '../../src/zap/unmap.js';
import { testArch } from '../support/test-arch.js';
import { openTest, run, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

test('vm_ops.open is called for the areas of a fork, and close for those of an exit', () => {
  const p = new TestProcess(testKernel());
  p.anon(100, 4);
  p.store(100, 1);
  const users = new Set<Vma>();
  const vma = p.mm.vmas.first as Vma;
  vma.ops = { open: (area) => users.add(area), close: (area) => users.delete(area) };
  users.add(vma);
  const child = run(dupMm(p.k, p.mm)) as Mm;
  expect(users).toEqual(new Set([vma, child.vmas.first]));
  run(destroyMm(p.k, child));
  expect(users).toEqual(new Set([vma]));
  // No memory for the pte table: the area is there already, so it is opened and closed.
  p.k.inject.failPage = onCall(1);
  expect(run(dupMm(p.k, p.mm))).toBe(-ERRNO.ENOMEM);
  p.k.inject.failPage = null;
  expect(users).toEqual(new Set([vma]));
  expect(audit(p.k)).toEqual([]);
});

test('the peak of a child leaves out what fork did not copy', () => {
  const p = new TestProcess(testKernel());
  p.anon(100, 8);
  p.anon(200, 2);
  p.store(200, 1);
  p.madvise(100, 8, MADV_DONTFORK);
  const child = run(dupMm(p.k, p.mm)) as Mm;
  expect(statusOf(p.k, child)).toMatchObject({ VmPeak: 8, VmSize: 8, VmHWM: 4, VmRSS: 4 });
});

test('D17: fork counts the shared areas of a file, with the defects kept it does not', () => {
  for (const [defectsKept, expected] of [
    [false, 2],
    [true, 1],
  ] as const) {
    const p = new TestProcess(testKernel(testArch(), { defectsKept }));
    const file = openTest(testFile(p.k, 'file', 4));
    p.mmap(100, 4, 3, MAP_SHARED | MAP_FIXED, file);
    const child = run(dupMm(p.k, p.mm)) as Mm;
    expect(file.inode.mapping.writableAreas).toBe(expected);
    expect(audit(p.k)).toEqual([]);
    run(destroyMm(p.k, child));
    expect(file.inode.mapping.writableAreas).toBe(expected - 1);
    expect(file.refs).toBe(2);
  }
});

test('a fork that waits for mmap_sem copies the totals there are when it gets it', () => {
  const p = new TestProcess(testKernel());
  p.anon(100, 4);
  expect(p.mm.mmapSem.tryRead()).toBe(true);
  const fork = new SteppedOp('fork', dupMm(p.k, p.mm));
  fork.step();
  expect(fork.done).toBe(false);
  p.mm.mmapSem.upRead();
  p.munmap(101, 2);
  while (!fork.done) fork.step();
  expect((fork.result as Mm).totalVm).toBe(2);
  expect(audit(p.k)).toEqual([]);
});
