/** do_no_page has no business in an area of raw frames; a private write of a file page is one copy, page to page. */
import { RingDevice, VM_PFNMAP } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt } from './support/devices.js';
import { map, pageAt, vpnAt, warmFile } from './support/memory.js';

export default commit({
  commits: ['325f04dbca'],
  outcomes: {
    'a fault on an absent page of a VM_PFNMAP area with nopage': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 1, { flags: 'shared|fixed', file: new RingDevice(machine.kernel, 1, 'nopage').open() });
        areaAt(process).flags |= VM_PFNMAP;
        try {
          process.load8(pageAt(machine, 0));
          return 'no bug';
        } catch (error) {
          return String(error).includes('do_no_page') ? 'BUG in do_no_page' : String(error);
        }
      },
      expected: 'BUG in do_no_page',
    },
    'page copies of a write to an absent private file page, and where they are for': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 2, { file: warmFile(machine, 2) });
        const spy = machine.spy();
        process.store8(pageAt(machine, 1), 1);
        return spy.of('copyPage').map((event) => event.vpn - vpnAt(machine, 0));
      },
      expected: [1],
    },
  },
});
