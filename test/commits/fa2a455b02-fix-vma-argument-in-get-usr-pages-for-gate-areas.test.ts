/** get_user_pages of the gate area finds its page by the gate's own area, there being no other. */
import { getUserPages, Machine, type Process, type Vma } from '@fourfold/core';
import { type ArchDescriptor, type GateSpec, Layout } from '@fourfold/core/arch';
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

/**
 * The machine, had it its gate where ordinary pages reach up to it, as on none of the time: at the end of user space, or behind what
 * of a region can be mapped. Of its two pages the second is not there.
 */
function withGateBehindPages(arch: ArchDescriptor): ArchDescriptor {
  const { pageShift, spec } = arch.layout;
  const { gate, region } = spec;
  const size = BigInt(arch.pageSize);
  const start = region === undefined ? spec.taskSize - 2n * size : (1n << BigInt(region.shift)) + region.limit;
  const taskSize = region === undefined ? start : spec.taskSize;
  const pages = gate?.pages.slice(0, 1) ?? [];
  const layout = new Layout(pageShift, { ...spec, taskSize, gate: { start, end: start + 2n * size, pages } });
  return arch.with({ layout });
}

/** get_user_pages of two ordinary pages and the gate behind them, from page `first` of these four on. */
function gupUpToTheGate(machine: Machine, first: number, write: boolean): { result: number; inGate: boolean[] } {
  const process = machine.spawn();
  const size = BigInt(machine.pageSize);
  const start = (machine.arch.layout.spec.gate as GateSpec).start - 2n * size;
  process.mmap({ addr: start, length: 2n * size, prot: 'rw', flags: 'private|anonymous|fixed' });
  const pages: number[] = [];
  const vmas: Vma[] = [];
  machine.enter(process);
  const vpn = Number(start / size);
  const request = { write, pages, vmas };
  const result = run(getUserPages(machine.kernel, process, process.mm, vpn + first, 4 - first, request));
  release(machine, pages);
  machine.check();
  return { result, inGate: vmas.map((vma) => vma.start === vpn + 2) };
}

const WITH_GATE = ['i386', 'i386-pae', 'x86_64', 'ia64-4k', 'ia64-8k', 'ia64-16k', 'ia64-64k'] as const;

export default commit({
  commits: ['fa2a455b02'],
  outcomes: {
    'get_user_pages of a gate address, to read': {
      machines: WITH_GATE,
      run: ({ machine: make }) => {
        const machine = make();
        const result = gateGup(machine.spawn(), false);
        machine.check();
        return result;
      },
      expected: { result: 1, count: 1, isGate: true },
    },
    'of two ordinary pages and the gate behind them, to write and to read; of a page of the gate that is not there': {
      machines: WITH_GATE,
      run: ({ arch }) => {
        const machine = new Machine({ arch: withGateBehindPages(arch) });
        return [gupUpToTheGate(machine, 0, true), gupUpToTheGate(machine, 0, false), gupUpToTheGate(machine, 3, false)];
      },
      expected: [
        { result: 2, inGate: [false, false] },
        { result: 3, inGate: [false, false, true] },
        { result: -14, inGate: [] },
      ],
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
