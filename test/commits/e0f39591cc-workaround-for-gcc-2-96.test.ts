/** Where a level is folded there is no table of it, and nothing that would allocate one. */
import { commit } from './support/commit.js';
import { map, pageAt } from './support/memory.js';

export default commit({
  commits: ['e0f39591cc'],
  machines: [
    'i386',
    'i386-pae',
    'ppc64-64k',
    'ia64-4k',
    'ia64-8k',
    'ia64-16k',
    'ia64-64k',
    'sparc64-8k',
    'sparc64-64k',
  ],
  outcomes: {
    'tables of folded levels that a first fault allocates': {
      run: ({ arch, machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 1);
        const spy = machine.spy();
        process.store8(pageAt(machine, 0), 1);
        const { names, folded } = arch.geometry;
        const made = spy.of('allocTable').map((event) => names[event.level]);
        machine.check();
        return made.filter((name) => name === undefined || folded.includes(name)).length;
      },
      expected: 0,
    },
  },
});
