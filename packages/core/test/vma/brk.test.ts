import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { MCL_FUTURE, sysMlockall } from '../../src/vma/mlock.js';
import { areasOf, checkAreas } from '../support/areas.js';
import { PAGE_SIZE, TASK_PAGES, testArch } from '../support/test-arch.js';
import { run, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

const P = 4096n;
const START = 200n * P;

function process(layout = {}): TestProcess {
  const p = new TestProcess(testKernel(testArch(layout)));
  p.mm.startBrk = START;
  p.mm.brk = START;
  p.mm.startData = START;
  return p;
}

test('grows, shrinks and counts bytes exactly', () => {
  const p = process();
  expect(p.brk(0n)).toBe(START);
  expect(p.brk(START + 1n)).toBe(START + 1n);
  expect(areasOf(p.mm)).toEqual(['200+1 rw-p@200']);
  expect(p.brk(START + P)).toBe(START + P);
  expect(areasOf(p.mm)).toEqual(['200+1 rw-p@200']);
  expect(p.brk(START + 8n * P)).toBe(START + 8n * P);
  expect(areasOf(p.mm)).toEqual(['200+8 rw-p@200']);
  expect(p.k.committed).toBe(8);
  p.store(207, 1);
  expect(p.brk(START + 2n * P + 5n)).toBe(START + 2n * P + 5n);
  expect(areasOf(p.mm)).toEqual(['200+3 rw-p@200']);
  expect(p.brk(START)).toBe(START);
  expect(areasOf(p.mm)).toEqual([]);
  checkAreas(p.k);
  expect(audit(p.k)).toEqual([]);
});

test('refusals answer the old break and change nothing', () => {
  const p = process();
  p.mm.endCode = 150n * P;
  p.brk(START + 2n * P);
  p.anon(210, 1);
  const refused = [
    150n * P - 1n, // below the end of the code
    START + 10n * P, // the guard page above would be taken
    START + 11n * P,
    2n ** 64n - 1n,
    BigInt(TASK_PAGES + 1) * P,
  ];
  for (const addr of refused) expect(p.brk(addr)).toBe(START + 2n * P);
  expect(p.brk(START + 9n * P)).toBe(START + 9n * P);
  p.mm.rlimits.data = 4 * PAGE_SIZE;
  expect(p.brk(START + 9n * P + 1n)).toBe(START + 9n * P);
  // The limit is not asked on the way down, nor inside the last page.
  expect(p.brk(START + 5n * P)).toBe(START + 5n * P);
  p.mm.rlimits.data = Number.POSITIVE_INFINITY;
  p.mm.rlimits.as = 7 * PAGE_SIZE;
  expect(p.brk(START + 7n * P)).toBe(START + 5n * P);
  expect(p.brk(START + 6n * P)).toBe(START + 6n * P);
  p.mm.rlimits.as = Number.POSITIVE_INFINITY;
  p.k.overcommit = 2;
  p.k.overcommitRatio = 0;
  expect(p.brk(START + 7n * P)).toBe(START + 6n * P);
  checkAreas(p.k);
});

test('after mlockall(FUTURE) the heap is locked and present, within the limit', () => {
  const p = process();
  run(sysMlockall(p.k, p.mm, MCL_FUTURE));
  p.brk(START + 3n * P);
  expect([p.mm.lockedVm, p.mm.anonRss]).toEqual([3, 3]);
  p.mm.capIpcLock = false;
  p.mm.rlimits.memlock = 4 * PAGE_SIZE;
  expect(p.brk(START + 5n * P)).toBe(START + 3n * P);
  expect(p.brk(START + 4n * P)).toBe(START + 4n * P);
  checkAreas(p.k);
});

test('a heap split by munmap shrinks over the gap', () => {
  const p = process();
  p.brk(START + 8n * P);
  p.munmap(203, 2);
  expect(p.brk(START + P)).toBe(START + P);
  expect(areasOf(p.mm)).toEqual(['200+1 rw-p@200']);
  checkAreas(p.k);
});

test('address bits that the machine fixes do not change', () => {
  const p = process({ brkFixedBits: 1n << 27n });
  expect(p.brk(BigInt(TASK_PAGES / 2 + 300) * P)).toBe(START);
  expect(p.brk(START + P)).toBe(START + P);
});

test('the break stays in its region', () => {
  const p = process({ region: { shift: 12 + 10, limit: 240n * P }, maxLength: 240n * P });
  expect(p.brk(241n * P)).toBe(START);
  expect(p.brk(1024n * P + START)).toBe(START);
  expect(p.brk(240n * P)).toBe(240n * P);
});
