/** The entry is read without a lock, and whatever acts on it looks again under the lock. */
import { type Machine, type Op, type Process, SteppedOp } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import {
  fault,
  frameOf,
  map,
  outcome,
  pageAt,
  pages,
  plantPte,
  pteOf,
  run,
  touch,
  warmFile,
} from './support/memory.js';
import { tableSteps } from './support/tables.js';

/** A fault stopped at `point`, a sibling's store done meanwhile, then the fault's end. */
function raced(
  { machine: make }: Bench,
  kind: 'anonymous' | 'file',
  write: boolean,
): { outcome: string; rss: number; extraFrames: number; count: number | undefined } {
  const machine = make({ config: { nrCpus: 4 } });
  const process = machine.spawn();
  const thread = process.thread();
  if (kind === 'anonymous') map(process, 1);
  else map(process, 1, { file: warmFile(machine, 1), flags: 'shared|fixed' });
  // The tables are there: the race is about the entry.
  const warm = frameOf(process, 0);
  if (warm >= 0) throw new Error('the page was there');
  let stops = true;
  machine.inject.pause = (point) => stops && point === 'before pte lock';
  const op = new SteppedOp('fault', fault(process, 0, write) as Op<number>);
  op.stepTo('pause: before pte lock');
  stops = false;
  const free = machine.freePages;
  thread.store8(pageAt(machine, 0), 9);
  const code = op.finish();
  machine.inject.clear();
  machine.check();
  const page = frameOf(process, 0);
  return {
    outcome: outcome(code),
    rss: process.mm.rss,
    // The fault's own frame came back; the sibling's is the one in use.
    extraFrames: free - machine.freePages,
    count: machine.kernel.map.mapcount[page],
  };
}

/** A nonlinear area of a file, with a file entry for file page 5 at page 2 and a present entry at page 3. */
function withFileEntry(bench: Bench): { machine: Machine; process: Process } {
  const machine = bench.machine({ config: { nrCpus: 4 } });
  const process = machine.spawn();
  map(process, 8, { file: warmFile(machine, 8), flags: 'shared|fixed' });
  process.remapFilePages(pageAt(machine, 0), pages(machine, 1), 6);
  process.store8(pageAt(machine, 3), 1);
  const f = machine.arch.pteFormat;
  plantPte(process, 2, f.fileEntryHi(5), f.fileEntryLo(5));
  return { machine, process };
}

/** Maps and locks of the table of a fault on page 0, with what is allocated and copied in between. */
function steps({ machine: make }: Bench, prepare: (process: Process) => void, write: boolean): string {
  const machine = make({ config: { nrCpus: 4, highpte: true }, swap: '16MiB' });
  const process = machine.spawn();
  prepare(process);
  const spy = machine.spy();
  run(fault(process, 0, write));
  const seen = tableSteps(spy, 'allocPage', 'copyPage');
  machine.check();
  return seen;
}

export default commit({
  commits: ['8f4e2101fd'],
  outcomes: {
    'a write fault on an empty entry, overtaken by a sibling before it takes the lock': {
      run: (bench) => raced(bench, 'anonymous', true),
      expected: { outcome: 'MINOR', rss: 1, extraFrames: 0, count: 1 },
    },
    'maps and locks of a fault: a load, a store, a store that copies, a page of a file': {
      run: (bench) => {
        const table = (process: Process): void => {
          map(process, 2);
          touch(process, 1, 1);
        };
        const shared = (process: Process): void => {
          table(process);
          touch(process, 1);
          process.fork();
        };
        const file = (process: Process): void => {
          table(process);
          map(process, 1, { file: warmFile(process.machine, 1) });
        };
        return {
          load: steps(bench, table, false),
          store: steps(bench, table, true),
          copy: steps(bench, shared, true),
          file: steps(bench, file, false),
        };
      },
      // Only what is done at once keeps the table of the unlocked look mapped.
      expected: {
        load: 'map, lock, unlock, unmap',
        store: 'map, unmap, allocPage, map, lock, unlock, unmap',
        copy: 'map, lock, unlock, unmap, allocPage, copyPage, map, lock, unlock, unmap',
        file: 'map, unmap, allocPage, map, lock, unlock, unmap',
      },
    },
    'a fault on a page of a file, overtaken by a sibling': {
      run: (bench) => raced(bench, 'file', true),
      expected: { outcome: 'MINOR', rss: 1, extraFrames: 0, count: 1 },
    },
    'a present entry that changed between the look and the lock: minor, nothing stored, nothing flushed': {
      run: ({ machine: make }) => {
        const machine = make({ config: { nrCpus: 4 } });
        const process = machine.spawn();
        const thread = process.thread();
        map(process, 1);
        process.load8(pageAt(machine, 0));
        let stops = true;
        machine.inject.pause = (point) => stops && point === 'after pte read';
        const op = new SteppedOp('fault', fault(process, 0, true) as Op<number>);
        op.stepTo('pause: after pte read');
        stops = false;
        thread.store8(pageAt(machine, 0), 1);
        const entry = pteOf(process, 0);
        const spy = machine.spy();
        const code = op.finish();
        machine.inject.clear();
        machine.check();
        return {
          outcome: outcome(code),
          stores: spy.count('setPte') + spy.count('accessFlags'),
          flushes: spy.count('flushPage'),
          same: JSON.stringify(entry) === JSON.stringify(pteOf(process, 0)),
        };
      },
      expected: { outcome: 'MINOR', stores: 0, flushes: 0, same: true },
    },
    'pte locks taken by a fault on a file entry: one more where an entry is wider than a word': {
      run: (bench) => {
        const { machine, process } = withFileEntry(bench);
        const spy = machine.spy();
        run(fault(process, 2, false));
        const locks = spy.of('lock').filter((event) => event.kind === 'pte lock');
        machine.check();
        return locks.length;
      },
      expected: (arch: ArchDescriptor) => (arch.name === 'i386-pae' ? 2 : 1),
    },
    'a file entry whose halves were read around the store of a present one: minor, and no page was looked for': {
      machines: ['i386-pae'],
      run: (bench) => {
        const { machine, process } = withFileEntry(bench);
        const present = pteOf(process, 3);
        if (present === null) throw new Error('no entry');
        machine.inject.tear = () => {
          machine.inject.tear = null;
          plantPte(process, 2, present.hi, present.lo);
        };
        const spy = machine.spy();
        const code = run(fault(process, 2, false));
        const stays = pteOf(process, 2);
        return {
          outcome: outcome(code),
          stores: spy.count('setPte'),
          allocations: spy.count('allocPage'),
          locks: spy.of('lock').filter((event) => event.kind === 'pte lock').length,
          stays: stays?.lo === present.lo && stays.hi === present.hi,
        };
      },
      expected: { outcome: 'MINOR', stores: 0, allocations: 0, locks: 1, stays: true },
    },
  },
});
