/**
 * Parts of x86's flushes taken out one by one: an interrupt that is not sent, a CPU that does not do what it was interrupted
 * for, a mask bit that is not set. Each is found at the end of the operation, whatever the CPUs had cached.
 */
import { registersOf } from '@fourfold/arch-x86';
import { KernelBug, kernelLoad, Machine, type Process, runToEnd, vfree, vmalloc } from '@fourfold/core';
import type { Cpu, Mm, Mmu } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { map, pageAt, touch } from '../commits/support/memory.js';
import { machine as machineOf } from '../support/machines.js';

/** The port's own parts, as they may be replaced. */
interface Port extends Mmu {
  readonly flush: {
    others: (mm: Mm) => void;
    onPage: (cpu: Cpu, mm: Mm, vpn: number) => void;
    onMm: (cpu: Cpu, mm: Mm) => void;
    onAll: (cpu: Cpu) => void;
  };
}

interface Scene {
  readonly machine: Machine;
  readonly mmu: Port;
  /** On CPU 0 and CPU 1. */
  readonly process: Process;
  readonly thread: Process;
}

function scene(name: 'i386' | 'i386-pae' | 'x86_64'): Scene {
  const machine = new Machine({ arch: machineOf(name), cpus: 2 });
  const process = machine.spawn();
  map(process, 8);
  touch(process, 8);
  const thread = process.thread();
  thread.runOn(1);
  thread.load8(pageAt(machine, 0));
  process.load8(pageAt(machine, 0));
  return { machine, mmu: machine.kernel.mmu as Port, process, thread };
}

/** What is taken out, what is done then, and how it is found. */
const PARTS: Readonly<Record<string, readonly [take: (of: Scene) => void, act: (of: Scene) => void, says: RegExp]>> = {
  'no interrupt is sent for an mm': [
    ({ mmu }) => {
      mmu.flush.others = () => {};
    },
    ({ process, machine }) => process.munmap(pageAt(machine, 3), machine.pageSize),
    /CPU 1 may still use page 0x20003000 of mm \d+: munmap took .* out of its entry, and tlb_flush left it there/,
  ],
  'no interrupt is sent for a page': [
    ({ mmu, process }) => {
      process.fork();
      mmu.flush.others = () => {};
    },
    ({ process }) => touch(process, 1),
    /CPU 1 may still use page 0x20000000 of mm \d+.*flush_tlb_page left it there/,
  ],
  'the CPU that flushes does not load CR3 itself': [
    ({ mmu, machine }) => {
      const { onMm } = mmu.flush;
      mmu.flush.onMm = (cpu, mm) => {
        if (cpu !== machine.kernel.cpus[0]) onMm(cpu, mm);
      };
    },
    ({ process, machine }) => process.mprotect(pageAt(machine, 0), machine.pageSize, 'r'),
    /CPU 0 may still use page 0x20000000 of mm \d+: mprotect lowered its rights from rwx? to r.*flush_tlb_range/,
  ],
  'INVLPG is executed for the page beside': [
    ({ mmu, process }) => {
      process.fork();
      const { onPage } = mmu.flush;
      mmu.flush.onPage = (cpu, mm, vpn) => onPage(cpu, mm, vpn + 1);
    },
    ({ process }) => touch(process, 1),
    /may still use page 0x20000000 of mm \d+.*flush_tlb_page left it there/,
  ],
  'switch_mm does not put the CPU into the mask': [
    ({ mmu, thread, machine }) => {
      machine.spawn({ cpu: 1 }).brk(0);
      const switchMm = mmu.switchMm.bind(mmu);
      mmu.switchMm = (cpu, prev, next) => {
        switchMm(cpu, prev, next);
        next.cpuVmMask &= ~(1 << cpu.id);
      };
      thread.load8(pageAt(machine, 1));
    },
    ({ process, machine }) => process.munmap(pageAt(machine, 1), machine.pageSize),
    /CPU 1 may still use page 0x20001000/,
  ],
  'a CPU that left the mm comes back without loading CR3': [
    ({ mmu, process, machine }) => {
      machine.idle(1);
      process.munmap(pageAt(machine, 5), machine.pageSize);
      mmu.switchMm = (cpu, _prev, next) => {
        next.cpuVmMask |= 1 << cpu.id;
        registersOf(cpu).lazy = false;
        cpu.context = 0;
      };
    },
    ({ thread, machine }) => thread.load8(pageAt(machine, 1)),
    /makes no progress/,
  ],
  'a CR3 load keeps the page directories that were cached': [
    ({ machine }) => {
      for (const cpu of machine.kernel.cpus) registersOf(cpu).directory.empty = () => {};
    },
    ({ process, machine }) => {
      process.munmap(pageAt(machine, 0), 8 * machine.pageSize);
      machine.check();
    },
    /the pte table of page \d+ is cached at word \d+, the tables say/,
  ],
  'flush_tlb_kernel_range does nothing': [
    ({ mmu }) => {
      mmu.flushKernelRange = () => {};
    },
    ({ machine }) => {
      const k = machine.kernel;
      const at = runToEnd(vmalloc(k, machine.pageSize));
      kernelLoad(k, k.cpu, at);
      runToEnd(vfree(k, at));
      machine.check();
    },
    /CPU 0 may still use the kernel's page 0x[0-9a-f]+: vfree took .*, and flush_tlb_kernel_range left it there/,
  ],
  'flush_tlb_kernel_range loads CR3 and leaves CR4.PGE alone': [
    ({ mmu }) => {
      mmu.flush.onAll = ({ tlb }) => void tlb.dropAll(true);
    },
    ({ machine }) => {
      const k = machine.kernel;
      runToEnd(vfree(k, runToEnd(vmalloc(k, machine.pageSize))));
    },
    /CPU 0 may still use the kernel's page 0x[0-9a-f]+: vfree took .*, and flush_tlb_kernel_range left it there/,
  ],
  'flush_tlb_kernel_range reaches this CPU alone': [
    ({ mmu, machine }) => {
      const { onAll } = mmu.flush;
      mmu.flush.onAll = (cpu) => {
        if (cpu === machine.kernel.cpu) onAll(cpu);
      };
    },
    ({ machine }) => {
      const k = machine.kernel;
      const at = runToEnd(vmalloc(k, machine.pageSize));
      for (const cpu of k.cpus) kernelLoad(k, cpu, at);
      runToEnd(vfree(k, at));
      machine.check();
    },
    /CPU 1 may still use the kernel's page 0x[0-9a-f]+: vfree took .*, and flush_tlb_kernel_range left it there/,
  ],
};

describe.each(['i386', 'i386-pae', 'x86_64'] as const)('%s', (name) => {
  test.each(Object.entries(PARTS))('%s', (_what, [take, act, says]) => {
    const untouched = scene(name);
    act(untouched);
    const broken = scene(name);
    take(broken);
    expect(() => act(broken)).toThrow(KernelBug);
    const again = scene(name);
    take(again);
    expect(() => act(again)).toThrow(says);
  });
});
