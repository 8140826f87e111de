import { expect, test } from 'vitest';
import { MADV_DONTFORK, MADV_RANDOM } from '../../src/vma/madvise.js';
import { MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { areasOf, checkAreas } from '../support/areas.js';
import { testArch } from '../support/test-arch.js';
import { openTest, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

const RW = 3;
const R = 1;

function process(): TestProcess {
  return new TestProcess(testKernel());
}

test('case 1: an area between two equal ones makes one of the three', () => {
  const p = process();
  p.anon(100, 4);
  p.anon(108, 4);
  p.anon(104, 4);
  expect(areasOf(p.mm)).toEqual(['100+12 rw-p@100']);
  checkAreas(p.k);
});

test('cases 2 and 3: an area joins the one before or the one behind it', () => {
  const p = process();
  p.anon(100, 4);
  p.anon(104, 2);
  expect(areasOf(p.mm)).toEqual(['100+6 rw-p@100']);
  p.anon(120, 4);
  p.anon(118, 2);
  expect(areasOf(p.mm)).toEqual(['100+6 rw-p@100', '118+6 rw-p@118']);
  checkAreas(p.k);
});

test('cases 4 and 5: mprotect of a tail or a head moves the border to the equal neighbour', () => {
  const p = process();
  p.anon(100, 4, R);
  p.mprotect(100, 4, RW); // charged now, so that both differ in rights alone
  p.mprotect(100, 4, R);
  p.anon(104, 4, RW);
  expect(areasOf(p.mm)).toEqual(['100+4 r--p@100', '104+4 rw-p@104']);
  expect(p.mprotect(103, 1, RW)).toBe(0);
  expect(areasOf(p.mm)).toEqual(['100+3 r--p@100', '103+5 rw-p@103']);
  expect(p.mprotect(103, 2, R)).toBe(0);
  expect(areasOf(p.mm)).toEqual(['100+5 r--p@100', '105+3 rw-p@105']);
  checkAreas(p.k);
});

test('cases 6, 7 and 8: a whole area that becomes equal is swallowed', () => {
  const p = process();
  p.anon(100, 12);
  p.mprotect(104, 4, R);
  expect(areasOf(p.mm)).toEqual(['100+4 rw-p@100', '104+4 r--p@104', '108+4 rw-p@108']);
  p.mprotect(104, 4, RW);
  expect(areasOf(p.mm)).toEqual(['100+12 rw-p@100']);
  p.mprotect(104, 8, R);
  p.mprotect(104, 4, RW);
  expect(areasOf(p.mm)).toEqual(['100+8 rw-p@100', '108+4 r--p@108']);
  p.mprotect(108, 4, RW);
  expect(areasOf(p.mm)).toEqual(['100+12 rw-p@100']);
  p.mprotect(100, 4, R);
  p.mprotect(100, 4, RW);
  expect(areasOf(p.mm)).toEqual(['100+12 rw-p@100']);
  checkAreas(p.k);
});

test('file areas join at contiguous offsets of one open file only', () => {
  const p = process();
  const inode = testFile(p.k, 'f', 16);
  const file = openTest(inode);
  const other = openTest(inode);
  p.mmap(100, 2, RW, MAP_SHARED | MAP_FIXED, file, 0);
  p.mmap(102, 2, RW, MAP_SHARED | MAP_FIXED, file, 2);
  expect(areasOf(p.mm)).toEqual(['100+4 rw-s@0']);
  expect(file.refs).toBe(2);
  p.mmap(104, 2, RW, MAP_SHARED | MAP_FIXED, file, 5);
  p.mmap(106, 2, RW, MAP_SHARED | MAP_FIXED, other, 7);
  p.mmap(108, 2, RW, MAP_PRIVATE | MAP_FIXED, other, 9);
  expect(areasOf(p.mm)).toEqual(['100+4 rw-s@0', '104+2 rw-s@5', '106+2 rw-s@7', '108+2 rw-p@9']);
  checkAreas(p.k);
});

test('hints and VM_DONTCOPY keep areas apart', () => {
  const p = process();
  p.anon(100, 8);
  p.madvise(104, 4, MADV_RANDOM);
  expect(areasOf(p.mm)).toHaveLength(2);
  p.madvise(104, 4, 0);
  expect(areasOf(p.mm)).toHaveLength(1);
  p.madvise(104, 4, MADV_DONTFORK);
  p.anon(108, 4);
  p.madvise(108, 4, MADV_DONTFORK);
  expect(areasOf(p.mm)).toHaveLength(3);
  checkAreas(p.k);
});

test('D11: a noreserve area stays apart and is not charged later; with the defect it merges and is', () => {
  for (const kept of [false, true]) {
    const p = new TestProcess(testKernel(testArch(), { defectsKept: kept }));
    p.anon(100, 4, R, MAP_NORESERVE);
    p.anon(104, 4, R);
    expect(areasOf(p.mm)).toHaveLength(kept ? 1 : 2);
    p.mprotect(100, 4, RW);
    expect(p.k.committed).toBe(kept ? 4 : 0);
    checkAreas(p.k);
  }
});

test('an area that grows over pages of another inherits its anon_vma', () => {
  const p = process();
  p.anon(100, 4);
  p.mprotect(100, 4, R);
  p.anon(104, 4);
  p.store(105, 1);
  const upper = p.mm.vmas.find(104);
  expect(p.mm.vmas.find(100)?.anonVma).toBeNull();
  p.mprotect(104, 2, R);
  expect(areasOf(p.mm)).toEqual(['100+6 r--p@100', '106+2 rw-p@106']);
  expect(p.mm.vmas.find(100)?.anonVma).toBe(upper?.anonVma);
  expect(p.load(105)).toBe(1);
  checkAreas(p.k);
});

test('pieces that mprotect cut apart share one anon_vma, so they can merge again', () => {
  const p = process();
  p.anon(100, 8);
  p.mprotect(104, 4, R);
  p.store(100, 1);
  p.mprotect(104, 4, RW);
  p.mprotect(104, 4, R);
  p.store(101, 2);
  p.mprotect(104, 4, RW);
  p.store(105, 3);
  expect(areasOf(p.mm)).toEqual(['100+8 rw-p@100']);
  expect([100, 101, 105].map((vpn) => p.load(vpn))).toEqual([1, 2, 3]);
  checkAreas(p.k);
});

test('two areas with different anon_vmas do not merge, but a third without one joins a side', () => {
  const p = process();
  p.anon(100, 2);
  p.anon(104, 2);
  p.store(100, 1);
  p.store(104, 1);
  p.anon(102, 2);
  expect(areasOf(p.mm)).toEqual(['100+4 rw-p@100', '104+2 rw-p@104']);
  checkAreas(p.k);
});

test('file areas that merge back drop the references of the pieces', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 16));
  p.mmap(100, 6, RW, MAP_SHARED | MAP_FIXED, file, 0);
  p.mprotect(102, 2, R);
  expect([file.refs, file.inode.mapping.writableAreas]).toEqual([4, 3]);
  p.mprotect(102, 2, RW);
  expect(areasOf(p.mm)).toEqual(['100+6 rw-s@0']);
  expect([file.refs, file.inode.mapping.writableAreas]).toEqual([2, 1]);
  checkAreas(p.k);
});

test('an area that grows is looked at again by a truncation that has passed the other', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 16));
  p.mmap(100, 3, RW, MAP_SHARED | MAP_FIXED, file, 0);
  p.mmap(103, 3, R, MAP_SHARED | MAP_FIXED, file, 3);
  const lower = p.mm.vmas.find(100)!;
  const upper = p.mm.vmas.find(103)!;
  lower.truncateCount = 7;
  upper.truncateCount = 6;
  p.mprotect(103, 1, RW);
  expect([lower.truncateCount, upper.truncateCount]).toEqual([0, 6]);
  lower.truncateCount = 6;
  p.mprotect(102, 2, R);
  expect([lower.truncateCount, upper.truncateCount]).toEqual([6, 6]);
  p.mprotect(101, 1, 0);
  expect(p.mm.vmas.find(101)?.truncateCount).toBe(6);
  checkAreas(p.k);
});
