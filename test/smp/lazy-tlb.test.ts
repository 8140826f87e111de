/** Processes on several CPUs: who has which address space loaded, and for how long. */
import { Machine, type Process } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const PAGES = 3;

function mapped(process: Process): bigint {
  const { pageSize } = process.machine;
  return process.mmap({ length: PAGES * pageSize, prot: 'rw', flags: 'private|anonymous' });
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('a process that moves leaves its CPU to a kernel thread, which keeps the address space', () => {
    const machine = new Machine({ arch, cpus: 2 });
    const process = machine.spawn();
    const at = mapped(process);
    process.store8(at, 7);
    const [first, second] = machine.kernel.cpus;
    expect(first?.task).toBe(process);
    process.runOn(1);
    expect([first?.task, first?.mm]).toEqual([null, process.mm]);
    expect(process.load8(at)).toBe(7);
    expect([second?.task, second?.mm]).toEqual([process, process.mm]);
    machine.check();
  });

  test('what a process does on its new CPU is seen when it comes back', () => {
    const machine = new Machine({ arch, cpus: 2 });
    const process = machine.spawn();
    const at = mapped(process);
    process.store8(at, 7);
    process.runOn(1);
    process.munmap(at, machine.pageSize);
    process.runOn(0);
    expect(() => process.load8(at)).toThrow('SEGV_MAPERR');
    machine.check();
  });

  test('the root table of a process that ended stays while another CPU borrows it', () => {
    const machine = new Machine({ arch, cpus: 2 });
    const keeper = machine.spawn();
    mapped(keeper);
    const roots = (): number => machine.kernel.tablesInUse[0] as number;
    const before = roots();
    const process = machine.spawn();
    process.store8(mapped(process), 1);
    process.runOn(1);
    process.store8(mapped(process), 1);
    process.exit();
    expect(machine.kernel.mms.has(process.mm)).toBe(true);
    expect(roots()).toBe(before + 1);
    machine.check();
    // CPU 0 loads another address space: nobody has the old one any more.
    mapped(keeper);
    expect(machine.kernel.mms.has(process.mm)).toBe(false);
    expect(roots()).toBe(before);
    machine.check();
  });

  test('threads on all CPUs see each other unmap and protect', () => {
    const machine = new Machine({ arch, cpus: 4 });
    const process = machine.spawn();
    const at = mapped(process);
    const threads = [1, 2, 3].map((cpu) => {
      const thread = process.thread();
      thread.runOn(cpu);
      return thread;
    });
    for (const thread of threads) thread.store8(at, thread.cpu);
    process.mprotect(at, machine.pageSize, 'r');
    for (const thread of threads) {
      expect(thread.load8(at)).toBe(3);
      expect(() => thread.store8(at, 9)).toThrow('SEGV_ACCERR');
    }
    threads[0]?.munmap(at, machine.pageSize);
    for (const thread of [process, ...threads]) expect(() => thread.load8(at)).toThrow('SEGV_MAPERR');
    machine.check();
  });

  test('a CPU that there is not is refused', () => {
    const machine = new Machine({ arch, cpus: 2 });
    const process = machine.spawn();
    expect(() => process.runOn(2)).toThrow('expected a CPU below 2, got 2');
    expect(() => machine.idle(-1)).toThrow('expected a CPU below 2, got -1');
    expect(process.cpu).toBe(0);
  });
});
