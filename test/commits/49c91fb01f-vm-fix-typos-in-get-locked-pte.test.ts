/** get_locked_pte hangs each table below the right one: a walk reaches the same entry. */
import { getLockedPte, pteLock, pteUnmapUnlock } from '@fourfold/core';
import { commit } from './support/commit.js';
import { map, pageAt, pteWord, run, vpnAt } from './support/memory.js';

export default commit({
  commits: ['49c91fb01f'],
  machines: ['x86_64', 'ppc64-4k'],
  outcomes: {
    'tables linked by get_locked_pte, by level; whether a walk finds the entry; levels of that walk': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 1);
        const spy = machine.spy();
        const at = run(getLockedPte(machine.kernel, process.mm, vpnAt(machine, 0)));
        pteUnmapUnlock(machine.kernel, at, pteLock(machine.kernel, process.mm, at));
        machine.check();
        return {
          linked: spy.of('linkTable').map((event) => event.level),
          same: at === pteWord(process, 0),
          levels: process.explain(pageAt(machine, 0)).levels.map((level) => level.level),
        };
      },
      expected: { linked: [1, 2, 3], same: true, levels: ['pgd', 'pud', 'pmd', 'pte'] },
    },
  },
});
