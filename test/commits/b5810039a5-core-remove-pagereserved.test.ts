/** Every page is counted, the zero page too: each entry that maps it holds a reference, a mapcount and a file_rss. */
import { commit } from './support/commit.js';
import { look, map, pages } from './support/memory.js';

const N = 5;

export default commit({
  commits: ['b5810039a5'],
  outcomes: {
    'page_count, page_mapcount of the zero page and file_rss: two processes read 5 untouched pages each, then unmap them':
      {
        run: ({ machine: make }) => {
          const machine = make();
          const { map: mem, zeroPage } = machine.kernel;
          const processes = [machine.spawn(), machine.spawn()];
          const counts = (): (number | undefined)[] => [
            mem.count[zeroPage],
            mem.mapcount[zeroPage],
            ...processes.map((p) => p.mm.fileRss),
          ];
          const base = counts();
          for (const process of processes) {
            map(process, N);
            look(process, N);
          }
          machine.check();
          const mapped = counts().map((n, i) => (n as number) - (base[i] as number));
          for (const process of processes) process.munmap(0x2000_0000n, pages(machine, N));
          machine.check();
          const after = counts().map((n, i) => (n as number) - (base[i] as number));
          return { mapped, after };
        },
        expected: { mapped: [2 * N, 2 * N, N, N], after: [0, 0, 0, 0] },
      },
    'a page freed while it is reserved is reported': {
      run: ({ machine: make }) => {
        const machine = make();
        const { map: mem, pages: allocator } = machine.kernel;
        const page = allocator.alloc(0);
        mem.flags[page] = 1;
        try {
          allocator.put(page);
          return 'freed';
        } catch (error) {
          return (error as Error).message.startsWith('bad page');
        }
      },
      expected: true,
    },
  },
});
