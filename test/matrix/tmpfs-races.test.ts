/**
 * Truncations and holes against faults on the same file (X8 and X10 of seed-commits.md): nobody ends up with a page that the
 * file no longer has.
 */
import { BUS_ADRERR, interleave, type Kernel, Machine, type Op, runToEnd, SteppedOp } from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;
const PAGES = 40;

function setUp(arch: (typeof MACHINES)[number], defects: 'mended' | 'kept' = 'mended') {
  const machine = new Machine({ arch, cpus: 2, overcommit: 1, defects, mounts: { '/tmp': tmpfs() } });
  const { pageSize } = machine;
  const file = machine.open('/tmp/f', { create: true });
  const length = PAGES * pageSize;
  machine.truncate(file, length);
  const [one, two] = [machine.spawn(), machine.spawn({ cpu: 1 })];
  for (const process of [one, two]) process.mmap({ addr: AT, length, prot: 'rw', flags: 'shared|fixed', file });
  const page = (n: number): bigint => AT + BigInt(n * pageSize);
  return { machine, kernel: machine.kernel, pageSize, file, one, two, page };
}

/** Entries that map a page of which the file knows nothing. */
function orphans(k: Kernel): number {
  let found = 0;
  for (const mm of k.mms) {
    for (const vma of mm.vmas) {
      for (let vpn = vma.start; vpn < vma.end; vpn++) {
        const at = k.tables.lookupPage(mm, vpn);
        if (at === 0) continue;
        const hi = k.tables.pteWords === 2 ? (k.memory.words[at + k.tables.hiAt] as number) : 0;
        const lo = k.memory.words[at + k.tables.loAt] as number;
        if (!k.arch.pteFormat.isPresent(hi, lo)) continue;
        const page = k.memory.pfnToPage(k.arch.pteFormat.frame(hi, lo));
        if (k.map.mapping[page] === 0) found++;
      }
    }
  }
  return found;
}

/** Steps an operation until it stops between nopage and the pte lock. */
function untilBeforePteLock(k: Kernel, op: Op<unknown>): SteppedOp<unknown> {
  const stepped = new SteppedOp('fault', op);
  k.inject.pause = (point) => point === 'before pte lock';
  while (!stepped.done && stepped.waiting?.what !== 'pause: before pte lock') stepped.step();
  k.inject.pause = null;
  return stepped;
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('a fault overtaken by a truncation drops its page; beyond the new size it is SIGBUS', () => {
    const { machine, kernel, file, one, page, pageSize } = setUp(arch);
    one.store8(page(3), 1);
    const fault = untilBeforePteLock(kernel, one.ops.load(page(5), new Uint8Array(1)));
    expect(fault.done).toBe(false);
    machine.truncate(file, 4 * pageSize);
    while (!fault.done) fault.step();
    expect(fault.result).toMatchObject({ signal: BUS_ADRERR, address: page(5) });
    expect(() => one.load8(page(5))).toThrow(/BUS_ADRERR/);
    expect(one.load8(page(3))).toBe(1);
    expect([orphans(kernel), file.inode.allocatedPages]).toEqual([0, 1]);
    machine.check();
  });

  test('a fault overtaken by a truncation elsewhere in the file asks for its page again', () => {
    const { machine, kernel, file, one, page, pageSize } = setUp(arch);
    const bytes = new Uint8Array(1);
    const fault = untilBeforePteLock(kernel, one.ops.load(page(5), bytes));
    let asked = 0;
    const { inode } = file;
    const nopage = inode.nopage?.bind(inode) as NonNullable<typeof inode.nopage>;
    inode.nopage = (...args) => {
      asked++;
      return nopage(...args);
    };
    machine.truncate(file, 6 * pageSize);
    while (!fault.done) fault.step();
    expect([asked, one.load8(page(5))]).toEqual([1, 0]);
    machine.check();
  });

  test('a hole against faults in it leaves no page mapped that the file does not have (D5)', () => {
    const orphansLeft = (defects: 'mended' | 'kept', choices: Iterator<number>): number => {
      const { machine, kernel, one, two, page, pageSize } = setUp(arch, defects);
      for (let n = 0; n < PAGES; n++) one.store8(page(n), 1);
      kernel.inject.needResched = () => true;
      interleave(
        [
          new SteppedOp('punch', one.ops.madvise(AT, BigInt(PAGES * pageSize), arch.madvRemove)),
          new SteppedOp('store', two.ops.store(page(10), new Uint8Array(20 * pageSize))),
          new SteppedOp('load', two.ops.load(page(20), new Uint8Array(15 * pageSize))),
        ],
        () => choices.next().value as number,
      );
      kernel.inject.clear();
      if (defects === 'mended') machine.check();
      return orphans(kernel);
    };
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(7)), (choices) => {
        expect(orphansLeft('mended', choices)).toBe(0);
      }),
      { numRuns: 10 },
    );
    // Punch until the first pages are out of the cache, store to what is left, punch to the end.
    const oneAfterTheOther = function* (): Generator<number, never, void> {
      yield 0;
      for (let n = 0; n < 1000; n++) yield n < 2 ? 0 : 1;
      for (;;) yield 0;
    };
    expect(orphansLeft('mended', oneAfterTheOther())).toBe(0);
    expect(orphansLeft('kept', oneAfterTheOther())).toBeGreaterThan(0);
  });

  test('MADV_REMOVE holds the semaphores of the inode, and its own mmap_sem only originally (D4)', () => {
    const held = (defects: 'mended' | 'kept'): boolean[] => {
      const { kernel, file, one, page, pageSize } = setUp(arch, defects);
      for (let n = 0; n < PAGES; n++) one.store8(page(n), 1);
      const { iSem, iAllocSem } = file.inode.mapping;
      const seen: boolean[][] = [];
      kernel.inject.needResched = (where) => {
        if (where === 'truncate_inode_pages') seen.push([iSem.writer, iAllocSem.writer, one.mm.mmapSem.writer]);
        return false;
      };
      expect(runToEnd(one.ops.madvise(AT, BigInt(PAGES * pageSize), arch.madvRemove))).toBe(0);
      return seen[0] as boolean[];
    };
    expect(held('mended')).toEqual([true, true, false]);
    expect(held('kept')).toEqual([true, true, true]);
  });

  test('private and read-only mappings may not punch; originally they may (D4)', () => {
    for (const [defects, expected] of [
      ['mended', /EACCES/],
      ['kept', null],
    ] as const) {
      const { machine, file, pageSize } = setUp(arch, defects);
      const process = machine.spawn();
      for (const [prot, flags] of [
        ['rw', 'private'],
        ['r', 'shared'],
      ] as const) {
        const va = process.mmap({ length: 4 * pageSize, prot, flags, file });
        const punch = (): void => process.madvise(va, pageSize, arch.madvRemove);
        if (expected === null) expect(punch).not.toThrow();
        else expect(punch).toThrow(expected);
      }
      machine.check();
    }
  });
});
