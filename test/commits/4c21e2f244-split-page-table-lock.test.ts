/** Built for four CPUs or more, every pte table has a lock of its own; page_table_lock guards the rest. */
import { interleave, type Op, SteppedOp } from '@fourfold/core';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { map, pageAt, pages, touch } from './support/memory.js';

/** How many pages one pte table maps. */
function span(arch: Bench['arch']): number {
  return 1 << (arch.geometry.bits[arch.geometry.depth - 1] as number);
}

/** Locks taken for the entries of faults in two tables, twice in the first. */
function faultLocks({ arch, machine: make }: Bench, nrCpus: number): string {
  const machine = make({ config: { nrCpus }, memory: '256MiB', overcommit: 1 });
  const process = machine.spawn();
  map(process, 2 * span(arch));
  for (const page of [0, span(arch)]) touch(process, 1, page);
  const locks = [1, 2, span(arch) + 1].map((page) => {
    const spy = machine.spy();
    touch(process, 1, page);
    const taken = spy.of('lock').filter((lock) => lock.mode === 'spin');
    return taken.map((lock) => lock.lock).join();
  });
  const distinct = new Set(locks).size;
  const shared = locks[0] === String(process.mm.pageTableLock.number);
  return `${locks[0] === locks[1] ? 'same' : 'another'} in one table, ${distinct === 2 ? 'another' : 'same'} in two${shared ? ', page_table_lock' : ''}`;
}

export default commit({
  commits: ['4c21e2f244'],
  outcomes: {
    'pte locks in one table and in two, built for 4 CPUs': {
      run: (bench) => faultLocks(bench, 4),
      expected: 'same in one table, another in two',
      without: 'same in one table, same in two, page_table_lock',
    },
    'pte locks in one table and in two, built for 3 CPUs': {
      run: (bench) => faultLocks(bench, 3),
      expected: 'same in one table, same in two, page_table_lock',
    },
    'contended acquisitions while two CPUs fault in different tables': {
      run: ({ arch, machine: make }) => {
        const machine = make({ cpus: 2, config: { nrCpus: 4, preempt: true }, memory: '256MiB', overcommit: 1 });
        const process = machine.spawn();
        const thread = process.thread();
        thread.runOn(1);
        map(process, 2 * span(arch));
        touch(process, 1);
        touch(process, 1, span(arch));
        machine.inject.pause = () => true;
        const spy = machine.spy(1 << 18);
        const store = (who: typeof process, page: number): SteppedOp<unknown> =>
          new SteppedOp(
            `store ${page}`,
            who.ops.store(pageAt(machine, page), new Uint8Array(Number(pages(machine, 8)))) as Op<unknown>,
          );
        let turn = 0;
        interleave([store(process, 1), store(thread, span(arch) + 1)], () => turn++);
        machine.inject.clear();
        machine.check();
        return spy.count('contend');
      },
      expected: 0,
    },
    'locks of tables that are left when the tables are gone': {
      run: ({ machine: make }) => {
        const machine = make({ config: { nrCpus: 4 } });
        const process = machine.spawn();
        map(process, 4);
        touch(process, 4);
        const before = machine.kernel.pteLocks.size;
        process.munmap(pageAt(machine, 0), pages(machine, 4));
        machine.check();
        return [before, machine.kernel.pteLocks.size];
      },
      expected: [1, 0],
      without: [0, 0],
    },
    'locks of a move of 4 pages inside one table, and into another': {
      run: ({ arch, machine: make }) =>
        [64, span(arch)].map((to) => {
          const machine = make({ config: { nrCpus: 4 }, memory: '256MiB' });
          const process = machine.spawn();
          map(process, 4);
          touch(process, 4);
          map(process, 1, {}, to + 8);
          touch(process, 1, to + 8);
          const spy = machine.spy();
          process.mremap(pageAt(machine, 0), pages(machine, 4), pages(machine, 4), 3, pageAt(machine, to));
          machine.check();
          const events = spy.of('lock', 'unlock').filter((event) => event.kind === 'pte lock');
          let held = 0;
          let most = 0;
          for (const event of events) {
            held += event.name === 'lock' ? 1 : -1;
            most = Math.max(most, held);
          }
          return most;
        }),
      expected: [1, 2],
    },
  },
});
