/** get_user_pages takes the pages of a VM_RESERVED area; VM_IO it refuses. */
import { RingDevice, VM_IO } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, countsOf } from './support/devices.js';
import { map, pageAt, run } from './support/memory.js';

export default commit({
  commits: ['ed5297a940'],
  outcomes: {
    'pages got of a driver with VM_RESERVED and nopage, their counts (the driver, the entry, the pin), and got with VM_IO':
      {
        run: ({ machine: make }) => {
          const machine = make();
          const process = machine.spawn();
          const ring = new RingDevice(machine.kernel, 4, 'nopage');
          map(process, 4, { flags: 'shared|fixed', file: ring.open() });
          const pinned = process.pin(pageAt(machine, 0), 4, false);
          const counts = pinned.map((page) => countsOf(machine, page)[0]);
          machine.check();
          machine.unpin(pinned);
          areaAt(process).flags |= VM_IO;
          return [pinned.length, counts, run(process.ops.getUserPages(pageAt(machine, 0), 4, false, false, []))];
        },
        expected: [4, [3, 3, 3, 3], -14],
      },
  },
});
