/** get_user_pages of the gate area finds its page by the gate's own area, there being no other. */
import { getUserPages, type Process, type Vma } from '@fourfold/core';
import { commit } from './support/commit.js';
import { release } from './support/driver.js';
import { run } from './support/memory.js';

/** get_user_pages of one page of the gate; of page 0xffff... of the space where there is no gate. */
function gateGup(process: Process, write: boolean): { result: number; count: number; isGate: boolean } {
  const { machine, mm } = process;
  const k = machine.kernel;
  const { gate } = machine.arch.layout.spec;
  const address = gate?.start ?? (1n << BigInt(machine.arch.wordBits)) - BigInt(machine.pageSize);
  const pages: number[] = [];
  const vmas: Vma[] = [];
  machine.enter(process);
  const vpn = Number(address >> BigInt(k.memory.pageShift));
  const result = run(getUserPages(k, process, mm, vpn, 1, { write, pages, vmas }));
  const before = pages.length === 0 ? 0 : (k.map.count[pages[0] as number] as number);
  const first = vmas[0];
  release(machine, pages);
  const after = pages.length === 0 ? 0 : (k.map.count[pages[0] as number] as number);
  return { result, count: before - after, isGate: first !== undefined && first.start === vpn && first.mm !== mm };
}

export default commit({
  commits: ['fa2a455b02'],
  outcomes: {
    'get_user_pages of a gate address, to read': {
      machines: ['i386', 'i386-pae', 'x86_64', 'ia64-4k', 'ia64-8k', 'ia64-16k', 'ia64-64k'],
      run: ({ machine: make }) => {
        const machine = make();
        const result = gateGup(machine.spawn(), false);
        machine.check();
        return result;
      },
      expected: { result: 1, count: 1, isGate: true },
    },
    'to write; and to read where there is no gate area': {
      run: ({ arch, machine: make }) => {
        const process = make().spawn();
        const read = arch.layout.spec.gate === undefined ? gateGup(process, false).result : 'gate';
        return [gateGup(process, true).result, read];
      },
      expected: (arch: { layout: { spec: { gate?: unknown } } }) => [
        -14,
        arch.layout.spec.gate === undefined ? -14 : 'gate',
      ],
    },
  },
});
