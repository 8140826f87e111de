/** fork counts what it copies where it copies it: pages of files, anonymous pages, and nothing for other entries. */
import { commit } from './support/commit.js';
import { frameOf, map, pteOf, swapOut, swapReferences, touch } from './support/memory.js';

export default commit({
  commits: ['8c10376271'],
  outcomes: {
    "a child's rss and entries after fork of 4 anonymous pages, 2 in swap and 3 that are not there": {
      run: ({ machine: make }) => {
        const machine = make({ swap: '16MiB' });
        const parent = machine.spawn();
        map(parent, 9);
        touch(parent, 6);
        swapOut(parent, 2, 4);
        const references = swapReferences(machine);
        const child = parent.fork();
        machine.check();
        const f = machine.arch.pteFormat;
        const kinds = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((page) => {
          const entry = pteOf(child, page);
          if (entry === null || f.isNone(entry.hi, entry.lo)) return '-';
          return frameOf(child, page) >= 0 ? 'p' : 's';
        });
        return {
          anonRss: child.mm.anonRss,
          fileRss: child.mm.fileRss,
          entries: kinds.join(''),
          swapReferences: swapReferences(machine) - references,
        };
      },
      expected: { anonRss: 4, fileRss: 0, entries: 'ppppss---', swapReferences: 2 },
    },
  },
});
