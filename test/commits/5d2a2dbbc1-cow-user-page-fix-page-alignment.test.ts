/** The copy of a raw frame begins at the page of the address that faulted, not at the address. */
import { remapPfnRange } from '@fourfold/core';
import { commit } from './support/commit.js';
import { driver, rawFrames } from './support/driver.js';
import { map, pageAt } from './support/memory.js';

export default commit({
  commits: ['5d2a2dbbc1'],
  outcomes: {
    'a store at byte 0x123 of a raw page: bytes that differ from the frame, and how far from a page the copy began': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const first = rawFrames(machine, 1);
        const process = machine.spawn();
        map(process, 1, {
          file: driver(machine, (vma) => remapPfnRange(k, vma, vma.start, k.memory.pageToPfn(first), 1)),
          flags: 'private|fixed',
        });
        const spy = machine.spy();
        process.store8(pageAt(machine, 0) + 0x123n, 0);
        const copies = spy.of('copyUser').map((event) => event.address % machine.pageSize);
        const bytes = process.read(pageAt(machine, 0), machine.pageSize);
        const wrong = [...bytes].filter((byte, at) => byte !== (at === 0x123 ? 0 : (at + 1) & 255)).length;
        machine.check();
        return { wrong, copies };
      },
      expected: { wrong: 0, copies: [0] },
    },
    'the same when nothing can be read there: bytes that are not zero': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const first = rawFrames(machine, 1);
        const process = machine.spawn();
        map(process, 1, {
          file: driver(machine, (vma) => remapPfnRange(k, vma, vma.start, k.memory.pageToPfn(first), 1)),
          flags: 'private|fixed',
        });
        machine.inject.failUserCopy = () => true;
        process.store8(pageAt(machine, 0) + 0x123n, 0);
        machine.inject.clear();
        machine.check();
        return [...process.read(pageAt(machine, 0), machine.pageSize)].filter((byte) => byte !== 0).length;
      },
      expected: 0,
    },
  },
});
