/** vm_insert_page maps a page that a driver allocated; it counts like any other. */
import { RingDevice, vmInsertPage } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, countsOf, done, driver } from './support/driver.js';
import { AT, frameOf, map, pageAt, pages, pteOf, run, vpnAt } from './support/memory.js';

export default commit({
  commits: ['a145dd411e'],
  outcomes: {
    'outside the area, a free page, an anonymous page, something there, no table to be had': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const process = machine.spawn();
        const ring = new RingDevice(k, 2, 'nopage');
        const [page] = ring.pages as [number];
        map(process, 2, { file: driver(machine, () => done(0)), flags: 'shared|fixed' });
        map(process, 1, {}, 8);
        process.store8(pageAt(machine, 8), 1);
        const vma = areaAt(process, 0);
        const at = vpnAt(machine, 0);
        const free = k.pages.alloc(0);
        k.pages.put(free);
        const results = [
          run(vmInsertPage(k, vma, vma.end, page)),
          run(vmInsertPage(k, vma, at, free)),
          run(vmInsertPage(k, vma, at, frameOf(process, 8))),
          run(vmInsertPage(k, vma, at, page)),
          run(vmInsertPage(k, vma, at, page)),
        ];
        machine.check();
        const other = machine.spawn();
        map(other, 1, { file: driver(machine, () => done(0)), flags: 'shared|fixed' });
        machine.inject.failPage = () => true;
        results.push(run(vmInsertPage(k, areaAt(other, 0), at, page)));
        machine.inject.clear();
        machine.check();
        return results;
      },
      expected: [-14, -22, -22, 0, -16, -12],
    },
    'a page inserted: counts, file_rss, protection, hooks; and after munmap': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const process = machine.spawn();
        const ring = new RingDevice(k, 1, 'nopage');
        const page = ring.pages[0] as number;
        map(process, 1, { file: driver(machine, () => done(0)), flags: 'shared|fixed' });
        const vma = areaAt(process, 0);
        const spy = machine.spy();
        run(vmInsertPage(k, vma, vpnAt(machine, 0), page));
        const f = machine.arch.pteFormat;
        const entry = pteOf(process, 0);
        const pfn = k.memory.pageToPfn(page);
        const inserted = {
          counts: countsOf(machine, page, 1)[0],
          fileRss: process.mm.fileRss,
          plain:
            ((entry?.lo ?? 0) ^ (f.makeLo(pfn, vma.protLo) | f.storeSetLo)) === 0 &&
            ((entry?.hi ?? 0) ^ (f.bytes === 8 ? f.makeHi(pfn, vma.protHi) | f.storeSetHi : 0)) === 0,
          dcache: spy.of('flushDcachePage').map((event) => event.page === page),
          updates: spy.count('updateMmuCache'),
        };
        machine.check();
        process.munmap(AT, pages(machine, 1));
        machine.check();
        return { ...inserted, after: [countsOf(machine, page, 1)[0], process.mm.fileRss] };
      },
      expected: { counts: [2, 1], fileRss: 1, plain: true, dcache: [true], updates: 0, after: [[1, 0], 0] },
    },
  },
});
