/** With a lock a table the counters of an mm are changed under different locks, and must still add up. */
import { interleave, type Op, type Process, SteppedOp } from '@fourfold/core';
import { commit } from './support/commit.js';
import { map, pageAt } from './support/memory.js';

const PAGES = 1000;

/** Faults on pages [first, first + PAGES), one operation. */
function* storing(process: Process, first: number): Op<unknown> {
  for (let i = 0; i < PAGES; i++) {
    yield* process.ops.store(pageAt(process.machine, first + i), Uint8Array.of(1)) as Op<unknown>;
  }
  return undefined;
}

export default commit({
  commits: ['f412ac08c9'],
  outcomes: {
    'anon_rss after two threads fault 1000 pages each in different tables, stopping wherever they can': {
      run: ({ arch, machine: make }) => {
        const span = 1 << (arch.geometry.bits[arch.geometry.depth - 1] as number);
        const apart = Math.ceil(PAGES / span) * span;
        const machine = make({
          cpus: 2,
          config: { nrCpus: 4, preempt: true },
          memory: 2 ** (arch.geometry.pageShift + 12),
          overcommit: 1,
          contents: false,
        });
        const process = machine.spawn();
        const thread = process.thread();
        thread.runOn(1);
        map(process, apart + PAGES);
        machine.inject.pause = () => true;
        let turn = 0;
        interleave(
          [new SteppedOp('a', storing(process, 0)), new SteppedOp('b', storing(thread, apart))],
          (runnable) => (turn++ * 7 + (turn >> 3)) % runnable,
        );
        machine.inject.clear();
        machine.check();
        return process.mm.anonRss;
      },
      expected: 2 * PAGES,
    },
  },
});
