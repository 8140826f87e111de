/** vm_normal_page alone says whether an entry has a page: in a VM_PFNMAP area what remap_pfn_range put there has none. */
import { type Machine, type Process, remapPfnRange, VM_IO, VM_PFNMAP, VM_RESERVED } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, countsOf, driver, gup, normalPage, rawFrames } from './support/driver.js';
import { AT, frameOf, map, pages, plantPte, pteOf, run } from './support/memory.js';

/** A private mapping of 4 frames from `pfn` on. */
function mapRaw(machine: Machine, pfn: number): Process {
  const process = machine.spawn();
  map(process, 4, {
    file: driver(machine, (vma) => remapPfnRange(machine.kernel, vma, vma.start, pfn, vma.pages)),
    flags: 'private|fixed',
  });
  return process;
}

export default commit({
  commits: ['6aab341e0a'],
  outcomes: {
    'four raw frames of memory: pages found, flags, counts after fork, msync, smaps, gup and exit of both': {
      run: ({ machine: make }) => {
        const machine = make();
        const first = rawFrames(machine, 4);
        const pfn = machine.kernel.memory.pageToPfn(first);
        const parent = mapRaw(machine, pfn);
        const vma = areaAt(parent, 0);
        const found = [0, 1, 2, 3].map((page) => normalPage(parent, page));
        const flags = vma.flags & (VM_IO | VM_RESERVED | VM_PFNMAP);
        const child = parent.fork();
        const copied = [0, 1, 2, 3].map((page) => frameOf(child, page) - first);
        run(parent.ops.msync(AT, pages(machine, 4), 4));
        const smaps = parent.smaps()[0]?.sizes;
        const pinned = gup(parent, 4).result;
        machine.check();
        const rss = [parent.mm.rss, child.mm.rss];
        parent.exit();
        child.exit();
        machine.check();
        return {
          found,
          allFlags: flags === (VM_IO | VM_RESERVED | VM_PFNMAP),
          pgoffIsPfn: vma.pgoff === pfn,
          noAnonVma: vma.anonVma === null,
          copied,
          rss,
          smaps: [(smaps?.Rss ?? 0) * 1024 === 4 * machine.pageSize, smaps?.Shared_Clean, smaps?.Private_Clean],
          pinned,
          counts: countsOf(machine, first, 4),
        };
      },
      expected: {
        found: [-1, -1, -1, -1],
        allFlags: true,
        pgoffIsPfn: true,
        noAnonVma: true,
        copied: [0, 1, 2, 3],
        rss: [0, 0],
        smaps: [true, 0, 0],
        pinned: -14,
        counts: Array.from({ length: 4 }, () => [1, 0]),
      },
    },
    'four raw frames where no memory is: pages found, entries in the child, reports, rss': {
      run: ({ machine: make }) => {
        const machine = make();
        const { memory } = machine.kernel;
        const beyond = memory.pageToPfn(memory.nrPages - 1) + 1000;
        const parent = mapRaw(machine, beyond);
        const spy = machine.spy();
        const found = [0, 1, 2, 3].map((page) => normalPage(parent, page));
        const child = parent.fork();
        const f = machine.arch.pteFormat;
        const copied = [0, 1, 2, 3].map((page) => {
          const entry = pteOf(child, page);
          return entry === null ? 'none' : f.frame(entry.hi, entry.lo) - beyond;
        });
        const rss = [parent.mm.rss, child.mm.rss];
        child.exit();
        parent.exit();
        machine.check();
        return { found, copied, reports: spy.count('badPte'), rss };
      },
      expected: { found: [-1, -1, -1, -1], copied: [0, 1, 2, 3], reports: 0, rss: [0, 0] },
    },
    'an entry for a frame that is no memory in an ordinary area: reported once, and no page': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 2);
        process.store8(AT, 1);
        const { memory } = machine.kernel;
        const f = machine.arch.pteFormat;
        const vma = areaAt(process, 0);
        const beyond = memory.pageToPfn(memory.nrPages - 1) + 1000;
        plantPte(process, 1, f.makeHi(beyond, vma.protHi), f.makeLo(beyond, vma.protLo));
        const spy = machine.spy();
        const found = normalPage(process, 1);
        const reports = spy.count('badPte');
        process.munmap(AT, pages(machine, 2));
        machine.check();
        return [found, reports, process.mm.rss];
      },
      expected: [-1, 1, 0],
    },
  },
});
