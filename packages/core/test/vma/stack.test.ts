import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { ERRNO } from '../../src/errors.js';
import { SEGV_MAPERR } from '../../src/fault/page-fault.js';
import { findExtendVma } from '../../src/gup/get-user-pages.js';
import { VM_GROWSUP } from '../../src/vma/flags.js';
import { MAP_GROWSDOWN, MAP_LOCKED, MAP_NORESERVE } from '../../src/vma/mmap-bits.js';
import { expandStack, expandUpwards, insertArea, insertStack } from '../../src/vma/stack.js';
import { areasOf, checkAreas } from '../support/areas.js';
import { PAGE_SIZE, TASK_PAGES, testArch } from '../support/test-arch.js';
import { run, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

function process(defectsKept = false): TestProcess {
  return new TestProcess(testKernel(testArch(), { defectsKept }));
}

test('a store below a stack grows it down to the page, and its numbering with it', () => {
  const p = process();
  expect(insertStack(p.k, p.mm, TASK_PAGES, 2)).toBe(0);
  expect(p.mm.stackVm).toBe(2);
  expect(p.store(TASK_PAGES - 5, 7)).toBe(0);
  expect(areasOf(p.mm)).toEqual([`${TASK_PAGES - 5}+5 rw-p@${TASK_PAGES - 5}`]);
  expect([p.mm.stackVm, p.k.committed]).toEqual([5, 5]);
  expect(p.load(TASK_PAGES - 5)).toBe(7);
  checkAreas(p.k);
  expect(audit(p.k)).toEqual([]);
});

test('growth needs room in every limit', () => {
  const p = process();
  p.anon(200, 2, 3, MAP_GROWSDOWN);
  p.mm.rlimits.stack = 4 * PAGE_SIZE;
  expect(p.store(197, 1)).toBe(SEGV_MAPERR);
  expect(p.store(198, 1)).toBe(0);
  p.mm.rlimits.stack = 100 * PAGE_SIZE;
  p.mm.rlimits.as = 4 * PAGE_SIZE;
  expect(p.store(197, 1)).toBe(SEGV_MAPERR);
  p.mm.rlimits.as = Number.POSITIVE_INFINITY;
  p.k.overcommit = 2;
  p.k.overcommitRatio = 0;
  expect(p.store(197, 1)).toBe(SEGV_MAPERR);
  p.k.overcommit = 0;
  expect(p.store(197, 1)).toBe(0);
  checkAreas(p.k);
});

test('an area that does not grow is not grown, and the one below is not overrun', () => {
  const p = process();
  p.anon(200, 2);
  expect(p.store(199, 1)).toBe(SEGV_MAPERR);
  p.anon(195, 2);
  p.anon(200, 2, 3, MAP_GROWSDOWN);
  expect(p.store(197, 1)).toBe(0);
  expect(areasOf(p.mm)).toEqual(['195+2 rw-p@195', '197+5 rw-p@197']);
  checkAreas(p.k);
});

test('a locked stack grows within RLIMIT_MEMLOCK and is present where the kernel extends it', () => {
  const p = process();
  p.anon(200, 2, 3, MAP_GROWSDOWN | MAP_LOCKED);
  const vma = run(findExtendVma(p.k, p.mm, 198));
  expect([vma?.start, p.mm.lockedVm, p.mm.anonRss]).toEqual([198, 4, 4]);
  p.mm.capIpcLock = false;
  p.mm.rlimits.memlock = 4 * PAGE_SIZE;
  expect(run(findExtendVma(p.k, p.mm, 197))).toBeNull();
  checkAreas(p.k);
});

test('D10: growth of an uncharged stack is not charged; originally it is, for ever', () => {
  for (const kept of [false, true]) {
    const p = process(kept);
    p.anon(200, 2, 3, MAP_GROWSDOWN | MAP_NORESERVE);
    expect(expandStack(p.k, p.mm.vmas.find(200)!, 197)).toBe(0);
    expect(p.k.committed).toBe(kept ? 3 : 0);
    p.munmap(197, 5);
    expect(p.k.committed).toBe(kept ? 3 : 0);
  }
});

test('a register stack grows upward', () => {
  const p = process();
  insertArea(p.k, p.mm, 300, 1, VM_GROWSUP | 0x73, null, 0);
  const vma = p.mm.vmas.find(300)!;
  expect(expandUpwards(p.k, vma, 303)).toBe(0);
  expect(areasOf(p.mm)).toEqual(['300+3 rw-p@300']);
  expect(p.mm.vmas.find(302)).toBe(vma);
  p.anon(400, 1);
  expect(expandUpwards(p.k, p.mm.vmas.find(400)!, 402)).toBe(-ERRNO.EFAULT);
  checkAreas(p.k);
});

test('a ready-made area goes nowhere where something is, or where the charge is refused', () => {
  const p = process();
  p.anon(100, 4);
  expect(insertStack(p.k, p.mm, 102, 4)).toBe(-ERRNO.ENOMEM);
  p.k.overcommit = 2;
  p.k.overcommitRatio = 0;
  expect(insertStack(p.k, p.mm, 200, 4)).toBe(-ERRNO.ENOMEM);
  checkAreas(p.k);
});

test('an area grows into no address hole, and not out of its region', () => {
  const pages = (n: number): bigint => BigInt(n * PAGE_SIZE);
  const hole = new TestProcess(testKernel(testArch({ holes: [{ start: pages(100), end: pages(200) }] })));
  hole.anon(200, 1, 3, MAP_GROWSDOWN);
  expect(hole.store(199, 1)).toBe(SEGV_MAPERR);
  const region = new TestProcess(testKernel(testArch({ region: { shift: 24, limit: pages(1000) } })));
  region.anon(4096, 1, 3, MAP_GROWSDOWN);
  expect(region.store(4095, 1)).toBe(SEGV_MAPERR);
  for (const p of [hole, region]) {
    expect(p.mm.totalVm).toBe(1);
    expect(audit(p.k)).toEqual([]);
  }
});
