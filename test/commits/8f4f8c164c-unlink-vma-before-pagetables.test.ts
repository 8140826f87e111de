/** An area leaves the lists by which rmap and truncation find it before its tables go, each under that list's lock. */
import { commit } from './support/commit.js';
import { AT, map, pages, touch, warmFile } from './support/memory.js';

const EVENTS = ['clearPte', 'unlinkAnon', 'unlinkFile', 'unlinkTable', 'closeVma'] as const;

export default commit({
  commits: ['8f4f8c164c'],
  outcomes: {
    'order of events when an area of a file with private copies is unmapped': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 2, { file: warmFile(machine, 2) });
        touch(process, 2);
        const spy = machine.spy();
        process.munmap(AT, pages(machine, 2));
        machine.check();
        const names: string[] = spy.of(...EVENTS).map((event) => event.name);
        return names.filter((name, i) => name !== names[i - 1]);
      },
      expected: ['clearPte', 'unlinkAnon', 'unlinkFile', 'unlinkTable', 'closeVma'],
      without: ['clearPte', 'unlinkTable', 'unlinkAnon', 'unlinkFile', 'closeVma'],
    },
    'spin locks held when the area leaves either list': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 2, { file: warmFile(machine, 2) });
        touch(process, 2);
        const spy = machine.spy();
        process.munmap(AT, pages(machine, 2));
        const held: string[] = [];
        const found: string[] = [];
        for (const event of spy.of('lock', 'unlock', 'unlinkAnon', 'unlinkFile')) {
          if (event.name === 'lock') held.push(event.kind);
          else if (event.name === 'unlock') held.splice(held.indexOf(event.kind), 1);
          else found.push(`${event.name}: ${held.filter((kind) => kind !== 'mmap_sem').join()}`);
        }
        return found;
      },
      expected: ['unlinkAnon: anon_vma.lock', 'unlinkFile: i_mmap_lock'],
    },
  },
});
