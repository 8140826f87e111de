/** Unmapping moves the dirty and young bits of an entry to a file's page; an anonymous page that goes away needs neither. */
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { AT, frameOf, map, pageAt, pages, swapOut, warmFile } from './support/memory.js';

/** set_page_dirty and mark_page_accessed calls of unmapping one page that was written. */
function unmapWritten({ machine: make }: Bench, shared: boolean): number[] {
  const machine = make();
  const process = machine.spawn();
  if (shared) map(process, 1, { file: warmFile(machine, 1), flags: 'shared|fixed' });
  else map(process, 1);
  process.store8(pageAt(machine, 0), 1);
  const spy = machine.spy();
  process.munmap(AT, pages(machine, 1));
  machine.check();
  return [spy.count('setDirty'), spy.count('markAccessed')];
}

export default commit({
  commits: ['6237bcd948'],
  outcomes: {
    'set_page_dirty and mark_page_accessed calls of unmapping a written anonymous page': {
      run: (bench) => unmapWritten(bench, false),
      expected: [0, 0],
      without: [1, 0],
    },
    'set_page_dirty and mark_page_accessed calls of unmapping a written page of a shared file': {
      run: (bench) => unmapWritten(bench, true),
      expected: [1, 1],
    },
    "a page written before a fork, gone from the parent, swapped out by the child: the child's bytes when it reads again":
      {
        run: ({ machine: make }) => {
          const machine = make({ swap: '16MiB' });
          const parent = machine.spawn();
          map(parent, 1);
          parent.store8(pageAt(machine, 0), 42);
          const child = parent.fork();
          parent.munmap(AT, pages(machine, 1));
          const written = machine.counters.get('pswpout');
          swapOut(child, 1);
          const out = machine.counters.get('pswpout') - written;
          const gone = frameOf(child, 0) < 0;
          const byte = child.load8(pageAt(machine, 0));
          machine.check();
          return { out, gone, byte };
        },
        expected: { out: 1, gone: true, byte: 42 },
      },
  },
});
