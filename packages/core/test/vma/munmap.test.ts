import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { ERRNO } from '../../src/errors.js';
import { MAP_FIXED, MAP_LOCKED, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { areasOf, checkAreas } from '../support/areas.js';
import { PMD_PAGES } from '../support/test-arch.js';
import { openTest, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

function process(): TestProcess {
  return new TestProcess(testKernel());
}

test('unmapping the middle leaves two areas, an end one, all of it none', () => {
  const p = process();
  p.anon(100, 10);
  expect(p.munmap(104, 2)).toBe(0);
  expect(areasOf(p.mm)).toEqual(['100+4 rw-p@100', '106+4 rw-p@106']);
  expect(p.munmap(100, 1)).toBe(0);
  expect(p.munmap(109, 1)).toBe(0);
  expect(areasOf(p.mm)).toEqual(['101+3 rw-p@101', '106+3 rw-p@106']);
  expect(p.munmap(102, 6)).toBe(0);
  expect(areasOf(p.mm)).toEqual(['101+1 rw-p@101', '108+1 rw-p@108']);
  expect(p.munmap(0, 1000)).toBe(0);
  expect(areasOf(p.mm)).toEqual([]);
  expect(p.k.committed).toBe(0);
  checkAreas(p.k);
});

test('an empty range is a success, and a file area keeps its offsets', () => {
  const p = process();
  expect(p.munmap(100, 10)).toBe(0);
  const file = openTest(testFile(p.k, 'f', 20));
  p.mmap(100, 10, 3, MAP_SHARED | MAP_FIXED, file, 5);
  p.munmap(103, 2);
  expect(areasOf(p.mm)).toEqual(['100+3 rw-s@5', '105+5 rw-s@10']);
  expect(file.refs).toBe(3);
  expect(file.inode.mapping.writableAreas).toBe(2);
  p.munmap(100, 10);
  expect(file.refs).toBe(1);
  expect(file.inode.mapping.linear.size).toBe(0);
  checkAreas(p.k);
});

test('pages, tables, locks and peaks follow', () => {
  const p = process();
  const free = p.k.pages.freePages;
  p.anon(PMD_PAGES, 2 * PMD_PAGES, 3, MAP_LOCKED);
  expect(p.mm.lockedVm).toBe(2 * PMD_PAGES);
  expect(p.mm.nrPtes).toBe(2);
  p.munmap(PMD_PAGES, PMD_PAGES);
  expect([p.mm.lockedVm, p.mm.totalVm, p.mm.nrPtes]).toEqual([PMD_PAGES, PMD_PAGES, 1]);
  expect([p.mm.hiwaterVm, p.mm.hiwaterRss]).toEqual([2 * PMD_PAGES, 2 * PMD_PAGES]);
  expect(audit(p.k)).toEqual([]);
  p.munmap(2 * PMD_PAGES, PMD_PAGES);
  expect(p.mm.nrPtes).toBe(0);
  expect(p.k.pages.freePages).toBe(free);
  expect(audit(p.k)).toEqual([]);
});

test('a split at the limit of areas is ENOMEM and changes nothing that need not change', () => {
  const p = process();
  p.anon(100, 10);
  p.k.maxMapCount = 1;
  expect(p.munmap(104, 2)).toBe(-ERRNO.ENOMEM);
  expect(areasOf(p.mm)).toEqual(['100+10 rw-p@100']);
  p.k.maxMapCount = 2;
  expect(p.munmap(104, 2)).toBe(-ERRNO.ENOMEM);
  // The first of the two cuts has been made.
  expect(areasOf(p.mm)).toEqual(['100+4 rw-p@100', '104+6 rw-p@104']);
  p.k.maxMapCount = 3;
  expect(p.munmap(104, 2)).toBe(0);
  checkAreas(p.k);
});

test('the refused second cut leaves the pages in place', () => {
  const p = process();
  p.anon(100, 10);
  for (let vpn = 100; vpn < 110; vpn++) p.store(vpn, vpn);
  p.k.maxMapCount = 2;
  expect(p.munmap(104, 2)).toBe(-ERRNO.ENOMEM);
  for (let vpn = 100; vpn < 110; vpn++) expect(p.load(vpn)).toBe(vpn);
  expect(audit(p.k)).toEqual([]);
});
