import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LayoutSpec } from '../../src/arch/layout.js';
import { ERRNO } from '../../src/errors.js';
import type { Mm } from '../../src/vma/mm.js';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { TASK_PAGES, testArch } from '../support/test-arch.js';
import { openTest, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
const BASE = TASK_PAGES / 4;

function process(layout: Partial<LayoutSpec> = {}): TestProcess {
  return new TestProcess(testKernel(testArch(layout)));
}

function bytes(page: number): bigint {
  return BigInt(page) << 12n;
}

/** The slow twin: tries every page from `from` up. */
function firstFit(mm: Mm, from: number, to: number, pages: number): number {
  const used = new Uint8Array(to);
  for (const vma of mm.vmas) used.fill(1, vma.start, Math.min(to, vma.end));
  for (let at = from, room = 0; at < to; at++) {
    room = used[at] === 1 ? 0 : room + 1;
    if (room === pages) return at - pages + 1;
  }
  return -ERRNO.ENOMEM;
}

const picks = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('map'), pages: fc.integer({ min: 1, max: 300 }) }),
    fc.record({ op: fc.constant('unmap'), at: fc.nat(1023), pages: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ op: fc.constant('fix'), at: fc.nat(1000), pages: fc.integer({ min: 1, max: 20 }) }),
  ),
  { maxLength: 60 },
);

