/** The gather says whether the whole address space goes away; entries and tables are reported accordingly. */
import { commit } from './support/commit.js';
import { AT, map, pages, touch } from './support/memory.js';

export default commit({
  commits: ['4d6ddfa924'],
  outcomes: {
    'fullmm of the gather, full of each cleared entry, and flush_tlb_pgtables calls: munmap, then exit': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 3);
        map(process, 2, {}, 8192);
        touch(process, 3);
        touch(process, 2, 8192);
        const spy = machine.spy();
        const seen = (): unknown[] => [
          [...new Set(spy.of('gatherStart').map((event) => event.full))],
          spy.of('clearPte').map((event) => event.full),
          spy.count('flushTables'),
        ];
        process.munmap(AT, pages(machine, 3));
        const unmap = seen();
        spy.clear();
        process.exit();
        machine.check();
        return [unmap, seen()];
      },
      expected: [
        [[0], [0, 0, 0], 1],
        [[1], [1, 1], 0],
      ],
    },
  },
});
