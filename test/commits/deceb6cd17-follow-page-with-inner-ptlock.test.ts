/** follow_page locks for itself, and hands out the zero page where a read of anonymous memory has no table to look at. */
import { commit } from './support/commit.js';
import { map, pageAt, pages, pteOf, run } from './support/memory.js';

export default commit({
  commits: ['deceb6cd17'],
  outcomes: {
    'get_user_pages for reading 1000 untouched pages: zero pages, tables made, faults, references of the zero page': {
      run: ({ arch, machine: make }) => {
        const machine = make({ memory: 2 ** (arch.geometry.pageShift + 12) });
        const { kernel: k } = machine;
        const process = machine.spawn();
        map(process, 1000);
        const before = k.map.count[k.zeroPage] as number;
        const pinned = process.pin(pageAt(machine, 0), 1000, false);
        const references = (k.map.count[k.zeroPage] as number) - before;
        machine.check();
        machine.unpin(pinned);
        const zeros = pinned.filter((page) => page === k.zeroPage).length;
        return { zeros, tables: process.mm.nrPtes, faults: process.minFlt, references };
      },
      expected: { zeros: 1000, tables: 0, faults: 0, references: 1000 },
    },
    'with a table there: faults of reading 3 more pages, and their file_rss': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 4);
        process.store8(pageAt(machine, 0), 1);
        const faults = process.minFlt;
        machine.unpin(process.pin(pageAt(machine, 1), 3, false));
        machine.check();
        return [process.minFlt - faults, process.mm.fileRss];
      },
      expected: [3, 3],
    },
    'entries there after mlock of 3 read-only untouched pages': {
      run: ({ arch, machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 3, { prot: 'r' });
        run(process.ops.mlock(pageAt(machine, 0), pages(machine, 3)));
        return [0, 1, 2].map((n) => {
          const pte = pteOf(process, n);
          return pte !== null && arch.pteFormat.isPresent(pte.hi, pte.lo);
        });
      },
      expected: [true, true, true],
    },
  },
});
