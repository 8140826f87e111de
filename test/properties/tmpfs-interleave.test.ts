/**
 * Everything that moves the pages of a tmpfs file, stepped against everything else in any order, on two CPUs: faults, reads and
 * writes, truncations, holes, page-out, reclaim, swapoff, fork and exit. At the end nothing is out of order, nothing is left.
 */
import {
  interleave,
  Machine,
  type Op,
  pageOutRange,
  SteppedOp,
  swapOff,
  tryToFreePages,
  vmtruncateRange,
} from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';
import { pageOut } from '../support/page-out.js';

const AT = 0x2000_0000n;
const PAGES = 20;
const PRIVATE = 32;

const KINDS = [
  'store',
  'load',
  'store privately',
  'read',
  'write',
  'truncate',
  'grow',
  'punch',
  'advise',
  'page out',
  'reclaim',
  'fork',
  'exit',
  'swap off',
] as const;

function setUp(arch: (typeof MACHINES)[number]) {
  const { pageShift, pageSize } = arch.geometry;
  const machine = new Machine({
    arch,
    cpus: 2,
    memory: 2 ** (pageShift + 9),
    swap: 128 * pageSize,
    overcommit: 1,
    config: { nrCpus: 4, preempt: true },
    mounts: { '/tmp': tmpfs({ nr_blocks: 100 }) },
  });
  const file = machine.open('/tmp/f', { create: true });
  const page = (n: number): bigint => AT + BigInt(n * pageSize);
  const length = PAGES * pageSize;
  machine.truncate(file, length);
  const one = machine.spawn();
  one.mmap({ addr: AT, length, prot: 'rw', flags: 'shared|fixed', file });
  one.mmap({ addr: page(PRIVATE), length, prot: 'rw', flags: 'private|fixed', file });
  for (let n = 0; n < PAGES; n += 2) one.store8(page(n), n + 1);
  one.store8(page(PRIVATE + 4), 9);
  // Some pages begin in swap, some in its cache, some nowhere.
  pageOut(one, page(10), 6);
  const two = one.fork();
  two.runOn(1);
  return { machine, file, one, two, page, pageSize };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('any calls on a tmpfs file, in any order', () => {
    fc.assert(
      fc.property(
        fc.subarray([...KINDS], { minLength: 2, maxLength: 6 }),
        fc.infiniteStream(fc.nat(11)),
        fc.nat(PAGES - 4),
        (kinds, choices, at) => {
          const { machine, file, one, two, page, pageSize } = setUp(arch);
          const { kernel } = machine;
          const { inode } = file;
          const bytes = (pages: number): Uint8Array => new Uint8Array((pages - 1) * pageSize + 1).fill(7);
          const first = Number(page(0) >> BigInt(kernel.memory.pageShift));
          const ops: Record<(typeof KINDS)[number], () => Op<unknown>> = {
            store: () => one.ops.store(page(at), bytes(4)),
            load: () => two.ops.load(page(at), bytes(4)),
            'store privately': () => two.ops.store(page(PRIVATE + at), bytes(4)),
            read: () => inode.read(at * pageSize, bytes(4)),
            write: () => inode.write(at * pageSize, bytes(4)),
            truncate: () => inode.setSize(at * pageSize + 5),
            grow: () => inode.setSize(PAGES * pageSize + 5),
            punch: () => vmtruncateRange(kernel, inode, at * pageSize, (at + 4) * pageSize),
            advise: () => two.ops.madvise(page(at), BigInt(4 * pageSize), arch.madvRemove),
            'page out': () => pageOutRange(kernel, one.mm, first, first + PAGES),
            reclaim: () => tryToFreePages(kernel),
            fork: () => one.ops.fork(),
            exit: () => two.ops.exit(),
            'swap off': () => swapOff(kernel, 0),
          };
          // A process that ends calls nothing else.
          const steps = kinds.includes('exit')
            ? kinds.filter((kind) => !['load', 'store privately', 'advise'].includes(kind))
            : kinds;
          kernel.inject.needResched = () => (choices.next().value as number) % 2 === 0;
          kernel.inject.pause = () => (choices.next().value as number) % 3 === 0;
          interleave(
            steps.map((kind) => new SteppedOp(kind, ops[kind]())),
            () => choices.next().value as number,
          );
          kernel.inject.clear();
          machine.check();
          for (const process of machine.processes) process.exit();
          machine.unlink('/tmp/f');
          machine.close(file);
          machine.check();
          expect([kernel.committed, inode.mapping.pages.size, inode.allocatedPages]).toEqual([0, 0, 0]);
        },
      ),
      { numRuns: 80 },
    );
  });
});
