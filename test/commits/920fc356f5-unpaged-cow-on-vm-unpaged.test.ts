/** A write to a private mapping of raw frames copies the frame and leaves the counts of its page alone. */
import { remapPfnRange } from '@fourfold/core';
import { commit } from './support/commit.js';
import { countsOf, driver, rawFrames } from './support/driver.js';
import { fault, frameOf, map, outcome, pageAt, run } from './support/memory.js';

export default commit({
  commits: ['920fc356f5'],
  outcomes: {
    'a write fault on a private mapping of a raw frame of memory': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const first = rawFrames(machine, 1);
        const pfn = k.memory.pageToPfn(first);
        const process = machine.spawn();
        map(process, 1, {
          file: driver(machine, (vma) => remapPfnRange(k, vma, vma.start, pfn, vma.pages)),
          flags: 'private|fixed',
        });
        const before = [...countsOf(machine, first, 1), process.mm.anonRss, process.mm.fileRss];
        const code = run(fault(process, 0, true));
        machine.check();
        return {
          outcome: outcome(code),
          before,
          after: [...countsOf(machine, first, 1), process.mm.anonRss, process.mm.fileRss],
          own: frameOf(process, 0) !== first && k.map.isAnon(frameOf(process, 0)),
          bytes: [...process.read(pageAt(machine, 0), 3)],
        };
      },
      expected: { outcome: 'MINOR|WRITE', before: [[1, 0], 0, 0], after: [[1, 0], 1, 0], own: true, bytes: [1, 2, 3] },
    },
  },
});
