/**
 * A fault in a region of huge pages used to be the end of the process, though a stale TLB entry was enough to cause one. Here
 * its outcome in the end state, where the page-table check of the next commit and demand faults have taken its place.
 */
import { runToEnd } from '@fourfold/core';
import { commit } from './support/commit.js';
import { mapHuge } from './support/huge.js';

export default commit({
  commits: ['3359b54c8c'],
  outcomes: {
    'a read fault on a mapped huge page: minor, and the entry, rss and pool stay': {
      run: (bench) => {
        const { machine, process, at, fault, look } = mapHuge(bench, 2);
        process.store8(at(0), 1);
        process.store8(at(1), 2);
        const before = look(0);
        const result = fault(0, false);
        machine.check();
        return [result, JSON.stringify(look(0), text) === JSON.stringify(before, text)];
      },
      expected: ['MINOR', true],
    },
    'the same behind a truncation: SIGBUS, nothing allocated': {
      run: (bench) => {
        const { machine, process, inode, huge, at, fault, look } = mapHuge(bench, 2);
        process.store8(at(0), 1);
        process.store8(at(1), 2);
        runToEnd(inode.setSize(2 ** huge.shift));
        const { free, rss } = look(1);
        const results = [fault(1, false), fault(1, true), fault(0, false)];
        machine.check();
        return [results, look(1).free - free, look(1).rss - rss];
      },
      expected: [['SIGBUS', 'SIGBUS', 'MINOR'], 0, 0],
    },
  },
});

function text(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
