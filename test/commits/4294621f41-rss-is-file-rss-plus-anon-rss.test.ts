/** Two disjoint counters, added when somebody reads the total. */
import { commit } from './support/commit.js';
import { look, map, pageAt, touch, warmFile } from './support/memory.js';

export default commit({
  commits: ['4294621f41'],
  outcomes: {
    'file_rss and anon_rss of 3 pages written, 1 read of untouched memory, 2 of a file read; then 1 of the file written':
      {
        run: ({ machine: make }) => {
          const machine = make();
          const process = machine.spawn();
          map(process, 4);
          map(process, 2, { file: warmFile(machine, 2) }, 8);
          touch(process, 3);
          look(process, 1, 3);
          look(process, 2, 8);
          const { mm } = process;
          const before = [mm.fileRss, mm.anonRss, (process.status().VmRSS * 1024) / machine.pageSize];
          process.store8(pageAt(machine, 8), 1);
          machine.check();
          return [before, [mm.fileRss, mm.anonRss, mm.rss]];
        },
        expected: [
          [3, 3, 6],
          [2, 4, 6],
        ],
      },
  },
});
