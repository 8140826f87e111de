/**
 * A shared file mapping whose pages are rearranged, thrown away, reclaimed, truncated, moved and inherited in any order,
 * against a list that says which file page each page shows. Disk files and tmpfs.
 */
import { Machine, MemoryFault, MmError, type Process, runToEnd, tryToFreePages } from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AREA = 12;
const FILE = 10;
const AT = 0x2000_0000n;
const MADV_DONTNEED = 4;
const MAP_NONBLOCK = 0x10000;

type Step =
  | readonly ['remap', number, number, number, boolean]
  | readonly ['store', number, number]
  | readonly ['load', number]
  | readonly ['dontneed', number, number]
  | readonly ['truncate', number]
  | readonly ['protect', number, number]
  | readonly ['move']
  | readonly ['fork']
  | readonly ['reclaim']
  | readonly ['cut', number];

const at = fc.nat(AREA - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant('remap' as const), at, fc.integer({ min: 1, max: 4 }), fc.nat(FILE), fc.boolean()),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant('store' as const), at, fc.nat(255)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('load' as const), at) },
  fc.tuple(fc.constant('dontneed' as const), at, fc.integer({ min: 1, max: 6 })),
  fc.tuple(fc.constant('truncate' as const), fc.nat(FILE)),
  fc.tuple(fc.constant('protect' as const), at, fc.integer({ min: 1, max: 6 })),
  fc.tuple(fc.constant('move' as const)),
  fc.tuple(fc.constant('fork' as const)),
  fc.tuple(fc.constant('reclaim' as const)),
  fc.tuple(fc.constant('cut' as const), at),
);

function outcome(run: () => unknown): unknown {
  try {
    return run() ?? 0;
  } catch (error) {
    if (error instanceof MemoryFault || error instanceof MmError) return error.code;
    throw error;
  }
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test.each(['disk', 'tmpfs'])('rearranged pages of a file of the %s show what they should, after anything', (kind) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), fc.boolean(), (steps, preempt) => {
        const { pageShift, pageSize } = arch.geometry;
        const machine = new Machine({
          arch,
          memory: 2 ** (pageShift + 9),
          swap: 2 ** (pageShift + 6),
          mounts: { '/tmp': tmpfs() },
          config: { preempt, nrCpus: preempt ? 4 : 1 },
        });
        const file = machine.open(kind === 'disk' ? '/f' : '/tmp/f', { create: true });
        const truncate = (pages: number): void => {
          file.inode.setSize(pages * pageSize).next();
        };
        let process: Process = machine.spawn();
        let base = AT;
        const page = (n: number): bigint => base + BigInt(n * pageSize);
        /** The first byte of each file page; as long as the file. */
        let bytes: number[] = Array(FILE).fill(0);
        /** The file page each page shows; null: unmapped. */
        const shows: (number | null)[] = Array.from({ length: AREA }, (_, n) => n);
        const setSize = (pages: number): void => {
          const op = file.inode.setSize(pages * pageSize);
          while (!op.next().done);
          bytes = Array.from({ length: pages }, (_, i) => bytes[i] ?? 0);
        };
        truncate(0);
        setSize(FILE);
        process.mmap({ addr: AT, length: AREA * pageSize, prot: 'rw', flags: 'shared|fixed', file });
        const look = (n: number): number | string => {
          const index = shows[n] as number | null;
          if (index === null) return 'SEGV_MAPERR';
          return bytes[index] ?? 'BUS_ADRERR';
        };
        for (const each of steps) {
          switch (each[0]) {
            case 'remap': {
              const [, n, pages, pgoff, nonblock] = each;
              const inOneArea = shows.slice(n, n + pages).every((p) => p !== null) && n + pages <= AREA;
              const result = outcome(() =>
                process.remapFilePages(page(n), pages * pageSize, pgoff, nonblock ? MAP_NONBLOCK : 0),
              );
              // A protected part is an area of its own: then it may be refused for its ends too.
              if (!inOneArea || pgoff + pages > bytes.length) expect(result).toBe('EINVAL');
              else expect([0, 'EINVAL']).toContain(result);
              if (result === 0) for (let i = 0; i < pages; i++) shows[n + i] = pgoff + i;
              break;
            }
            case 'store': {
              const [, n, value] = each;
              const before = look(n);
              const result = outcome(() => process.store8(page(n), value));
              expect(result).toBe(typeof before === 'number' ? 0 : before);
              if (result === 0) bytes[shows[n] as number] = value;
              break;
            }
            case 'load':
              expect(outcome(() => process.load8(page(each[1])))).toBe(look(each[1]));
              break;
            case 'dontneed':
              outcome(() =>
                process.madvise(page(each[1]), Math.min(each[2], AREA - each[1]) * pageSize, MADV_DONTNEED),
              );
              break;
            case 'truncate':
              setSize(each[1]);
              break;
            case 'protect': {
              const length = Math.min(each[2], AREA - each[1]) * pageSize;
              outcome(() => process.mprotect(page(each[1]), length, 'r'));
              outcome(() => process.mprotect(page(each[1]), length, 'rw'));
              break;
            }
            case 'move': {
              if (shows.includes(null)) break;
              const to = base === AT ? AT + BigInt(64 * pageSize) : AT;
              const moved = outcome(() => process.mremap(base, AREA * pageSize, AREA * pageSize, 3, to));
              if (typeof moved !== 'string') base = to;
              break;
            }
            case 'fork': {
              const child = process.fork();
              machine.check();
              process.exit();
              process = child;
              break;
            }
            case 'reclaim':
              for (let round = 0; round < 8; round++) runToEnd(tryToFreePages(machine.kernel));
              break;
            case 'cut':
              process.munmap(page(each[1]), pageSize);
              shows[each[1]] = null;
          }
          machine.check();
        }
        for (let n = 0; n < AREA; n++) expect([n, outcome(() => process.load8(page(n)))]).toEqual([n, look(n)]);
        process.exit();
        machine.close(file);
        machine.check();
      }),
      { numRuns: 60 },
    );
  });
});
