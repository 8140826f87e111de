/** get_user_pages takes the pages of an area that its driver marked VM_RESERVED; only VM_IO it refuses. */
import { RingDevice, VM_IO } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, countsOf, gup, release } from './support/driver.js';
import { map } from './support/memory.js';

export default commit({
  commits: ['ed5297a940'],
  outcomes: {
    'get_user_pages of 4 pages of a reserved area with nopage, and how much each count rose': {
      run: ({ machine: make }) => {
        const machine = make();
        const ring = new RingDevice(machine.kernel, 4, 'nopage');
        const process = machine.spawn();
        map(process, 4, { file: ring.open(), flags: 'shared|fixed' });
        const before = ring.pages.map((page) => countsOf(machine, page, 1)[0]?.[0] ?? 0);
        const { result, pages } = gup(process, 4);
        const risen = ring.pages.map((page, i) => (countsOf(machine, page, 1)[0]?.[0] ?? 0) - (before[i] as number));
        machine.check();
        release(machine, pages);
        machine.check();
        return { result, risen };
      },
      // One for the entry that the fault made, one for the caller.
      expected: { result: 4, risen: [2, 2, 2, 2] },
      without: { result: -14, risen: [0, 0, 0, 0] },
    },
    'the same of an area with VM_IO': {
      run: ({ machine: make }) => {
        const machine = make();
        const ring = new RingDevice(machine.kernel, 4, 'nopage');
        const process = machine.spawn();
        map(process, 4, { file: ring.open(), flags: 'shared|fixed' });
        areaAt(process, 0).flags |= VM_IO;
        return gup(process, 4).result;
      },
      expected: -14,
    },
  },
});
