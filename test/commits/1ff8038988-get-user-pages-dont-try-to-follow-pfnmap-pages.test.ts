/** get_user_pages refuses areas of raw frames, whatever else their driver has done to the flags. */
import { remapPfnRange, VM_IO } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, device, withScreen } from './support/devices.js';
import { map, pageAt, run } from './support/memory.js';

export default commit({
  commits: ['1ff8038988'],
  outcomes: {
    'with VM_IO cleared: in the area, from 3 pages below it, by force': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        const file = device(machine, (vma) => remapPfnRange(machine.kernel, vma, vma.start, screen, vma.pages));
        map(process, 3);
        map(process, 2, { flags: 'shared|fixed', file }, 3);
        areaAt(process, 3).flags &= ~VM_IO;
        const got = (at: number, n: number, force: boolean): number => {
          const pinned: number[] = [];
          const result = run(process.ops.getUserPages(pageAt(machine, at), n, false, force, pinned));
          machine.unpin(pinned);
          return result;
        };
        return [got(3, 1, false), got(0, 5, false), got(3, 1, true)];
      },
      expected: [-14, 3, -14],
    },
  },
});
