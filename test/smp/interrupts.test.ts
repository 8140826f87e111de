/** Interrupts between CPUs: who gets them, in which order, and how they are counted. */
import { type Cpu, Machine } from '@fourfold/core';
import { callFunction, IPI_CAUSES } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test.each(IPI_CAUSES)('%s reaches every CPU of the mask but the one that sends it', (cause) => {
    const machine = new Machine({ arch, cpus: 4 });
    const process = machine.spawn({ cpu: 1 });
    process.brk(0);
    const spy = machine.spy();
    const ran: number[] = [];
    const handler = (cpu: Cpu, mm: object, page: number): void => {
      expect([mm, page]).toEqual([process.mm, 42]);
      ran.push(cpu.id);
    };
    expect(callFunction(machine.kernel, 0b1011, cause, handler, process.mm, 42)).toBe(2);
    expect(ran).toEqual([0, 3]);
    expect([machine.counters.get(cause), machine.counters.get('ipis')]).toEqual([2, 2]);
    expect([...spy.of('ipi', 'ipiAck')].map(({ name, cpu }) => [name, cpu])).toEqual([
      ['ipi', 0],
      ['ipiAck', 0],
      ['ipi', 3],
      ['ipiAck', 3],
    ]);
  });
});
