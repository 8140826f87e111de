/** Pages may be copied on write where the area is not shared and may become writable: is_cow_mapping. */
import { isCowMapping, remapPfnRange, VM_MAYWRITE, VM_SHARED } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, driver, rawFrames } from './support/driver.js';
import { map, pteOf } from './support/memory.js';

export default commit({
  commits: ['67121172f9'],
  outcomes: {
    'is_cow_mapping of VM_SHARED and VM_MAYWRITE: neither, MAYWRITE, SHARED, both': {
      run: () => [0, VM_MAYWRITE, VM_SHARED, VM_SHARED | VM_MAYWRITE].map(isCowMapping),
      expected: [false, true, false, false],
    },
    'a part of a shared area of a file opened for reading mapped raw; entries that fork changed in the parent': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const pfn = k.memory.pageToPfn(rawFrames(machine, 4));
        const process = machine.spawn();
        const results: number[] = [];
        const file = driver(
          machine,
          function* fill(vma) {
            results.push(yield* remapPfnRange(k, vma, vma.start + 1, pfn + 2, 2));
            return 0;
          },
          { writable: false },
        );
        map(process, 4, { file, flags: 'shared|fixed', prot: 'r' });
        const before = [1, 2].map((page) => JSON.stringify(pteOf(process, page)));
        process.fork();
        machine.check();
        const changed = [1, 2].filter((page, i) => JSON.stringify(pteOf(process, page)) !== before[i]);
        return { results, shared: (areaAt(process, 0).flags & VM_SHARED) !== 0, changed };
      },
      expected: { results: [0], shared: false, changed: [] },
    },
  },
});
