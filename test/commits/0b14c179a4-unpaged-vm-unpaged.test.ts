/**
 * VM_RESERVED says nothing about pages: those of a reserved area are counted like any other. What it meant for entries is
 * VM_PFNMAP's now (6aab341e0a).
 */
import { RingDevice } from '@fourfold/core';
import { commit } from './support/commit.js';
import { countsOf } from './support/driver.js';
import { AT, look, map, pages } from './support/memory.js';

export default commit({
  commits: ['0b14c179a4'],
  outcomes: {
    'a reserved area with nopage: counts of its 5 pages, file_rss and reserved_vm while mapped, and after munmap': {
      run: ({ machine: make }) => {
        const machine = make();
        const ring = new RingDevice(machine.kernel, 5, 'nopage');
        const process = machine.spawn();
        map(process, 5, { file: ring.open(), flags: 'shared|fixed' });
        const state = (): unknown => ({
          counts: ring.pages.map((page) => countsOf(machine, page, 1)[0]),
          fileRss: process.mm.fileRss,
          reservedVm: process.mm.reservedVm,
        });
        look(process, 5);
        machine.check();
        const mapped = state();
        process.munmap(AT, pages(machine, 5));
        machine.check();
        return { mapped, after: state() };
      },
      expected: {
        mapped: { counts: Array.from({ length: 5 }, () => [2, 1]), fileRss: 5, reservedVm: 5 },
        after: { counts: Array.from({ length: 5 }, () => [1, 0]), fileRss: 0, reservedVm: 0 },
      },
    },
  },
});
