/** vm_insert_page: what it refuses, what it counts, and that fork copies what it put there. */
import { RingDevice, VM_INSERTPAGE, vmInsertPage } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, countsOf, device, later } from './support/devices.js';
import { frameOf, map, pageAt, run, touch, warmFile } from './support/memory.js';

export default commit({
  commits: ['a145dd411e', '4d7672b462'],
  outcomes: {
    'outside the area, a free page, an anonymous one, no table, over an entry': {
      run: ({ machine: make }) => {
        const machine = make();
        const { kernel: k } = machine;
        const process = machine.spawn();
        const ring = new RingDevice(k, 1, 'insert');
        const page = ring.pages[0] as number;
        map(process, 2, { flags: 'shared|fixed', file: device(machine, later) });
        map(process, 1, {}, 8192);
        touch(process, 1, 8192);
        const vma = areaAt(process);
        const insert = (vpn: number, frame: number): number => run(vmInsertPage(k, vma, vpn, frame));
        const free = k.pages.alloc(0);
        k.pages.put(free);
        const refused = [insert(vma.end, page), insert(vma.start, free), insert(vma.start, frameOf(process, 8192))];
        machine.inject.failPage = () => true;
        const hasTable = k.tables.lookupPage(process.mm, vma.start) !== 0;
        const noTable = hasTable ? -12 : insert(vma.start, page);
        machine.inject.clear();
        const first = noTable === 0 ? 0 : insert(vma.start, page);
        refused.push(noTable === 0 ? -12 : noTable, first, insert(vma.start, page));
        machine.check();
        return [refused, (vma.flags & VM_INSERTPAGE) !== 0];
      },
      expected: [[-14, -22, -22, -12, 0, -16], true],
    },
    'counts of an inserted page and file_rss; update_mmu_cache and flush_dcache_page calls; after unmapping': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        const ring = new RingDevice(machine.kernel, 1, 'insert');
        const spy = machine.spy();
        map(process, 1, { flags: 'shared|fixed', file: ring.open() });
        const calls = [spy.of('updateMmuCache').length, spy.of('flushDcachePage').length];
        const state = (): unknown => [...countsOf(machine, ring.pages[0] as number), process.mm.fileRss];
        const mapped = state();
        process.munmap(pageAt(machine, 0), BigInt(machine.pageSize));
        machine.check();
        return [mapped, calls, state()];
      },
      expected: [
        [2, 1, 1],
        [0, 1],
        [1, 0, 0],
      ],
    },
    'after fork: counts of the page and the file_rss of the child; tables of a child of an ordinary shared file area': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        const ring = new RingDevice(machine.kernel, 1, 'insert');
        map(process, 1, { flags: 'shared|fixed', file: ring.open() });
        const child = process.fork();
        const inserted = [...countsOf(machine, ring.pages[0] as number), child.mm.fileRss];
        const other = machine.spawn();
        map(other, 2, { flags: 'shared|fixed', file: warmFile(machine, 2) });
        touch(other, 2);
        machine.check();
        return [inserted, other.fork().mm.nrPtes];
      },
      expected: [[3, 2, 1], 0],
    },
  },
});
