/** A copy of a raw page comes from the user address, rounded down to the page; what cannot be read is zero. */
import { remapPfnRange } from '@fourfold/core';
import { commit } from './support/commit.js';
import { device, withScreen } from './support/devices.js';
import { map, pageAt, touch } from './support/memory.js';

export default commit({
  commits: ['5d2a2dbbc1', 'e5bbe4dfc8'],
  outcomes: {
    'bytes of a copy that differ from the page it was made of, after a store in its middle; the address copied from': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        const fill = device(machine, (vma) => remapPfnRange(machine.kernel, vma, vma.start, screen, vma.pages));
        map(process, 1, { flags: 'shared|fixed', file: fill }, 8);
        process.write(
          pageAt(machine, 8),
          Uint8Array.from({ length: machine.pageSize }, (_, i) => i * 7),
        );
        map(process, 1, { flags: 'private|fixed', file: fill });
        const spy = machine.spy();
        process.store8(pageAt(machine, 0) + 0x123n, 0);
        const from = spy.of('copyUser').map((event) => BigInt(event.address) - pageAt(machine, 0));
        const copy = process.read(pageAt(machine, 0), machine.pageSize);
        machine.check();
        return [copy.filter((byte, i) => byte !== ((i * 7) & 255)).length, from];
      },
      expected: [1, [0n]],
    },
    'the first bytes of a copy whose source cannot be read': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        const fill = device(machine, (vma) => remapPfnRange(machine.kernel, vma, vma.start, screen, vma.pages));
        map(process, 1, { flags: 'shared|fixed', file: fill }, 8);
        process.write(pageAt(machine, 8), new Uint8Array(4).fill(9));
        map(process, 1, { flags: 'private|fixed', file: fill });
        machine.inject.failUserCopy = () => true;
        process.store8(pageAt(machine, 0) + 1n, 5);
        machine.inject.clear();
        return [...process.read(pageAt(machine, 0), 4)];
      },
      expected: [0, 5, 0, 0],
    },
    'copies by page and from user addresses: of the zero page, of a page, of a raw page': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        map(process, 2);
        touch(process, 1);
        process.load8(pageAt(machine, 1));
        const child = process.fork();
        const fill = device(machine, (vma) => remapPfnRange(machine.kernel, vma, vma.start, screen, vma.pages));
        map(process, 1, { flags: 'private|fixed', file: fill }, 8);
        const copies = [1, 0, 8].map((n) => {
          const spy = machine.spy();
          process.store8(pageAt(machine, n), 1);
          return [spy.of('copyPage').length, spy.of('copyUser').length];
        });
        child.exit();
        machine.check();
        return copies;
      },
      expected: [
        [0, 0],
        [1, 0],
        [0, 1],
      ],
    },
  },
});
