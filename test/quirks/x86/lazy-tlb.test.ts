/** Lazy TLB: what a CPU keeps while a kernel thread runs on it, and when it gives it up. */
import { Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { map, pageAt, touch } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { growth, registers } from './scene.js';

interface Pair {
  readonly machine: Machine;
  /** On CPU 0. */
  readonly process: Process;
  /** Its thread, on CPU 1. */
  readonly thread: Process;
}

function pair(arch: ArchDescriptor): Pair {
  const machine = new Machine({ arch, cpus: 2 });
  const process = machine.spawn();
  map(process, 8);
  touch(process, 8);
  const thread = process.thread();
  thread.runOn(1);
  thread.load8(pageAt(machine, 7));
  process.load8(pageAt(machine, 7));
  return { machine, process, thread };
}

export default quirks({
  port: 'x86',
  about: 'Lazy TLB',
  quirks: {
    'a CPU that turns to a kernel thread keeps CR3, its bit in cpu_vm_mask and its translations': {
      source: 'asm-i386/mmu_context.h, asm-x86_64/mmu_context.h: enter_lazy_tlb',
      holds: (arch) => {
        const { machine, process, thread } = pair(arch);
        const { cr3, cr3Loads } = registers(machine, 1);
        machine.idle(1);
        expect([registers(machine, 1).cr3, registers(machine, 1).cr3Loads, registers(machine, 1).lazy]).toEqual([
          cr3,
          cr3Loads,
          true,
        ]);
        expect(process.mm.cpuVmMask).toBe(0b11);
        expect(growth(machine, 'walks', () => thread.load8(pageAt(machine, 7)))).toBe(0);
        expect([registers(machine, 1).cr3Loads, registers(machine, 1).lazy]).toEqual([cr3Loads, false]);
      },
    },
    "the first flush that reaches a lazy CPU makes it leave the address space for the kernel's own tables; it is interrupted once and no more":
      {
        source: 'arch/i386/kernel/smp.c, arch/x86_64/kernel/smp.c: leave_mm, smp_invalidate_interrupt',
        holds: (arch) => {
          const { machine, process } = pair(arch);
          machine.idle(1);
          const flush = (n: number): number =>
            growth(machine, 'ipis', () => process.munmap(pageAt(machine, n), machine.pageSize));
          expect(flush(0)).toBe(1);
          expect([process.mm.cpuVmMask, registers(machine, 1).leaves]).toEqual([0b01, 1]);
          expect(registers(machine, 1).cr3).toBe(machine.kernel.initMm?.rootPa);
          expect(machine.kernel.cpus[1]?.mm).toBe(process.mm);
          expect([flush(1), flush(2), registers(machine, 1).leaves]).toEqual([0, 0, 1]);
          machine.check();
        },
      },
    'a CPU that comes back to the address space it left loads CR3; one that did not leave it does nothing': {
      source: 'asm-i386/mmu_context.h: switch_mm (cpu_test_and_set of cpu_vm_mask)',
      holds: (arch) => {
        const { machine, process, thread } = pair(arch);
        const loads = (): number => registers(machine, 1).cr3Loads;
        machine.idle(1);
        const before = loads();
        thread.load8(pageAt(machine, 7));
        expect(loads() - before).toBe(0);
        machine.idle(1);
        process.munmap(pageAt(machine, 0), machine.pageSize);
        const left = loads();
        thread.load8(pageAt(machine, 7));
        expect([loads() - left, process.mm.cpuVmMask]).toEqual([1, 0b11]);
        machine.check();
      },
    },
    'a switch to another address space takes the CPU out of the old mask, and flushes of the old one pass it by': {
      source: 'asm-i386/mmu_context.h: switch_mm',
      holds: (arch) => {
        const { machine, process } = pair(arch);
        const other = machine.spawn({ cpu: 1 });
        other.brk(0);
        expect([process.mm.cpuVmMask, other.mm.cpuVmMask]).toEqual([0b01, 0b10]);
        expect(growth(machine, 'ipis', () => process.munmap(pageAt(machine, 0), machine.pageSize))).toBe(0);
      },
    },
    'a process that exits takes its address space down from a lazy CPU: the flush leaves the mm where user mode would load CR3 anew':
      {
        source: 'kernel/exit.c: exit_mm (enter_lazy_tlb); arch/i386/kernel/smp.c: flush_tlb_mm (current->mm == NULL)',
        holds: (arch) => {
          const { machine, process, thread } = pair(arch);
          thread.exit();
          process.exit();
          expect([registers(machine, 0).leaves, registers(machine, 1).leaves, process.mm.cpuVmMask]).toEqual([1, 1, 0]);
          machine.check();
        },
      },
    'flush_tlb_all makes lazy CPUs leave, beside what it drops': {
      source: 'arch/i386/kernel/smp.c: do_flush_tlb_all',
      holds: (arch) => {
        const { machine, process } = pair(arch);
        machine.idle(1);
        machine.enter(process);
        machine.kernel.mmu.flushKernelRange(0, 1);
        expect([registers(machine, 0).leaves, registers(machine, 1).leaves]).toEqual([0, 1]);
        expect(process.mm.cpuVmMask).toBe(0b01);
      },
    },
    'with one CPU there is no lazy state: an idle CPU loads CR3 anew like any other': {
      source: 'asm-i386/mmu_context.h: enter_lazy_tlb (#ifdef CONFIG_SMP)',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 2);
        touch(process, 2);
        machine.idle(0);
        expect(registers(machine).lazy).toBe(false);
        machine.kernel.mmu.flushMm(process.mm);
        expect([registers(machine).leaves, registers(machine).cr3]).toEqual([0, process.mm.rootPa]);
      },
    },
  },
});
