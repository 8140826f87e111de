/** Where the table is there, no allocator is called and no lock of theirs taken. */
import { commit } from './support/commit.js';
import { map, pageAt, touch } from './support/memory.js';
import { tableSteps } from './support/tables.js';

export default commit({
  commits: ['1bb3630e89'],
  outcomes: {
    'tables made and page_table_lock taken by the second fault in a table, built for 4 CPUs and for 1': {
      run: ({ machine: make }) =>
        [4, 1].map((nrCpus) => {
          const machine = make({ config: { nrCpus } });
          const process = machine.spawn();
          map(process, 2);
          touch(process, 1);
          const spy = machine.spy();
          touch(process, 1, 1);
          const locks = spy.of('lock').filter((event) => event.kind === 'page_table_lock').length;
          return [spy.count('allocTable'), locks];
        }),
      // Below four CPUs page_table_lock is the lock of the entries too.
      expected: [
        [0, 0],
        [0, 1],
      ],
    },
    'the tables of a first fault (pte_alloc_map): made and linked, and then the entry is mapped': {
      run: ({ machine: make }) => {
        const machine = make({ config: { nrCpus: 4, highpte: true } });
        const process = machine.spawn();
        map(process, 1);
        const spy = machine.spy();
        process.load8(pageAt(machine, 0));
        machine.check();
        const steps = tableSteps(spy, 'allocTable', 'linkTable').split(', ');
        return steps.slice(steps.lastIndexOf('allocTable'), steps.lastIndexOf('linkTable') + 2);
      },
      expected: ['allocTable', 'linkTable', 'map'],
    },
    'no table to be had: the fault is out of memory and nothing is held or lost': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 1);
        machine.inject.failPage = () => true;
        let code = 'none';
        try {
          process.store8(pageAt(machine, 0), 1);
        } catch (error) {
          code = (error as { code: string }).code;
        }
        machine.inject.clear();
        machine.check();
        return [code, process.mm.nrPtes, process.mm.pageTableLock.held];
      },
      expected: ['OOM', 0, false],
    },
  },
});
