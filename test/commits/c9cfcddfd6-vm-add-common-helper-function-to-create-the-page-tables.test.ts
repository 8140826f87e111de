/** get_locked_pte makes the tables on the way and answers the entry, locked; each table hangs off the right one above. */
import { getLockedPte } from '@fourfold/core';
import { commit } from './support/commit.js';
import { map, pteOf, pteWord, run, vpnAt } from './support/memory.js';

export default commit({
  commits: ['c9cfcddfd6', '49c91fb01f'],
  outcomes: {
    'in an empty mm: whether it answers what a walk finds, the lock held, nr_ptes, and an empty entry': {
      run: ({ arch, machine: make }) => {
        const machine = make();
        const { kernel: k } = machine;
        const process = machine.spawn();
        map(process, 1);
        const at = run(getLockedPte(k, process.mm, vpnAt(machine, 0)));
        const { held } = process.mm.pageTableLock;
        process.mm.pageTableLock.unlock();
        const pte = pteOf(process, 0);
        const isNone = pte !== null && arch.pteFormat.isNone(pte.hi, pte.lo);
        machine.check();
        return [at === pteWord(process, 0), held, process.mm.nrPtes, isNone];
      },
      expected: [true, true, 1, true],
    },
    'a failed allocation at each level: the answer, the lock, and tables left when the process is gone': {
      run: ({ arch, machine: make }) => {
        const { depth } = arch.geometry;
        return Array.from({ length: depth - 1 }, (_, level) => {
          const machine = make();
          const { kernel: k } = machine;
          const process = machine.spawn();
          map(process, 1);
          const upper = arch.upper[0]?.preallocated ? depth - 2 : depth - 1;
          if (level >= upper) return [0, false, 0];
          let left = level;
          const { memory } = machine.kernel;
          const small = arch.geometry.tableBytes.some((bytes) => bytes < memory.pageSize);
          machine.inject.failPage = () => left-- <= 0;
          // Small tables share pages, so the first failure may come at once: fail from the start there.
          if (small) left = 0;
          const at = run(getLockedPte(k, process.mm, vpnAt(machine, 0)));
          machine.inject.clear();
          const held = process.mm.pageTableLock.held;
          process.exit();
          machine.check();
          return [at, held, process.mm.nrPtes];
        });
      },
      expected: (arch: { geometry: { depth: number } }) => Array(arch.geometry.depth - 1).fill([0, false, 0]),
    },
  },
});
