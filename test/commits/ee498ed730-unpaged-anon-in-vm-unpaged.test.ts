/** Copies in a private mapping of raw frames are pages like any other: fork shares them, unmap frees them. */
import { remapPfnRange } from '@fourfold/core';
import { commit } from './support/commit.js';
import { countsOf, driver, normalPage, rawFrames } from './support/driver.js';
import { frameOf, map, pageAt, pteOf } from './support/memory.js';

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
  },
});
