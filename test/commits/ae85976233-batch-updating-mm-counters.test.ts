/** Unmap and fork add to each counter of an mm once a page table, or once a block of work. */
import type { Machine, Process, Spy } from '@fourfold/core';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { AT, look, map, pages, touch, warmFile } from './support/memory.js';

/** Ten pages of a file and five of anonymous memory, side by side in one table. */
function fifteenPages(machine: Machine): Process {
  const process = machine.spawn();
  map(process, 10, { file: warmFile(machine, 10) });
  map(process, 5, {}, 10);
  look(process, 10);
  touch(process, 5, 10);
  return process;
}

function additions(spy: Spy, mm?: number): string[] {
  const events = spy.of('addRss').filter((event) => mm === undefined || event.mm === mm);
  return events.map((event) => `${event.counter} ${event.pages}`);
}

function ones(n: number, text: string): string[] {
  return Array.from({ length: n }, () => text);
}

/** Additions of unmapping all fifteen. */
function unmapAdditions({ machine: make }: Bench, preempt: boolean): string[] {
  const machine = make({ config: { preempt } });
  const process = fifteenPages(machine);
  const spy = machine.spy();
  process.munmap(AT, pages(machine, 15));
  machine.check();
  return additions(spy);
}

export default commit({
  // 8c10376271 and 86d912f41d gave these sums their form: counted up in fork, counted down in unmap, always added.
  commits: ['ae85976233'],
  outcomes: {
    'additions to the counters when 10 file and 5 anonymous pages of one table are unmapped': {
      run: (bench) => unmapAdditions(bench, false),
      expected: ['file_rss -10', 'anon_rss -5'],
      without: [...ones(10, 'file_rss -1'), ...ones(5, 'anon_rss -1')],
    },
    'additions when the fifteen are unmapped in a preemptible kernel: blocks of 8 present pages': {
      run: (bench) => unmapAdditions(bench, true),
      expected: ['file_rss -8', 'file_rss -2', 'anon_rss -5'],
    },
    'additions to file_rss when a table of anonymous pages is unmapped': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 5);
        touch(process, 5);
        const spy = machine.spy();
        process.munmap(AT, pages(machine, 5));
        return additions(spy);
      },
      expected: ['anon_rss -5'],
      without: ones(5, 'anon_rss -1'),
    },
    "additions to the child's counters when fork copies 5 anonymous pages": {
      run: ({ machine: make }) => {
        const machine = make();
        const parent = machine.spawn();
        map(parent, 5);
        touch(parent, 5);
        const spy = machine.spy();
        const child = parent.fork();
        machine.check();
        return additions(spy, child.mm.id);
      },
      expected: ['anon_rss 5'],
      without: ones(5, 'anon_rss 1'),
    },
  },
});
