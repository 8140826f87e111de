import { expect, test } from 'vitest';
import { ERRNO } from '../../src/errors.js';
import { chargeMemory, mayExpandVm, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER } from '../../src/vma/accounting.js';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { checkAreas } from '../support/areas.js';
import { PAGE_SIZE } from '../support/test-arch.js';
import { openTest, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

function process(admin = true): TestProcess {
  const p = new TestProcess(testKernel());
  p.mm.capSysAdmin = admin;
  return p;
}

/** The largest charge that is granted. */
function mostGranted(p: TestProcess): number {
  let pages = 0;
  for (let step = 8192; step >= 1; step /= 2) {
    if (chargeMemory(p.k, p.mm, pages + step) < 0) continue;
    p.k.committed -= pages + step;
    pages += step;
  }
  return pages;
}

test('mode 0 refuses what free and cached memory could never hold, the last 1/32 of it without privilege', () => {
  const p = process();
  testFile(p.k, 'f', 4).writeByte(0, 1);
  const free = p.k.pages.freePages;
  expect(p.k.pageCachePages).toBe(1);
  expect(mostGranted(p)).toBe(free + 1 - 1);
  p.mm.capSysAdmin = false;
  expect(mostGranted(p)).toBe(1 + free - Math.floor(free / 32) - 1);
  expect(p.k.committed).toBe(0);
});

test('mode 1 refuses nothing', () => {
  const p = process();
  p.k.overcommit = OVERCOMMIT_ALWAYS;
  expect(chargeMemory(p.k, p.mm, 2 ** 40)).toBe(0);
  expect(p.k.committed).toBe(2 ** 40);
});

test('mode 2 counts all charges against a share of RAM, less 1/32 of the process', () => {
  const p = process();
  p.k.overcommit = OVERCOMMIT_NEVER;
  const share = Math.floor((p.k.memory.nrPages * 50) / 100);
  expect(mostGranted(p)).toBe(share - 1);
  p.anon(100, 64, 1);
  expect(mostGranted(p)).toBe(share - 2 - 1);
  chargeMemory(p.k, p.mm, 10);
  expect(mostGranted(p)).toBe(share - 2 - 10 - 1);
  p.mm.capSysAdmin = false;
  expect(mostGranted(p)).toBe(share - Math.floor(share / 32) - 2 - 10 - 1);
  expect(chargeMemory(p.k, p.mm, share)).toBe(-ERRNO.ENOMEM);
  expect(p.k.committed).toBe(10);
});

test('private writable memory is charged, read-only, shared file and noreserve memory is not', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 4));
  p.anon(100, 1, 1);
  p.anon(110, 2, 3, MAP_NORESERVE);
  p.mmap(120, 4, 3, MAP_SHARED | MAP_FIXED, file);
  expect(p.k.committed).toBe(0);
  p.anon(130, 8);
  p.mmap(140, 16, 2, MAP_PRIVATE | MAP_FIXED, file);
  expect(p.k.committed).toBe(24);
  p.k.overcommit = OVERCOMMIT_NEVER;
  p.anon(160, 32, 3, MAP_NORESERVE);
  expect(p.k.committed).toBe(56);
  checkAreas(p.k);
});

test('a failed shared mapping of any kind leaves the charge alone (D16)', () => {
  const p = process();
  p.k.sharedAnonymous = () => -ERRNO.ENOSPC;
  expect(p.mmap(100, 4, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)).toBe(-ERRNO.ENOSPC);
  expect(p.k.committed).toBe(0);
  checkAreas(p.k);
});

test('shared anonymous memory is a file of its own: shared in the statistics, never merged', () => {
  const p = process();
  p.k.sharedAnonymous = (k, pages) => openTest(testFile(k, 'dev/zero', pages));
  p.mmap(100, 2, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
  p.mmap(102, 2, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
  expect([p.mm.vmas.size, p.mm.sharedVm]).toEqual([2, 4]);
  const { file } = p.mm.vmas.find(100)!;
  p.munmap(100, 4);
  expect(file?.refs).toBe(0);
  checkAreas(p.k);
});

test('RLIMIT_AS counts whole pages of the limit', () => {
  const p = process();
  p.mm.rlimits.as = 2 * PAGE_SIZE - 1;
  expect(mayExpandVm(p.k, p.mm, 1)).toBe(true);
  expect(mayExpandVm(p.k, p.mm, 2)).toBe(false);
});
