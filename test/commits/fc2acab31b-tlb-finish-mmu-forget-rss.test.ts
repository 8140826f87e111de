/** rss falls where entries are cleared, before the gather ends. */
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { AT, map, pages, touch } from './support/memory.js';

/** By how much rss has fallen when each gather of an unmap of 10 pages ends, and what changes after that. */
function fallen({ machine: make }: Bench, preempt: boolean): { atFinish: number[]; after: number } {
  const machine = make({ config: { preempt } });
  const process = machine.spawn();
  map(process, 10);
  touch(process, 10);
  const spy = machine.spy();
  process.munmap(AT, pages(machine, 10));
  machine.check();
  let rss = 0;
  let after = 0;
  const atFinish: number[] = [];
  let flushed = false;
  for (const event of spy.of('addRss', 'gatherFlush', 'gatherFinish')) {
    if (event.name === 'addRss') {
      rss += event.pages;
      if (flushed) after++;
    } else if (event.name === 'gatherFlush') {
      atFinish.push(rss);
      flushed = true;
    } else {
      flushed = false;
    }
  }
  return { atFinish, after };
}

export default commit({
  commits: ['fc2acab31b'],
  outcomes: {
    'rss already gone when the gather of an unmap of 10 pages flushes; changes of rss after that': {
      run: (bench) => fallen(bench, false),
      expected: { atFinish: [-10], after: 0 },
      without: { atFinish: [0], after: 1 },
    },
    'rss already gone when each gather of it flushes in a preemptible kernel; changes of rss after that': {
      run: (bench) => fallen(bench, true),
      expected: { atFinish: [-8, -10], after: 0 },
      without: { atFinish: [0, -8], after: 2 },
    },
  },
});
