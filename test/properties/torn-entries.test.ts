/**
 * i386-pae reads and stores an entry in two halves. Faults whose unlocked look falls between the halves of what another
 * thread does, on swap and file entries: no slot and no file page is ever looked for that no entry named, and no byte is lost.
 */
import { Machine, type Op, pageOutRange, runToEnd, SteppedOp } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fault, map, outcome, pageAt, plantPte, pteOf, swapOut, vpnAt } from '../commits/support/memory.js';
import { machine as arch } from '../support/machines.js';

const PAGES = 6;
const MACHINE = arch('i386-pae');

function setUp(): Machine {
  const machine = new Machine({ arch: MACHINE, memory: '4MiB', swap: '1MiB', cpus: 2, config: { nrCpus: 4 } });
  machine.kernel.swap.pageCluster = 0;
  return machine;
}

describe('i386-pae', () => {
  test('a swap entry that is half of each of two is not looked up', () => {
    const machine = setUp();
    const process = machine.spawn();
    map(process, 2);
    process.store8(pageAt(machine, 0), 1);
    process.store8(pageAt(machine, 1), 2);
    // The halves of a present page that may not be executed: the upper one would be a slot far beyond the area.
    const present = pteOf(process, 1);
    swapOut(process, 1);
    const swapped = pteOf(process, 0);
    if (present === null || swapped === null) throw new Error('no entry');
    expect([swapped.lo, present.hi === swapped.hi]).toEqual([0, false]);
    expect(present.hi).not.toBe(0);
    machine.inject.tear = () => {
      machine.inject.tear = null;
      plantPte(process, 0, present.hi, present.lo);
    };
    const spy = machine.spy();
    expect(outcome(runToEnd(fault(process, 0, false)))).toBe('MINOR');
    expect([spy.count('allocPage'), spy.count('setPte')]).toEqual([0, 0]);
    spy.stop();
    expect(pteOf(process, 0)).toEqual(present);
    plantPte(process, 0, swapped.hi, swapped.lo);
    expect([process.load8(pageAt(machine, 0)), process.load8(pageAt(machine, 1))]).toEqual([1, 2]);
    machine.check();
  });

  test('whatever another thread does between the halves, every byte stays', () => {
    const page = fc.nat(PAGES - 1);
    const between = fc.constantFrom('store', 'load', 'page out', 'rearrange', 'throw away', 'nothing');
    const round = fc.record({ page, write: fc.boolean(), halves: fc.array(between, { minLength: 1, maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(round, { maxLength: 60, size: 'max' }), (rounds) => {
        const machine = setUp();
        const process = machine.spawn();
        const thread = process.thread();
        thread.runOn(1);
        const inode = machine.createFile('f', { size: PAGES * machine.pageSize });
        for (let i = 0; i < PAGES; i++) inode.fillPage(i, i + 1);
        map(process, PAGES);
        map(process, PAGES, { file: { inode, readable: true, writable: true, refs: 1 }, flags: 'shared|fixed' }, PAGES);
        const anonymous = Array.from({ length: PAGES }, () => 0);
        const shows = Array.from({ length: PAGES }, (_, i) => i);
        let value = 0;
        const act = (what: string, n: number): void => {
          const at = pageAt(machine, n);
          const isFile = n >= PAGES;
          if (what === 'load') thread.load8(at);
          else if (what === 'store' && !isFile) {
            thread.store8(at, ++value & 255);
            anonymous[n] = value & 255;
          } else if (what === 'page out') {
            const vpn = vpnAt(machine, n);
            for (let look = 0; look < 2; look++) runToEnd(pageOutRange(machine.kernel, process.mm, vpn, vpn + 1));
          } else if (what === 'rearrange' && isFile) {
            const index = (n + (value % PAGES)) % PAGES;
            thread.remapFilePages(at, machine.pageSize, index);
            shows[n - PAGES] = index;
          } else if (what === 'throw away' && isFile) thread.madvise(at, machine.pageSize, 4);
        };
        for (const { page: n, write, halves } of rounds) {
          for (const target of [n, n + PAGES]) {
            const queue = [...halves];
            const readers: SteppedOp<number>[] = [];
            let busy = false;
            machine.inject.tear = () => {
              if (busy) return;
              busy = true;
              if ([...machine.kernel.pteLocks.values()].some((lock) => lock.held)) {
                // Between the halves of a store: another fault looks now, and waits for the lock with what it saw.
                const reader = new SteppedOp('reader', fault(thread, target, false) as Op<number>);
                while (!reader.done && reader.runnable) reader.step();
                readers.push(reader);
                machine.enter(process);
              } else {
                // Between the halves that the fault reads: what is done there is whole.
                act(queue.shift() ?? 'nothing', target);
                machine.enter(process);
              }
              busy = false;
            };
            const code = runToEnd(fault(process, target, write && target < PAGES) as Op<number>);
            machine.inject.clear();
            for (const end of [code, ...readers.map((reader) => reader.finish())])
              expect(['MINOR', 'MAJOR', 'MINOR|WRITE', 'MAJOR|WRITE']).toContain(outcome(end));
          }
          machine.check();
        }
        const found = Array.from({ length: 2 * PAGES }, (_, i) => process.load8(pageAt(machine, i)));
        expect(found).toEqual([...anonymous, ...shows.map((index) => index + 1)]);
        machine.check();
        process.exit();
        machine.check();
      }),
    );
  });
});
