/** get_user_pages refuses areas of raw entries even when their driver cleared VM_IO. */
import { remapPfnRange, VM_IO } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, driver, gup, rawFrames, release } from './support/driver.js';
import { map } from './support/memory.js';

export default commit({
  commits: ['1ff8038988'],
  outcomes: {
    'get_user_pages of a raw area without VM_IO, with force, and from three pages below it': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const pfn = k.memory.pageToPfn(rawFrames(machine, 2));
        const process = machine.spawn();
        map(process, 3);
        map(
          process,
          2,
          { file: driver(machine, (vma) => remapPfnRange(k, vma, vma.start, pfn, 2)), flags: 'shared|fixed' },
          3,
        );
        areaAt(process, 3).flags &= ~VM_IO;
        const plain = gup(process, 1, 3).result;
        const forced = gup(process, 1, 3, { force: true }).result;
        const below = gup(process, 5, 0, { write: true });
        release(machine, below.pages);
        return [plain, forced, below.result];
      },
      expected: [-14, -14, 3],
    },
  },
});
