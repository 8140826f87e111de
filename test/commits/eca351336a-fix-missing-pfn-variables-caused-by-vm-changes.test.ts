/** flush_cache_page is told the frame that the entry maps at that moment. */
import { MAP_NONBLOCK, type Machine, type Process } from '@fourfold/core';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { frameOf, map, pageAt, swapOut, warmFile } from './support/memory.js';

/** The frame numbers that flush_cache_page was given while `act` ran, less the one page 0 mapped before it. */
function flushed(
  { machine: make }: Bench,
  prepare: (process: Process) => void,
  act: (process: Process, machine: Machine) => void,
): number[] {
  const machine = make({ swap: '4MiB' });
  const process = machine.spawn();
  prepare(process);
  const pfn = machine.kernel.memory.pageToPfn(frameOf(process, 0));
  const spy = machine.spy();
  act(process, machine);
  const events = spy.of('flushCachePage');
  machine.check();
  return events.map((event) => event.pfn - pfn);
}

export default commit({
  commits: ['eca351336a'],
  outcomes: {
    'frames given to flush_cache_page, less the one mapped, by a write that copies the zero page': {
      run: (bench) =>
        flushed(
          bench,
          (process) => {
            map(process, 1);
            process.load8(pageAt(process.machine, 0));
          },
          (process, machine) => process.store8(pageAt(machine, 0), 1),
        ),
      expected: [0],
    },
    'by a write after fork that copies, and one that uses the page again': {
      run: (bench) => {
        const prepare = (process: Process): void => {
          map(process, 1);
          process.store8(pageAt(process.machine, 0), 1);
          process.fork();
        };
        const copies = flushed(bench, prepare, (process, machine) => process.store8(pageAt(machine, 0), 2));
        const reuses = flushed(
          bench,
          (process) => {
            prepare(process);
            process.machine.processes[1]?.exit();
          },
          (process, machine) => process.store8(pageAt(machine, 0), 2),
        );
        return [copies, reuses];
      },
      expected: [[0], [0]],
    },
    'by a page-out (try_to_unmap), and by a rearrangement of a file over a present page (install_page, and the file entry)':
      {
        run: (bench) => {
          const pagedOut = flushed(
            bench,
            (process) => {
              map(process, 1);
              process.store8(pageAt(process.machine, 0), 1);
            },
            (process) => swapOut(process, 1),
          );
          const file = (process: Process): void => {
            map(process, 2, { file: warmFile(process.machine, 4), flags: 'shared|fixed' });
            process.load8(pageAt(process.machine, 0));
          };
          const rearrange = (process: Process, { pageSize }: Machine, flags: number): void =>
            process.remapFilePages(pageAt(process.machine, 0), pageSize, 3, flags);
          const installed = flushed(bench, file, (process, machine) => rearrange(process, machine, 0));
          const named = flushed(bench, file, (process, machine) => rearrange(process, machine, MAP_NONBLOCK));
          return [pagedOut, installed, named];
        },
        expected: [[0], [0], [0]],
      },
  },
});