test('bottom-up finds the first gap that fits, whatever was mapped and unmapped before', () => {
  fc.assert(
    fc.property(picks, (steps) => {
      const p = process({ taskSize: bytes(BASE + 1024), stackTop: bytes(BASE + 1024) });
      for (const step of steps) {
        if (step.op === 'map') {
          const expected = firstFit(p.mm, BASE, BASE + 1024, step.pages);
          expect(p.mmap(0, step.pages, 1, ANON)).toBe(expected);
        } else if (step.op === 'unmap') {
          p.munmap(BASE + step.at, Math.min(step.pages, 1024 - step.at));
        } else {
          p.mmap(BASE + step.at, step.pages, 1, ANON | MAP_FIXED);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('top-down finds room below the base, or above it when there is none, and only then fails', () => {
  const base = 900;
  fc.assert(
    fc.property(picks, (steps) => {
      const p = process({ taskSize: bytes(1024), unmappedBase: bytes(256), topDownBase: bytes(base) });
      for (const step of steps) {
        if (step.op === 'map') {
          const below = firstFit(p.mm, 1, base, step.pages);
          const above = firstFit(p.mm, 256, 1024, step.pages);
          const before = [...p.mm.vmas].map((vma) => [vma.start, vma.end]);
          const at = p.mmap(0, step.pages, 1, ANON);
          if (below < 0) expect(at).toBe(above);
          if (at < 0) continue;
          if (below >= 0) expect(at + step.pages).toBeLessThanOrEqual(base);
          for (const [start, end] of before) expect(at + step.pages <= start! || at >= end!).toBe(true);
        } else if (step.op === 'unmap') {
          p.munmap(step.at, Math.min(step.pages, 1024 - step.at));
        } else {
          p.mmap(step.at, step.pages, 1, ANON | MAP_FIXED);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('top-down begins right below the base and goes on below the last one', () => {
  const p = process({ topDownBase: bytes(1000) });
  expect([p.mmap(0, 10, 1, ANON), p.mmap(0, 5, 1, ANON)]).toEqual([990, 985]);
  p.munmap(990, 10);
  expect(p.mmap(0, 3, 1, ANON)).toBe(997);
});

test('the search remembers where it ended and the largest hole it skipped', () => {
  const p = process();
  p.anon(BASE + 2, 1);
  p.anon(BASE + 6, 1);
  expect(p.mmap(0, 5, 1, ANON)).toBe(BASE + 7);
  expect([p.mm.freeAreaCache, p.mm.cachedHoleSize]).toEqual([BASE + 12, 3]);
  // Larger than any hole skipped: goes on from the cache without a look below.
  expect(p.mmap(0, 4, 1, ANON)).toBe(BASE + 12);
  // Fits a skipped hole: starts from the base again.
  expect(p.mmap(0, 3, 1, ANON)).toBe(BASE + 3);
  p.munmap(BASE + 1, 2);
  expect([p.mm.freeAreaCache, p.mm.cachedHoleSize]).toEqual([BASE, Number.POSITIVE_INFINITY]);
});

test('unmapping at the base goes unnoticed while an area below it is the neighbour', () => {
  const p = process();
  p.anon(100, 1);
  expect(p.mmap(0, 4, 1, ANON)).toBe(BASE);
  p.munmap(BASE, 4);
  expect(p.mmap(0, 4, 1, ANON)).toBe(BASE + 4);
});

test('a wish is taken when it is free, rounded up to a page; it may be below the base', () => {
  const p = process();
  const args = { length: 4096n, prot: 1, flags: ANON, file: null, offset: 0n };
  expect(p.mmap(300, 2, 1, ANON)).toBe(300);
  expect(p.mmap(301, 1, 1, ANON)).toBe(BASE);
  expect(p.mmap(TASK_PAGES - 1, 1, 1, ANON)).toBe(TASK_PAGES - 1);
  expect(p.mmap(TASK_PAGES, 1, 1, ANON)).toBe(BASE + 1);
  expect(args.length).toBe(4096n);
});

test('no mapping of any kind reaches into a hole of the address space', () => {
  const hole = { start: bytes(BASE + 8), end: bytes(BASE + 16) };
  const p = process({ holes: [hole] });
  expect(p.mmap(0, 6, 1, ANON)).toBe(BASE);
  expect(p.mmap(0, 3, 1, ANON)).toBe(BASE + 16);
  expect(p.mmap(0, 2, 1, ANON)).toBe(BASE + 19);
  expect(p.mmap(BASE + 7, 2, 1, ANON)).toBeGreaterThan(BASE + 16);
  expect(p.mmap(BASE + 7, 2, 1, ANON | MAP_FIXED)).toBe(-ERRNO.EINVAL);
  expect(p.mmap(BASE + 7, 1, 1, ANON | MAP_FIXED)).toBe(BASE + 7);
  expect(p.mremap(BASE, 6, 1, 3, BASE + 8)).toBe(-ERRNO.EINVAL);
  expect(p.mremap(BASE + 7, 1, 3)).toBe(-ERRNO.ENOMEM);
});

test('file and shared mappings get the colour of their file offset, private anonymous ones any page', () => {
  const p = process({ colourBytes: 4 * 4096 });
  const file = openTest(testFile(p.k, 'f', 16));
  expect(p.mmap(0, 1, 1, ANON)).toBe(BASE);
  expect(p.mmap(0, 2, 1, MAP_PRIVATE, file, 3)).toBe(BASE + 4 + 3);
  expect(p.mmap(0, 2, 1, MAP_SHARED, file, 0)).toBe(BASE + 12);
  expect(p.mmap(301, 2, 1, MAP_SHARED, file, 1)).toBe(305);
  expect(p.mmap(0, 1, 1, ANON) % 4).not.toBe(0);
});

test('with regions the search stays in their mappable part and begins at the wish', () => {
  const region = { shift: 12 + 10, limit: bytes(100) };
  const p = process({ region, unmappedBase: bytes(1024), maxLength: bytes(100) });
  expect(p.mmap(0, 60, 1, ANON)).toBe(1024);
  expect(p.mmap(0, 50, 1, ANON)).toBe(-ERRNO.ENOMEM);
  expect(p.mmap(0, 40, 1, ANON)).toBe(1084);
  expect(p.mmap(2050, 98, 1, ANON)).toBe(2050);
  expect(p.mmap(2050, 99, 1, ANON)).toBe(-ERRNO.EINVAL);
  expect(p.mmap(0, 101, 1, ANON)).toBe(-ERRNO.EINVAL);
  p.munmap(1024, 100);
  // A wish is where the search starts: what it meets next is taken.
  expect(p.mmap(1030, 5, 1, ANON)).toBe(1030);
  expect(p.mmap(1032, 5, 1, ANON)).toBe(1035);
  expect(p.mm.freeAreaCache).toBe(1040);
});
