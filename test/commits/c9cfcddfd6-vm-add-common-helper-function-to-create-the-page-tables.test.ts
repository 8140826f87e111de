/** get_locked_pte: every missing table made, the entry mapped with its lock held; nothing held or lost when memory is short. */
import { getLockedPte, pteLock, pteUnmapUnlock } from '@fourfold/core';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { map, pteOf, run, vpnAt } from './support/memory.js';

interface Locked {
  found: boolean;
  held: number;
  /** Pte tables mapped (CONFIG_HIGHPTE). */
  mapped: number;
  nrPtes: number;
  none: boolean;
}

/** get_locked_pte in an mm without tables, with the n-th frame refused (0: none). */
function locked({ machine: make }: Bench, n: number): Locked {
  const machine = make({ config: { nrCpus: 4, highpte: true } });
  const k = machine.kernel;
  const process = machine.spawn();
  map(process, 1);
  let asked = 0;
  machine.inject.failPage = () => n !== 0 && ++asked >= n;
  const at = run(getLockedPte(k, process.mm, vpnAt(machine, 0)));
  machine.inject.clear();
  const locks = [...k.pteLocks.values(), process.mm.pageTableLock].filter((lock) => lock.held);
  const entry = pteOf(process, 0);
  const result = {
    found: at !== 0,
    held: locks.length,
    mapped: k.pteMaps?.depth ?? 0,
    nrPtes: process.mm.nrPtes,
    none: entry === null || machine.arch.pteFormat.isNone(entry.hi, entry.lo),
  };
  if (at !== 0) pteUnmapUnlock(k, at, pteLock(k, process.mm, at));
  machine.check();
  process.exit();
  machine.check();
  return result;
}

export default commit({
  commits: ['c9cfcddfd6'],
  outcomes: {
    'get_locked_pte in an address space without tables': {
      run: (bench) => locked(bench, 0),
      expected: { found: true, held: 1, mapped: 1, nrPtes: 1, none: true },
    },
    'with the first, second and third table refused: entries found, locks held, tables mapped or made': {
      run: (bench) =>
        [1, 2, 3].filter((n) => {
          const { found, held, mapped, nrPtes } = locked(bench, n);
          // A machine with fewer tables, or with small ones, needs fewer frames.
          return found ? held !== 1 || mapped !== 1 || nrPtes !== 1 : held !== 0 || mapped !== 0 || nrPtes !== 0;
        }),
      expected: [],
    },
  },
});
