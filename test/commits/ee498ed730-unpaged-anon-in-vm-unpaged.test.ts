/** Copies in a private mapping of raw frames are pages like any other: fork shares them, unmap frees them. */
import { pageAddressInVma, remapPfnRange, type Vma } from '@fourfold/core';
import { commit } from './support/commit.js';
import { countsOf, driver, normalPage, rawFrames } from './support/driver.js';
import { frameOf, map, pageAt, pteOf, warmFile } from './support/memory.js';

export default commit({
  commits: ['ee498ed730'],
  outcomes: {
    'a private mapping of 4 raw frames, page 2 written, forked, then gone in both': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const first = rawFrames(machine, 4);
        const f = machine.arch.pteFormat;
        const parent = machine.spawn();
        map(parent, 4, {
          file: driver(machine, (vma) => remapPfnRange(k, vma, vma.start, k.memory.pageToPfn(first), 4)),
          flags: 'private|fixed',
        });
        parent.store8(pageAt(machine, 2), 99);
        const copy = frameOf(parent, 2);
        const child = parent.fork();
        machine.check();
        const writes = (process: typeof parent, page: number): boolean => {
          const entry = pteOf(process, page);
          return entry !== null && f.write.allows(entry.hi, entry.lo);
        };
        const old = pteOf(child, 0);
        const forked = {
          raw: [0, 1, 3].map((page) => [normalPage(child, page), frameOf(child, page) - first]),
          copy: [normalPage(child, 2) === copy, k.map.mapcount[copy]],
          writable: [0, 1, 2, 3].filter((page) => writes(parent, page) || writes(child, page)),
          young: old !== null && f.isYoung(old.hi, old.lo),
        };
        child.exit();
        parent.exit();
        machine.check();
        return { ...forked, copyCount: k.map.count[copy], counts: countsOf(machine, first, 4) };
      },
      expected: {
        raw: [
          [-1, 0],
          [-1, 1],
          [-1, 3],
        ],
        copy: [true, 2],
        writable: [],
        young: false,
        copyCount: 0,
        counts: Array.from({ length: 4 }, () => [1, 0]),
      },
    },
    'where an area has a page of its own, of its file, and of a file though it is anonymous (-EFAULT)': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const process = machine.spawn();
        map(process, 2);
        process.store8(pageAt(machine, 1), 1);
        const anonymous = process.mm.vmas.first as Vma;
        const own = frameOf(process, 1);
        const other = machine.spawn();
        map(other, 2, { file: warmFile(machine, 2), flags: 'shared|fixed' });
        other.load8(pageAt(machine, 0));
        const file = other.mm.vmas.first as Vma;
        const cached = frameOf(other, 0);
        const at = (vma: Vma, page: number): number => {
          const vpn = pageAddressInVma(k, vma, page);
          return vpn < 0 ? vpn : vpn - vma.start;
        };
        return [at(anonymous, own), at(file, cached), at(anonymous, cached), at(file, own)];
      },
      expected: [1, 0, -14, -14],
    },
  },
});
