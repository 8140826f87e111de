/**
 * Two operations stepped against each other under random schedules. A long operation breaks off at its voluntary yield
 * points with its locks held; the other waits where it must, goes on where it may, and the machine is in order afterwards.
 */
import { interleave, Machine, MmError, type Op, runToEnd, SteppedOp } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;
const PAGES = 48;

function setUp(arch: (typeof MACHINES)[number], nrCpus: number) {
  const machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 10), config: { nrCpus, preempt: true } });
  const parent = machine.spawn();
  const thread = parent.thread();
  const length = BigInt(PAGES * machine.pageSize);
  parent.mmap({ addr: AT, length, prot: 'rw', flags: 'private|anonymous|fixed' });
  const address = (page: number): bigint => AT + BigInt(page * machine.pageSize);
  for (let page = 0; page < PAGES; page++) parent.store8(address(page), page + 1);
  machine.inject.needResched = () => true;
  return { machine, parent, thread, length, address };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test.each([1, 4])('a fork and a store of another thread, in any order (built for %i CPUs)', (nrCpus) => {
    fc.assert(
      fc.property(fc.nat(PAGES - 1), fc.infiniteStream(fc.nat(1)), (page, choices) => {
        const { machine, parent, thread, address } = setUp(arch, nrCpus);
        const fork = new SteppedOp('fork', parent.ops.fork() as Op<unknown>);
        const store = new SteppedOp('store', thread.ops.store(address(page), Uint8Array.of(200)) as Op<unknown>);
        interleave([fork, store], () => choices.next().value as number);
        machine.inject.needResched = null;
        machine.check();
        const child = machine.processes[machine.processes.length - 1] as typeof parent;
        expect(parent.load8(address(page))).toBe(200);
        expect([page + 1, 200]).toContain(child.load8(address(page)));
        for (let p = 0; p < PAGES; p++) if (p !== page) expect(child.load8(address(p))).toBe(p + 1);
        machine.check();
      }),
      { numRuns: 20 },
    );
  });

  test('a munmap and a store of another thread: the store lands before, or is a signal after', () => {
    fc.assert(
      fc.property(fc.nat(PAGES - 1), fc.infiniteStream(fc.nat(1)), (page, choices) => {
        const { machine, parent, thread, length, address } = setUp(arch, 1);
        const unmap = new SteppedOp('munmap', parent.ops.munmap(AT, length) as Op<unknown>);
        const store = new SteppedOp('store', thread.ops.store(address(page), Uint8Array.of(200)) as Op<unknown>);
        const schedule = interleave([unmap, store], () => choices.next().value as number);
        expect(schedule).toContain('munmap');
        machine.check();
        expect(parent.mm.rss).toBe(0);
        expect(parent.mm.nrPtes).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    [1, 1],
    [2, 1],
    [2, 4],
  ])(
    'two processes and a thread on %i CPUs, in any order, each keep to their own memory (built for %i CPUs)',
    (cpus, nrCpus) => {
      fc.assert(
        fc.property(fc.infiniteStream(fc.nat(3)), (choices) => {
          const memory = 2 ** (arch.geometry.pageShift + 11);
          const machine = new Machine({ arch, memory, cpus, config: { nrCpus, preempt: true } });
          const parent = machine.spawn();
          const thread = parent.thread();
          thread.runOn(cpus - 1);
          const other = machine.spawn({ cpu: cpus - 1 });
          const { pageSize } = machine;
          const length = BigInt(PAGES * pageSize);
          const address = (page: number): bigint => AT + BigInt(page * pageSize);
          for (const process of [parent, other]) {
            process.mmap({ addr: AT, length, prot: 'rw', flags: 'private|anonymous|fixed' });
            for (let page = 0; page < PAGES; page++) process.store8(address(page), process === parent ? 1 : 2);
          }
          for (let page = 0; page < PAGES; page++) thread.load8(address(page));
          machine.inject.needResched = () => true;
          const loaded = new Uint8Array(Number(length));
          const ops = [
            new SteppedOp('fork', parent.ops.fork() as Op<unknown>),
            new SteppedOp('store', thread.ops.store(address(3), new Uint8Array(4 * pageSize).fill(1)) as Op<unknown>),
            new SteppedOp('load', thread.ops.load(AT, loaded) as Op<unknown>),
            new SteppedOp('munmap', other.ops.munmap(AT, length / 2n) as Op<unknown>),
          ];
          interleave(ops, () => choices.next().value as number);
          machine.inject.needResched = null;
          machine.check();
          for (let page = 0; page < PAGES; page++) {
            expect([loaded[page * pageSize], parent.load8(address(page))]).toEqual([1, 1]);
            if (page >= PAGES / 2) expect(other.load8(address(page))).toBe(2);
          }
          machine.check();
          for (const process of machine.processes) process.exit();
          expect(machine.kernel.committed).toBe(0);
          machine.check();
        }),
        { numRuns: 10 },
      );
    },
  );

  test('an operation that waits for what nobody will release is a deadlock, with what it waits for', () => {
    const { machine, parent } = setUp(arch, 1);
    const { mmapSem } = parent.mm;
    expect(mmapSem.tryWrite()).toBe(true);
    expect(() => runToEnd(parent.ops.munmap(AT, 4096n * 16n))).toThrow(MmError);
    expect(() => runToEnd(parent.ops.munmap(AT, 4096n * 16n))).toThrow(/MM_DEADLOCK.*mmap_sem/);
    mmapSem.upWrite();
    machine.check();
  });
});
