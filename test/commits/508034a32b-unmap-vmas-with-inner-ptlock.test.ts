/** Unmapping takes the lock of each table where it clears its entries, and holds none around the areas. */
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { mapHuge } from './support/huge.js';
import { AT, map, pages, touch } from './support/memory.js';
import { tableSteps } from './support/tables.js';

/** Locks around the tables of an unmap that spans two, and whether one is held where an area begins or ends. */
function around({ arch, machine: make }: Bench, nrCpus: number): { locks: string; held: number } {
  const machine = make({ config: { nrCpus }, memory: '256MiB', overcommit: 1 });
  const span = 1 << (arch.geometry.bits[arch.geometry.depth - 1] as number);
  const process = machine.spawn();
  map(process, 2 * span);
  touch(process, 1);
  touch(process, 1, span);
  const spy = machine.spy();
  process.munmap(AT, pages(machine, 2 * span));
  machine.check();
  const steps: string[] = [];
  let held = 0;
  let heldOutside = 0;
  const locks: number[] = [];
  for (const event of spy.of('lock', 'unlock', 'clearPte', 'startVma', 'endVma', 'gatherFinish')) {
    if (event.name === 'lock' || event.name === 'unlock') {
      if (event.kind !== 'pte lock' && event.kind !== 'page_table_lock') continue;
      held += event.name === 'lock' ? 1 : -1;
      if (!locks.includes(event.lock)) locks.push(event.lock);
      steps.push(event.name);
    } else if (event.name === 'clearPte') {
      steps.push('clear');
    } else if (held > 0) {
      heldOutside++;
    }
  }
  return { locks: `${steps.join(' ')} (${locks.length})`, held: heldOutside };
}

export default commit({
  commits: ['508034a32b'],
  outcomes: {
    'locks (how many) and cleared entries of an unmap over two tables, and locks held outside, built for 4 CPUs': {
      run: (bench) => around(bench, 4),
      expected: { locks: 'lock clear unlock lock clear unlock (2)', held: 0 },
    },
    'locks (how many) and cleared entries of an unmap over two tables, and locks held outside, built for 1 CPU': {
      run: (bench) => around(bench, 1),
      expected: { locks: 'lock clear unlock lock clear unlock (1)', held: 0 },
      without: { locks: 'lock clear clear unlock (1)', held: 2 },
    },
    'an unmap over two tables, each mapped for as long as it is locked': {
      run: ({ arch, machine: make }) => {
        const machine = make({ config: { nrCpus: 4, highpte: true }, memory: '256MiB', overcommit: 1 });
        const span = 1 << (arch.geometry.bits[arch.geometry.depth - 1] as number);
        const process = machine.spawn();
        map(process, 2, {}, span - 1);
        touch(process, 2, span - 1);
        const spy = machine.spy();
        process.munmap(AT, pages(machine, 2 * span));
        machine.check();
        return tableSteps(spy, 'clearPte');
      },
      expected: 'map, lock, clearPte, unlock, unmap, map, lock, clearPte, unlock, unmap',
      without: 'map, clearPte, unmap, map, clearPte, unmap',
    },
    'an unmap of two huge pages: page_table_lock around all of it, then one flush of the range': {
      run: (bench) => {
        const { machine, process, at } = mapHuge(bench, 2);
        for (const page of [0, 1]) process.store8(at(page), 1);
        const spy = machine.spy();
        process.munmap(at(0), at(2) - at(0));
        machine.check();
        const steps: string[] = [];
        for (const event of spy.of('lock', 'unlock', 'flushRange', 'freePage')) {
          if (event.name === 'flushRange') steps.push('flush');
          else if (event.name !== 'freePage' && event.kind === 'page_table_lock') steps.push(event.name);
        }
        return steps.slice(0, 3);
      },
      expected: ['lock', 'unlock', 'flush'],
    },
  },
});
