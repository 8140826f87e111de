/** Unmapping moves the dirty and young bits of an entry to a file's page; an anonymous page that goes away needs neither. */
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { AT, map, pageAt, pages, warmFile } from './support/memory.js';

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
  },
});
