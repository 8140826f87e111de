/** follow_page takes the pte lock itself and is told by flags what is wanted; untouched memory needs no tables to be read. */
import { FOLL_GET, followPage, PG_REFERENCED } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, gup, release } from './support/driver.js';
import { AT, frameOf, map, pageAt, pages, pteOf, run, touch, vpnAt } from './support/memory.js';
import { tableSteps } from './support/tables.js';

export default commit({
  commits: ['deceb6cd17'],
  outcomes: {
    'get_user_pages to read 1000 untouched pages: how many, how many of them the zero page, tables, faults, its count':
      {
        run: ({ machine: make }) => {
          const machine = make({ overcommit: 1 });
          const { map: mem, zeroPage } = machine.kernel;
          const process = machine.spawn();
          map(process, 1000);
          const count = mem.count[zeroPage] as number;
          const { result, pages: got } = gup(process, 1000);
          const risen = (mem.count[zeroPage] as number) - count;
          machine.check();
          release(machine, got);
          return [result, got.filter((page) => page === zeroPage).length, process.mm.nrPtes, process.minFlt, risen];
        },
        expected: [1000, 1000, 0, 0, 1000],
      },
    'the same of 8 pages below which there is a table: faults, entries made': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 9);
        touch(process, 1);
        const { minFlt } = process;
        const { result, pages: got } = gup(process, 8, 1);
        const { zeroPage } = machine.kernel;
        machine.check();
        release(machine, got);
        const mapped = [1, 2, 3, 4, 5, 6, 7, 8].filter((page) => frameOf(process, page) === zeroPage).length;
        return [result, process.minFlt - minFlt, mapped];
      },
      expected: [8, 8, 8],
    },
    'mlock of untouched read-only memory: entries that are there afterwards': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 4, { prot: 'r' });
        run(process.ops.mlock(AT, pages(machine, 4)));
        machine.check();
        return [0, 1, 2, 3].filter((page) => frameOf(process, page) >= 0).length;
      },
      expected: 4,
    },
    'follow_page with FOLL_GET alone: the reference, the bits it leaves alone, the map and the lock around it': {
      run: ({ machine: make }) => {
        const machine = make({ config: { nrCpus: 4, highpte: true } });
        const k = machine.kernel;
        const process = machine.spawn();
        map(process, 1);
        process.store8(pageAt(machine, 0), 1);
        const page = frameOf(process, 0);
        const state = (): unknown => [(k.map.flags[page] as number) & PG_REFERENCED, pteOf(process, 0)];
        const before = JSON.stringify(state());
        const count = k.map.count[page] as number;
        const spy = machine.spy();
        const found = followPage(k, areaAt(process, 0), vpnAt(machine, 0), FOLL_GET);
        const result = {
          found: found === page,
          risen: (k.map.count[page] as number) - count,
          same: JSON.stringify(state()) === before,
          table: tableSteps(spy),
        };
        k.pages.put(page);
        machine.check();
        return result;
      },
      expected: { found: true, risen: 1, same: true, table: 'map, lock, unlock, unmap' },
    },
  },
});
