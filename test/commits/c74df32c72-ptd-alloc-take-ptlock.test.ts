/** Tables are allocated without locks, and linked under page_table_lock after a second look. */
import { type Machine, type Op, type Process, SteppedOp } from '@fourfold/core';
import { commit } from './support/commit.js';
import { map, pageAt, touch } from './support/memory.js';
import { tableSteps } from './support/tables.js';

function storing(process: Process, machine: Machine, page: number): SteppedOp<unknown> {
  return new SteppedOp(`store ${page}`, process.ops.store(pageAt(machine, page), Uint8Array.of(1)) as Op<unknown>);
}

export default commit({
  commits: ['c74df32c72'],
  outcomes: {
    'events of the pte table of a first fault, in order': {
      run: ({ machine: make }) => {
        const machine = make({ config: { nrCpus: 4 } });
        const process = machine.spawn();
        map(process, 1);
        const spy = machine.spy();
        process.store8(pageAt(machine, 0), 1);
        const events = spy.records();
        const level = machine.arch.geometry.depth - 1;
        const from = events.findIndex((event) => event.name === 'allocTable' && event.level === level);
        return events
          .slice(from, from + 4)
          .map((event) => ('kind' in event ? `${event.name} ${event.kind}` : event.name));
      },
      expected: ['allocTable', 'lock page_table_lock', 'linkTable', 'unlock page_table_lock'],
    },
    'a fork that has to make a table (pte_alloc_map_lock): it is there before anything is mapped or locked': {
      run: ({ machine: make }) => {
        const machine = make({ config: { nrCpus: 4, highpte: true } });
        const process = machine.spawn();
        map(process, 1);
        touch(process, 1);
        const spy = machine.spy();
        process.fork();
        machine.check();
        const steps = tableSteps(spy, 'linkTable');
        return steps.slice(steps.lastIndexOf('linkTable'));
      },
      expected: 'linkTable, map, lock, map nested, lock, unlock, unmap nested, unlock, unmap',
    },
    'two faults that race in an empty region: both minor, one chain of tables, the other allocated and freed': {
      run: ({ machine: make }) => {
        const machine = make({ config: { nrCpus: 4 } });
        const process = machine.spawn();
        const thread = process.thread();
        map(process, 2);
        machine.inject.pause = (point) => point === 'before table link';
        const spy = machine.spy();
        const [a, b] = [storing(process, machine, 0), storing(thread, machine, 1)];
        while (!a.done || !b.done) {
          if (!a.done) a.step();
          if (!b.done) b.step();
        }
        machine.inject.clear();
        machine.check();
        const levels = machine.arch.geometry.depth - 1;
        return {
          nrPtes: process.mm.nrPtes,
          minor: [process.minFlt, thread.minFlt],
          linked: spy.count('linkTable') <= levels && spy.count('linkTable') >= 1,
          extra: spy.count('allocTable') - spy.count('linkTable'),
          freed: spy.count('freeTable') === spy.count('linkTable'),
          balance: spy.count('allocTable') - spy.count('freeTable') === spy.count('linkTable'),
        };
      },
      // i386-pae's middle tables come with the root: two real levels, one that can race.
      expected: (arch: { geometry: { depth: number }; upper: readonly { preallocated?: boolean }[] }) => ({
        nrPtes: 1,
        minor: [1, 1],
        linked: true,
        extra: arch.geometry.depth - 1 - (arch.upper[0]?.preallocated ? 1 : 0),
        freed: true,
        balance: true,
      }),
    },
  },
});
