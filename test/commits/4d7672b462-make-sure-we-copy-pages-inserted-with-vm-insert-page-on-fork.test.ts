/** fork copies the entries of areas that pages were inserted into: no fault could find them again. */
import { RingDevice, VM_INSERTPAGE, vmInsertPage } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, countsOf, done, driver } from './support/driver.js';
import { frameOf, look, map, run, vpnAt, warmFile } from './support/memory.js';

export default commit({
  commits: ['4d7672b462'],
  outcomes: {
    'a shared area with one inserted page, forked: the page in the child, its counts, the child’s file_rss': {
      run: ({ machine: make }) => {
        const machine = make();
        const ring = new RingDevice(machine.kernel, 1, 'insert');
        const page = ring.pages[0] as number;
        const parent = machine.spawn();
        map(parent, 1, { file: ring.open(), flags: 'shared|fixed' });
        const child = parent.fork();
        machine.check();
        return [frameOf(child, 0) === page, countsOf(machine, page, 1)[0], child.mm.fileRss];
      },
      // The ring's own reference and one an entry.
      expected: [true, [3, 2], 1],
      without: [false, [2, 1], 0],
    },
    'an ordinary shared file with resident pages, forked: tables of the child, and after its first access': {
      run: ({ machine: make }) => {
        const machine = make();
        const parent = machine.spawn();
        map(parent, 2, { file: warmFile(machine, 2), flags: 'shared|fixed' });
        look(parent, 2);
        const child = parent.fork();
        const copied = [child.mm.nrPtes, child.mm.fileRss];
        look(child, 1);
        machine.check();
        return [copied, child.minFlt, child.mm.fileRss];
      },
      expected: [[0, 0], 1, 1],
    },
    'an insertion that found something there marks the area all the same': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const process = machine.spawn();
        const ring = new RingDevice(k, 1, 'nopage');
        if (ring.nopage === undefined) throw new Error('the ring has no nopage');
        const file = driver(machine, () => done(0), {}, { nopage: ring.nopage });
        map(process, 1, { file, flags: 'shared|fixed' });
        look(process, 1);
        const vma = areaAt(process, 0);
        const before = (vma.flags & VM_INSERTPAGE) !== 0;
        const error = run(vmInsertPage(k, vma, vpnAt(machine, 0), ring.pages[0] as number));
        return [before, error, (vma.flags & VM_INSERTPAGE) !== 0];
      },
      expected: [false, -16, true],
    },
  },
});
