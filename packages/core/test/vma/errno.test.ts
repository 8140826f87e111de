/** Each call's refusals, in the order of its tests: a row breaks one rule and every later one where it can. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERRNO, type ErrnoName, errnoName } from '../../src/errors.js';
import type { MappedFile } from '../../src/fs/file.js';
import { sysBrk } from '../../src/vma/brk.js';
import { sysMadvise } from '../../src/vma/madvise.js';
import { sysMincore } from '../../src/vma/mincore.js';
import { sysMlock, sysMlockall, sysMunlock } from '../../src/vma/mlock.js';
import { type MmapArgs, sysMmap } from '../../src/vma/mmap.js';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_PRIVATE,
  MAP_SHARED,
} from '../../src/vma/mmap-bits.js';
import { sysMprotect } from '../../src/vma/mprotect.js';
import { sysMremap } from '../../src/vma/mremap.js';
import { sysMsync } from '../../src/vma/msync.js';
import { sysMunmap } from '../../src/vma/munmap.js';
import { checkAreas } from '../support/areas.js';
import { TASK_PAGES, testArch } from '../support/test-arch.js';
import { openTest, run, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

const P = 4096n;
const TOP = BigInt(TASK_PAGES) * P;
const MAX = 2n ** 64n - 1n;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
type Outcome = ErrnoName | 'ok';

function process(): TestProcess {
  const p = new TestProcess(testKernel());
  p.anon(100, 4);
  p.anon(106, 4);
  return p;
}

function named(result: number): string {
  return result < 0 ? errnoName(result) : 'ok';
}

describe('mmap', () => {
  const rows: [string, Partial<MmapArgs>, (p: TestProcess) => Partial<MappedFile> | null, Outcome][] = [
    ['an unaligned offset comes before a bad descriptor', { offset: 1n, flags: MAP_SHARED }, () => null, 'EINVAL'],
    ['a bad descriptor comes before everything about the range', { length: 0n, flags: 0 }, () => null, 'EBADF'],
    ['a file that cannot be mapped', { length: 0n, flags: 0 }, () => ({ mappable: false }), 'ENODEV'],
    ['a mount without execution', { length: 0n, prot: 4, flags: 0 }, () => ({ noExec: true }), 'EPERM'],
    ['length 0', { length: 0n, flags: 0 }, () => ({}), 'EINVAL'],
    ['a length that wraps', { length: MAX, flags: 0 }, () => ({}), 'ENOMEM'],
    ['longer than user space', { length: TOP + 1n, flags: 0 }, () => ({}), 'ENOMEM'],
    ['fixed beyond the top, unaligned too', { addr: TOP - P + 1n, length: P, flags: MAP_FIXED }, () => ({}), 'ENOMEM'],
    ['fixed and unaligned', { addr: 5n * P + 1n, flags: MAP_FIXED }, () => ({}), 'EINVAL'],
    ['locked without the right', { flags: MAP_LOCKED }, (p) => mayNotLock(p, 0), 'EPERM'],
    ['locked beyond the limit', { length: 9n * P, flags: MAP_LOCKED }, (p) => mayNotLock(p, 8 * 4096), 'EAGAIN'],
    ['neither shared nor private, of an unreadable file', { flags: 0 }, () => ({ readable: false }), 'EINVAL'],
    ['both shared and private', { flags: 3 }, () => ({}), 'EINVAL'],
    ['shared and writable, of a file open for reading', { flags: 1 }, () => ({ writable: false }), 'EACCES'],
    ['shared, of an append-only file', { prot: 1, flags: 1 }, () => ({ appendOnly: true }), 'EACCES'],
    [
      'shared, with mandatory locks, unreadable',
      { flags: 1 },
      () => ({ mandatoryLocked: true, readable: false }),
      'EAGAIN',
    ],
    ['private, of an unreadable file', { flags: MAP_PRIVATE }, () => ({ readable: false }), 'EACCES'],
    ['a file with MAP_GROWSDOWN', { flags: MAP_PRIVATE | MAP_GROWSDOWN }, () => ({}), 'EINVAL'],
    ['shared anonymous without a file system for it', { flags: MAP_SHARED | MAP_ANONYMOUS }, () => null, 'ENODEV'],
    ['private, of a file open for reading, writable', { flags: MAP_PRIVATE }, () => ({ writable: false }), 'ok'],
    ['the file is ignored with MAP_ANONYMOUS', { flags: ANON }, () => ({ mappable: false }), 'ok'],
  ];
  for (const [title, args, rights, expected] of rows) {
    test(`${title}: ${expected}`, () => {
      const p = process();
      const given = rights(p);
      const file = given === null ? null : openTest(testFile(p.k, 'f', 4), given);
      const full: MmapArgs = { addr: 0n, length: P, prot: 3, flags: ANON, file, offset: 0n, ...args };
      expect(named(run(sysMmap(p.k, p.mm, full)))).toBe(expected);
      if (file !== null && expected !== 'ok') expect(file.refs).toBe(1);
      checkAreas(p.k);
    });
  }

  test('too many areas come before the address, the address limit before the charge', () => {
    const p = process();
    p.k.maxMapCount = 1;
    expect(p.mmap(TASK_PAGES, 1, 3, ANON | MAP_FIXED)).toBe(-ERRNO.ENOMEM);
    p.k.maxMapCount = 2;
    // At the limit one more is let in; only a count above it refuses.
    expect(p.mmap(300, 1, 3, ANON | MAP_FIXED)).toBe(300);
    p.k.maxMapCount = 100;
    p.mm.rlimits.as = 10 * 4096;
    expect(p.mmap(400, 2, 3, ANON | MAP_FIXED)).toBe(-ERRNO.ENOMEM);
    expect(p.mmap(400, 1, 3, ANON | MAP_FIXED)).toBe(400);
    checkAreas(p.k);
  });

  test('what was mapped before is gone although a later test refuses', () => {
    const p = process();
    p.mm.rlimits.as = 8 * 4096;
    expect(p.mmap(100, 10, 3, ANON | MAP_FIXED)).toBe(-ERRNO.ENOMEM);
    expect(p.mm.vmas.size).toBe(0);
    checkAreas(p.k);
  });

  test('a 32-bit offset in pages that wraps is EOVERFLOW', () => {
    const p = new TestProcess(testKernel(testArch({}, { wordBits: 32 })));
    const file = openTest(testFile(p.k, 'f', 4));
    const args = { addr: 0n, length: 2n * P, prot: 1, flags: MAP_SHARED, file, offset: (2n ** 32n - 2n) * P };
    expect(run(sysMmap(p.k, p.mm, args))).toBe(-ERRNO.EOVERFLOW);
    expect(run(sysMmap(p.k, p.mm, { ...args, length: P }))).toBeGreaterThan(0);
  });
});

function mayNotLock(p: TestProcess, limit: number): Partial<MappedFile> {
  p.mm.capIpcLock = false;
  p.mm.rlimits.memlock = limit;
  return {};
}

const A = 100n * P;

describe.each<[string, bigint, bigint, Outcome]>([
  ['an unaligned start', A + 1n, P, 'EINVAL'],
  ['a start above the top', TOP + P, 0n, 'EINVAL'],
  ['a length beyond the top', A, TOP - A + 1n, 'EINVAL'],
  ['length 0', A, 0n, 'EINVAL'],
  ['everything', 0n, TOP, 'ok'],
  ['a length in bytes', A, 1n, 'ok'],
  ['the largest length', A, MAX, 'EINVAL'],
])('munmap of %s', (_, addr, length, expected) => {
  test(expected, () => {
    const p = process();
    expect(named(run(sysMunmap(p.k, p.mm, addr, length)))).toBe(expected);
    checkAreas(p.k);
  });
});

describe.each<[string, bigint, bigint, number, Outcome]>([
  ['both growth flags, unaligned', A + 1n, P, 0x0300_0000, 'EINVAL'],
  ['an unaligned start of length 0', A + 1n, 0n, 1, 'EINVAL'],
  ['length 0 with unknown bits', A, 0n, 0x100, 'ok'],
  ['a length that wraps with unknown bits', A, MAX, 0x100, 'ENOMEM'],
  ['unknown bits where nothing is', 50n * P, P, 0x100, 'EINVAL'],
  ['a start where nothing is', 50n * P, P, 1, 'ENOMEM'],
  ['a hole', A, 10n * P, 1, 'ENOMEM'],
  ['a growth flag on an ordinary area', A, P, 0x0100_0001, 'EINVAL'],
  ['PROT_SEM', A, P, 8, 'ok'],
  ['an area', A, 4n * P, 1, 'ok'],
])('mprotect of %s', (_, addr, length, prot, expected) => {
  test(expected, () => {
    const p = process();
    expect(named(run(sysMprotect(p.k, p.mm, addr, length, prot)))).toBe(expected);
    checkAreas(p.k);
  });
});

test('mprotect: a right without its MAY bit is EACCES, and what came before stays changed', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 4), { writable: false });
  p.mmap(104, 2, 1, MAP_SHARED | MAP_FIXED, file);
  p.mprotect(100, 4, 1);
  expect(p.mprotect(100, 6, 3)).toBe(-ERRNO.EACCES);
  expect(p.mm.vmas.find(100)?.flags).toSatisfy((flags: number) => (flags & 2) !== 0);
  checkAreas(p.k);
});

describe.each<[string, [bigint, bigint, bigint, number, bigint], Outcome]>([
  ['unknown flags', [A, P, P, 4, 0n], 'EINVAL'],
  ['an unaligned address', [A + 1n, P, P, 1, 0n], 'EINVAL'],
  ['new length 0', [A, P, 0n, 1, 0n], 'EINVAL'],
  ['a new length that wraps to 0', [A, P, MAX, 1, 0n], 'EINVAL'],
  ['an unaligned new address', [A, P, P, 3, 200n * P + 1n], 'EINVAL'],
  ['fixed without maymove', [A, P, P, 2, 200n * P], 'EINVAL'],
  ['a new address beyond the top', [A, P, 2n * P, 3, TOP - P], 'EINVAL'],
  ['an overlap from below', [A, 4n * P, 4n * P, 3, A - P], 'EINVAL'],
  ['an overlap from above', [A, 4n * P, P, 3, A + 3n * P], 'EINVAL'],
  ['a shrink where nothing is', [50n * P, 4n * P, P, 0, 0n], 'ok'],
  ['a shrink that begins above the top', [TOP + P, 4n * P, P, 0, 0n], 'EINVAL'],
  ['a growth where nothing is', [50n * P, P, 2n * P, 1, 0n], 'EFAULT'],
  ['an old range beyond its area', [A, 6n * P, 7n * P, 1, 0n], 'EFAULT'],
  ['a growth into a neighbour without maymove', [A, 4n * P, 8n * P, 0, 0n], 'ENOMEM'],
  ['a growth from the middle without maymove', [A, 2n * P, 3n * P, 0, 0n], 'ENOMEM'],
  ['a growth in place', [A, 4n * P, 6n * P, 0, 0n], 'ok'],
])('mremap with %s', (_, [addr, oldLength, newLength, flags, newAddr], expected) => {
  test(expected, () => {
    const p = process();
    expect(named(run(sysMremap(p.k, p.mm, addr, oldLength, newLength, flags, newAddr)))).toBe(expected);
    checkAreas(p.k);
  });
});

describe.each<[string, bigint, bigint, number, Outcome]>([
  ['an unknown advice, of length 0 and unaligned', A + 1n, 0n, 99, 'EINVAL'],
  ['length 0', 50n * P, 0n, 4, 'ok'],
  ['an unaligned start', A + 1n, P, 4, 'EINVAL'],
  ['a length that wraps to 0', A, MAX, 4, 'EINVAL'],
  ['a range that wraps', A, 2n ** 64n - P, 4, 'EINVAL'],
  ['a range where nothing is', 50n * P, P, 4, 'ENOMEM'],
  ['a range with a hole', A, 10n * P, 4, 'ENOMEM'],
  ['willneed without a file', A, P, 3, 'EBADF'],
  ['remove without a file', A, P, 5, 'EINVAL'],
])('madvise with %s', (_, addr, length, advice, expected) => {
  test(expected, () => {
    const p = process();
    expect(named(run(sysMadvise(p.k, p.mm, addr, length, advice)))).toBe(expected);
    checkAreas(p.k);
  });
});

test('madvise: with the defects kept an unknown advice is noticed at an area only (D14)', () => {
  const p = new TestProcess(testKernel(testArch(), { defectsKept: true }));
  p.anon(100, 2);
  expect(p.madvise(100, 0, 99)).toBe(0);
  expect(p.madvise(50, 1, 99)).toBe(-ERRNO.ENOMEM);
  expect(p.madvise(100, 1, 99)).toBe(-ERRNO.EINVAL);
});

test('madvise: remove wants a shared writable area (D4), then a file system that can', () => {
  const p = process();
  const file = openTest(testFile(p.k, 'f', 4));
  p.mmap(200, 2, 3, MAP_PRIVATE | MAP_FIXED, file);
  p.mmap(204, 2, 3, MAP_SHARED | MAP_FIXED, file);
  expect(p.madvise(200, 2, p.k.arch.madvRemove)).toBe(-ERRNO.EACCES);
  expect(p.madvise(204, 2, p.k.arch.madvRemove)).toBe(-ERRNO.ENOSYS);
});

test('mlock: the right, the limit, then the range', () => {
  const p = process();
  p.mm.capIpcLock = false;
  p.mm.rlimits.memlock = 0;
  expect(run(sysMlock(p.k, p.mm, MAX, MAX))).toBe(-ERRNO.EPERM);
  p.mm.rlimits.memlock = 4 * 4096;
  expect(run(sysMlock(p.k, p.mm, A, 5n * P))).toBe(-ERRNO.ENOMEM);
  expect(run(sysMlock(p.k, p.mm, 50n * P, P))).toBe(-ERRNO.ENOMEM);
  expect(run(sysMlock(p.k, p.mm, A, 0n))).toBe(0);
  expect(run(sysMlock(p.k, p.mm, A + 1n, 1n))).toBe(0);
  expect(p.mm.lockedVm).toBe(1);
  expect(run(sysMlock(p.k, p.mm, A, 4n * P))).toBe(0);
  expect(run(sysMlock(p.k, p.mm, 106n * P, P))).toBe(-ERRNO.ENOMEM);
  expect(run(sysMunlock(p.k, p.mm, 2n ** 64n - P, 2n * P))).toBe(-ERRNO.EINVAL);
  expect(run(sysMunlock(p.k, p.mm, A, 6n * P))).toBe(-ERRNO.ENOMEM);
  expect(p.mm.lockedVm).toBe(0);
  expect(run(sysMlockall(p.k, p.mm, 0))).toBe(-ERRNO.EINVAL);
  expect(run(sysMlockall(p.k, p.mm, 8))).toBe(-ERRNO.EINVAL);
  expect(run(sysMlockall(p.k, p.mm, 1))).toBe(-ERRNO.ENOMEM);
  checkAreas(p.k);
});

test('mlock: pages that are locked already count once, twice with the defects kept (D12)', () => {
  for (const kept of [false, true]) {
    const p = new TestProcess(testKernel(testArch(), { defectsKept: kept }));
    p.anon(100, 4);
    p.mm.capIpcLock = false;
    p.mm.rlimits.memlock = 6 * 4096;
    expect(p.mlock(100, 4)).toBe(0);
    expect(p.mlock(100, 4)).toBe(kept ? -ERRNO.ENOMEM : 0);
    expect(p.mm.lockedVm).toBe(4);
  }
});

describe.each<[string, bigint, bigint, number, Outcome]>([
  ['unknown flags', A, P, 8, 'EINVAL'],
  ['an unaligned start', A + 1n, 0n, 1, 'EINVAL'],
  ['both ways at once', A, P, 5, 'EINVAL'],
  ['a range that wraps', A, 2n ** 64n - P, 4, 'ENOMEM'],
  ['length 0 where nothing is', 50n * P, 0n, 4, 'ok'],
  ['a hole', A, 10n * P, 4, 'ENOMEM'],
])('msync with %s', (_, addr, length, flags, expected) => {
  test(expected, () => {
    const p = process();
    expect(named(run(sysMsync(p.k, p.mm, addr, length, flags)))).toBe(expected);
  });
});

describe.each<[string, bigint, bigint, Outcome]>([
  ['an unaligned start', TOP + 1n, P, 'EINVAL'],
  ['a start at the top', TOP, 0n, 'ENOMEM'],
  ['a length beyond the top', A, TOP, 'ENOMEM'],
  ['a length that wraps', A, MAX, 'ENOMEM'],
  ['length 0', A, 0n, 'ok'],
  ['anonymous memory', A, P, 'ENOMEM'],
])('mincore of %s', (_, addr, length, expected) => {
  test(expected, () => {
    const p = process();
    expect(named(run(sysMincore(p.k, p.mm, addr, length, [])))).toBe(expected);
  });
});

test('no argument makes a call throw or break a counter', () => {
  const edges = [0n, 1n, P - 1n, P, A, A + 1n, TOP - P, TOP - 1n, TOP, TOP + P, 2n ** 63n, MAX - P, MAX - P + 1n, MAX];
  const num = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }));
  const small = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer());
  for (const wordBits of [32, 64] as const) {
    fc.assert(
      fc.property(num, num, num, small, small, num, (a, b, c, flags, prot, d) => {
        const p = new TestProcess(testKernel(testArch({}, { wordBits })));
        const { k, mm } = p;
        p.anon(100, 4);
        p.anon(106, 4);
        const calls = [
          sysMmap(k, mm, { addr: a, length: b, prot, flags: flags & ~MAP_LOCKED, file: null, offset: c }),
          sysMprotect(k, mm, a, b, prot),
          sysMremap(k, mm, a, b, c, flags & 3, d),
          sysMadvise(k, mm, a, b, flags),
          sysMunlock(k, mm, a, b),
          sysMsync(k, mm, a, b, flags & 7),
          sysMunmap(k, mm, a, b),
        ];
        for (const call of calls) expect(Number.isInteger(run(call))).toBe(true);
        run(sysBrk(k, mm, a));
        expect(mm.mmapSem.free).toBe(true);
        checkAreas(k);
      }),
      { numRuns: 400 },
    );
  }
});
