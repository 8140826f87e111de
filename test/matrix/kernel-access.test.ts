/** Loads and stores of the kernel in what it mapped for itself: on every CPU, whatever that has loaded, and not a moment longer. */
import { ioremap, kernelLoad, kernelStore, Machine, runToEnd, vfree, vmalloc } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const DEVICE = 0x8000_0000;

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  const { pageSize } = arch.geometry;
  const small = (cpus = 1): Machine => new Machine({ arch, cpus, memory: 2 ** (arch.geometry.pageShift + 10) });

  test('a vmalloc area reads and writes its frames, its guard page nothing, and after vfree it is gone', () => {
    const machine = small();
    const k = machine.kernel;
    machine.spawn().brk(0);
    const at = runToEnd(vmalloc(k, 2 * pageSize));
    for (const offset of [0, pageSize - 1, pageSize, 2 * pageSize - 1]) {
      machine.kernelStore8(at + BigInt(offset), offset & 255);
    }
    for (const offset of [0, pageSize - 1, pageSize, 2 * pageSize - 1]) {
      expect(machine.kernelLoad8(at + BigInt(offset))).toBe(offset & 255);
    }
    expect(() => kernelLoad(k, k.cpu, at + BigInt(2 * pageSize))).toThrow('MM_OOPS');
    runToEnd(vfree(k, at));
    expect(() => kernelLoad(k, k.cpu, at)).toThrow('nothing is mapped there');
    machine.check();
  });

  test('a device that ioremap mapped', () => {
    const machine = new Machine({ arch, devices: [{ base: DEVICE, size: 4 * pageSize }] });
    const k = machine.kernel;
    const at = runToEnd(ioremap(k, DEVICE + pageSize + 5, 4));
    kernelStore(k, k.cpu, at, 77);
    expect(kernelLoad(k, k.cpu, at)).toBe(77);
    expect(k.memory.loadByte(k.memory.frameAt(DEVICE / pageSize + 1), 5)).toBe(77);
    machine.check();
  });

  test('random areas, CPUs and processes: every CPU reads what any of them wrote, and nothing of what was freed', () => {
    const step = fc.tuple(
      fc.constantFrom('vmalloc', 'vfree', 'store', 'load', 'spawn', 'exit', 'idle'),
      fc.nat(3),
      fc.nat(40),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const machine = small(4);
        const k = machine.kernel;
        const areas: { at: bigint; value: number }[] = [];
        let freed = 0n;
        for (const [what, id, n] of steps) {
          const cpu = k.cpus[id] as (typeof k.cpus)[number];
          const area = areas[n % Math.max(1, areas.length)];
          if (what === 'vmalloc') {
            const at = runToEnd(vmalloc(k, ((n % 3) + 1) * pageSize));
            if (at === 0n) continue;
            kernelStore(k, cpu, at, n);
            areas.push({ at, value: n });
            if (at === freed) freed = 0n;
          } else if (what === 'spawn') machine.spawn({ cpu: id }).brk(0);
          else if (what === 'exit') machine.processes[n % Math.max(1, machine.processes.length)]?.exit();
          else if (what === 'idle') machine.idle(id);
          else if (area === undefined) continue;
          else if (what === 'vfree') {
            freed = area.at;
            runToEnd(vfree(k, area.at));
            areas.splice(areas.indexOf(area), 1);
          } else if (what === 'store') {
            area.value = n;
            kernelStore(k, cpu, area.at, n);
          } else expect(kernelLoad(k, cpu, area.at)).toBe(area.value);
          if (freed !== 0n) expect(() => kernelLoad(k, cpu, freed)).toThrow('MM_OOPS');
          machine.check();
        }
      }),
      { numRuns: 20 },
    );
  });
});
