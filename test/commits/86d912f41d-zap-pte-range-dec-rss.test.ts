/** Unmapping counts down from zero and adds: nothing is ever subtracted, and nothing positive added. */
import { commit } from './support/commit.js';
import { AT, look, map, pages, touch, warmFile } from './support/memory.js';

export default commit({
  commits: ['86d912f41d'],
  outcomes: {
    'additions that are not negative while 10 file and 5 anonymous pages are unmapped': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 10, { file: warmFile(machine, 10) });
        map(process, 5, {}, 10);
        look(process, 10);
        touch(process, 5, 10);
        const spy = machine.spy();
        process.munmap(AT, pages(machine, 15));
        machine.check();
        const added = spy.of('addRss').map((event) => event.pages);
        return { some: added.length > 0, notNegative: added.filter((n) => n >= 0).length };
      },
      expected: { some: true, notNegative: 0 },
    },
  },
});
