/** Three sources of a copy on write: the zero page is not copied, a page is, a raw frame by the user's address. */
import { type Machine, type Process, remapPfnRange } from '@fourfold/core';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { driver, rawFrames } from './support/driver.js';
import { map, pageAt } from './support/memory.js';

/** Frames cleared, copied from a page, copied from a user address by a store to page 0. */
function sources({ machine: make }: Bench, prepare: (machine: Machine, process: Process) => void): number[] {
  const machine = make();
  const process = machine.spawn();
  prepare(machine, process);
  const spy = machine.spy();
  process.store8(pageAt(machine, 0), 1);
  machine.check();
  return [spy.count('clearPage'), spy.count('copyPage'), spy.count('copyUser')];
}

export default commit({
  commits: ['e5bbe4dfc8'],
  outcomes: {
    'frames cleared, copied, copied by address: a store over the zero page, a shared page, a raw frame': {
      run: (bench) => [
        sources(bench, (machine, process) => {
          map(process, 1);
          process.load8(pageAt(machine, 0));
        }),
        sources(bench, (machine, process) => {
          map(process, 1);
          process.store8(pageAt(machine, 0), 1);
          process.fork();
        }),
        sources(bench, (machine, process) => {
          const k = machine.kernel;
          const pfn = k.memory.pageToPfn(rawFrames(machine, 1));
          const file = driver(machine, (vma) => remapPfnRange(k, vma, vma.start, pfn, 1));
          map(process, 1, { file, flags: 'private|fixed' });
        }),
      ],
      expected: [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ],
    },
  },
});
