/** do_no_page never sees an area of raw entries: that would be a driver's mistake, and the kernel stops. */
import { KernelBug, VM_PFNMAP } from '@fourfold/core';
import { commit } from './support/commit.js';
import { done, driver } from './support/driver.js';
import { fault, map, outcome, pageAt, run, vpnAt, warmFile } from './support/memory.js';

export default commit({
  commits: ['325f04dbca'],
  outcomes: {
    'a fault on an area of raw entries whose driver has nopage': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        const file = driver(
          machine,
          (vma) => {
            vma.flags |= VM_PFNMAP;
            return done(0);
          },
          {},
          {
            *nopage(_vma, _vpn, out) {
              out.page = -1;
            },
          },
        );
        map(process, 1, { file, flags: 'private|fixed' });
        try {
          return outcome(run(fault(process, 0, false)));
        } catch (error) {
          return error instanceof KernelBug && error.message.includes('do_no_page') ? 'BUG in do_no_page' : error;
        }
      },
      expected: 'BUG in do_no_page',
      without: 'SIGBUS',
    },
    'pages copied by a write fault on a private page of a file, each at which page of the area': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 4, { file: warmFile(machine, 4) });
        const spy = machine.spy();
        process.store8(pageAt(machine, 3) + 7n, 1);
        machine.check();
        return spy.of('copyPage').map((event) => event.vpn - vpnAt(machine, 0));
      },
      expected: [3],
    },
  },
});
