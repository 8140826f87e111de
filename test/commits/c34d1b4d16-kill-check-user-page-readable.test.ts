/** The profiler reads a user's stack with a copy that cannot fault, not with a look at page tables of its own. */
import { copyFromUserInatomic, type Process, userBacktrace } from '@fourfold/core';
import { commit } from './support/commit.js';
import { AT, map, pageAt, pteOf } from './support/memory.js';

/** Stores a frame at `at`: the caller's frame, and the address it returns to. */
function frame(process: Process, at: bigint, next: bigint, returns: bigint): void {
  const word = BigInt(process.machine.arch.wordBits / 8);
  if (word === 8n) {
    process.store64(at, next);
    process.store64(at + word, returns);
  } else {
    process.store32(at, Number(next));
    process.store32(at + word, Number(returns));
  }
}

export default commit({
  commits: ['c34d1b4d16'],
  outcomes: {
    'a walk of three frames, of which the third lies on a page that is not there': {
      machines: ['i386', 'i386-pae', 'x86_64'],
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 3);
        frame(process, AT + 64n, AT + 128n, 0x1111n);
        frame(process, AT + 128n, pageAt(machine, 1), 0x2222n);
        const faults = process.minFlt;
        const entry = pteOf(process, 1);
        const spy = machine.spy();
        const walk = userBacktrace(process, AT + 64n, 10);
        return {
          returns: walk.returns.map(Number),
          end: walk.end,
          locks: spy.count('lock'),
          faults: process.minFlt - faults,
          entryChanged: JSON.stringify(pteOf(process, 1)) !== JSON.stringify(entry),
        };
      },
      expected: { returns: [0x1111, 0x2222], end: 'copy failed', locks: 0, faults: 0, entryChanged: false },
    },
    'bytes left over, locks and faults of a copy that runs into a page that is not there': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        map(process, 2);
        process.store8(AT, 1);
        const faults = process.minFlt;
        const spy = machine.spy();
        const left = copyFromUserInatomic(process, pageAt(machine, 1) - 3n, new Uint8Array(10));
        const locks = spy.count('lock');
        machine.check();
        return [left, locks, process.minFlt - faults];
      },
      expected: [7, 0, 0],
    },
  },
});
