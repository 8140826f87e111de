/** A fault that had to read its page from swap is major, even when another one mapped the page meanwhile. */
import { type Op, SteppedOp } from '@fourfold/core';
import { commit } from './support/commit.js';
import { fault, frameOf, map, outcome, run, swapOut, swapReferences, touch } from './support/memory.js';

export default commit({
  commits: ['9e9bef07ce'],
  outcomes: {
    'a fault that reads a page from swap and is overtaken before it locks the page': {
      run: ({ machine: make }) => {
        const machine = make({ swap: '16MiB', config: { nrCpus: 4 } });
        const process = machine.spawn();
        map(process, 1);
        touch(process, 1);
        swapOut(process, 1);
        const { counters } = machine;
        const before = { major: counters.get('pgmajfault'), rss: process.mm.anonRss, swap: swapReferences(machine) };
        let stops = true;
        machine.inject.pause = (point) => stops && point === 'before page lock';
        const a = new SteppedOp('a', fault(process, 0, false) as Op<number>);
        const paused = a.stepTo('pause: before page lock');
        stops = false;
        const b = run(fault(process, 0, false));
        const code = a.finish();
        machine.inject.clear();
        machine.check();
        const { map: mem } = machine.kernel;
        const page = frameOf(process, 0);
        return {
          paused,
          reader: outcome(code),
          other: outcome(b),
          pgmajfault: counters.get('pgmajfault') - before.major,
          anonRss: process.mm.anonRss - before.rss,
          // The entry's reference went; the swap cache keeps its own.
          swapReferences: swapReferences(machine) - before.swap,
          mapcount: mem.mapcount[page],
        };
      },
      expected: {
        paused: true,
        reader: 'MAJOR',
        other: 'MINOR',
        pgmajfault: 1,
        anonRss: 1,
        swapReferences: 0,
        mapcount: 1,
      },
      without: {
        paused: true,
        reader: 'MINOR',
        other: 'MINOR',
        pgmajfault: 1,
        anonRss: 1,
        swapReferences: 0,
        mapcount: 1,
      },
    },
  },
});
