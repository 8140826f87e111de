/** fork's copy loop polls every 32 units of work: an empty entry is 1, a copied one 8. */
import { interleave, type Op, SteppedOp } from '@fourfold/core';
import { type Bench, commit } from './support/commit.js';
import { frameOf, map, touch } from './support/memory.js';

/** Copies an area of `pages` pages of which the first `present` are there; how often the copy loop asked. */
function polls({ machine: make }: Bench, pages: number, present: number): number {
  const machine = make();
  const parent = machine.spawn();
  map(parent, pages);
  // An anon_vma and a table must be there, or nothing is copied at all.
  touch(parent, Math.max(1, present));
  if (present === 0) parent.madvise(0x2000_0000n, machine.pageSize, 4);
  let asked = 0;
  machine.inject.needResched = (where) => {
    if (where === 'copy_pte_range') asked++;
    return false;
  };
  parent.fork();
  machine.inject.clear();
  machine.check();
  return asked;
}

export default commit({
  commits: ['e040f218bb'],
  outcomes: {
    'polls while fork copies 64 present entries of one table': {
      run: (bench) => polls(bench, 64, 64),
      expected: 15,
      without: 60,
    },
    'polls while fork passes 512 empty entries of a table': {
      run: (bench) => polls(bench, 512, 0),
      expected: 15,
      without: 512 - 32,
    },
    'a poll that is answered yes: both locks go after 4 entries, their rss is added, and the copy goes on to its end': {
      run: ({ machine: make }) => {
        const machine = make();
        const parent = machine.spawn();
        map(parent, 20);
        touch(parent, 20);
        let yes = true;
        machine.inject.needResched = () => yes;
        const fork = new SteppedOp('fork', parent.ops.fork() as Op<unknown>);
        while (fork.waiting?.what !== 'resched') fork.step();
        const child = [...machine.kernel.mms].find((mm) => mm !== parent.mm);
        const locked = [...machine.kernel.pteLocks.values(), parent.mm.pageTableLock, child?.pageTableLock];
        const atBreak = { rss: child?.anonRss, held: locked.filter((lock) => lock?.held).length };
        yes = false;
        interleave([fork], () => 0);
        machine.inject.clear();
        machine.check();
        const copied = machine.processes[1];
        return { atBreak, rss: copied?.mm.anonRss, last: copied !== undefined && frameOf(copied, 19) >= 0 };
      },
      expected: { atBreak: { rss: 4, held: 0 }, rss: 20, last: true },
    },
  },
});
