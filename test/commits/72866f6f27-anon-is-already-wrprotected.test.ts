/** The entry of a read fault needs no write-protecting: the protection of a private mapping has no write right. */
import { commit } from './support/commit.js';
import { frameOf, map, pageAt, pteOf } from './support/memory.js';

export default commit({
  commits: ['72866f6f27'],
  outcomes: {
    'private entries of the protection map that give the right to write': {
      run: ({ arch }) => {
        const f = arch.pteFormat;
        return [0, 1, 2, 3, 4, 5, 6, 7].filter((i) =>
          f.write.allows(f.protection[2 * i + 1] as number, f.protection[2 * i] as number),
        );
      },
      expected: [],
    },
    'a read, then a write, of untouched private memory': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        const f = machine.arch.pteFormat;
        map(process, 1);
        process.load8(pageAt(machine, 0));
        const read = pteOf(process, 0);
        const readsZeroPage = frameOf(process, 0) === machine.kernel.zeroPage;
        process.store8(pageAt(machine, 0), 7);
        const written = pteOf(process, 0);
        machine.check();
        return {
          readsZeroPage,
          readWrites: read !== null && f.write.allows(read.hi, read.lo),
          own: frameOf(process, 0) !== machine.kernel.zeroPage,
          writes: written !== null && f.write.allows(written.hi, written.lo),
          dirty: written !== null && f.isDirty(written.hi, written.lo),
          bytes: [...process.read(pageAt(machine, 0), 3)],
        };
      },
      expected: { readsZeroPage: true, readWrites: false, own: true, writes: true, dirty: true, bytes: [7, 0, 0] },
    },
  },
});
