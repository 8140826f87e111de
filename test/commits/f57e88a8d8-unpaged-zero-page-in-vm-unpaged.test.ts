/** A hole in a private mapping of raw frames reads as the zero page, which is a page like any other there. */
import { VM_PFNMAP } from '@fourfold/core';
import { commit } from './support/commit.js';
import { done, driver, normalPage } from './support/driver.js';
import { fault, frameOf, map, outcome, run } from './support/memory.js';

export default commit({
  commits: ['f57e88a8d8'],
  outcomes: {
    'a read fault on a hole of a private area of raw frames': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        const file = driver(machine, (vma) => {
          vma.flags |= VM_PFNMAP;
          return done(0);
        });
        map(process, 2, { file, flags: 'private|fixed' });
        const code = run(fault(process, 1, false));
        machine.check();
        const { zeroPage } = machine.kernel;
        return {
          outcome: outcome(code),
          zeroPage: frameOf(process, 1) === zeroPage,
          normal: normalPage(process, 1) === zeroPage,
          fileRss: process.mm.fileRss,
        };
      },
      expected: { outcome: 'MINOR', zeroPage: true, normal: true, fileRss: 1 },
    },
  },
});
