/** High-water marks are taken just before a total falls; whoever reads takes the larger of the mark and the total. */
import type { Machine } from '@fourfold/core';
import { commit } from './support/commit.js';
import { AT, map, pageAt, pages, touch } from './support/memory.js';

function inPages(machine: Machine, kB: number): number {
  return (kB * 1024) / machine.pageSize;
}

export default commit({
  commits: ['365e9c87a9'],
  outcomes: {
    'hiwater_rss and VmHWM after 100 pages are faulted in': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 100);
        touch(process, 100);
        return [process.mm.hiwaterRss, inPages(machine, process.status().VmHWM)];
      },
      expected: [0, 100],
      without: [100, 100],
    },
    'then hiwater_rss, VmRSS and VmHWM after 60 of them are unmapped': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 100);
        touch(process, 100);
        process.munmap(AT, pages(machine, 60));
        machine.check();
        const { VmRSS, VmHWM } = process.status();
        return [process.mm.hiwaterRss, inPages(machine, VmRSS), inPages(machine, VmHWM)];
      },
      expected: [100, 40, 100],
    },
    'total_vm, hiwater_vm and VmPeak of 100 pages before and after 60 of them are unmapped': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 100);
        const before = [process.mm.totalVm, process.mm.hiwaterVm, inPages(machine, process.status().VmPeak)];
        process.munmap(AT, pages(machine, 60));
        return [before, [process.mm.totalVm, process.mm.hiwaterVm, inPages(machine, process.status().VmPeak)]];
      },
      expected: [
        [100, 0, 100],
        [40, 100, 100],
      ],
    },
    'VmPeak after 400 pages moved elsewhere is what it was': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 400);
        touch(process, 3);
        process.mremap(AT, pages(machine, 400), pages(machine, 400), 3, pageAt(machine, 4096));
        machine.check();
        return [process.mm.totalVm, inPages(machine, process.status().VmPeak)];
      },
      expected: [400, 400],
    },
    "a child's marks are its own rss and total_vm": {
      run: ({ machine: make }) => {
        const machine = make();
        const parent = machine.spawn();
        map(parent, 100);
        touch(parent, 100);
        parent.munmap(AT, pages(machine, 60));
        const child = parent.fork();
        machine.check();
        return [child.mm.hiwaterRss, child.mm.rss, child.mm.hiwaterVm, child.mm.totalVm];
      },
      expected: [40, 40, 40, 40],
    },
  },
});
