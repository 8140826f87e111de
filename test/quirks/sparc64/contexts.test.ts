/** Context numbers with versions, and cpu_vm_mask. */
import { ContextAllocator, CTX_FIRST_VERSION, contextBits, versionOf, withPageSizes } from '@fourfold/arch-sparc64';
import { Machine } from '@fourfold/core';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

export default quirks({
  port: 'sparc64',
  about: 'Contexts',
  quirks: {
    'an mm gets its number when a CPU first runs it, not when it is made': {
      source: 'asm-sparc64/mmu_context.h: init_new_context, switch_mm',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        expect(process.mm.context).toBe(0);
        process.brk(0);
        expect(process.mm.context).toBe(CTX_FIRST_VERSION);
      },
    },
    'number 0 is the kernel: when all are given the version goes up and the first is 1 again': {
      source: 'arch/sparc64/mm/init.c: get_new_mmu_context',
      holds: (arch) => {
        const bits = contextBits(arch.geometry.pageShift);
        const contexts = new ContextAllocator(bits);
        const first = contexts.allocate(0);
        for (let i = 2; i < 2 ** bits; i++) contexts.allocate(0);
        const next = contexts.allocate(0);
        expect([contexts.numberOf(first), contexts.numberOf(next)]).toEqual([1, 1]);
        expect([versionOf(next) - versionOf(first), contexts.isValid(first)]).toEqual([1, false]);
      },
    },
    '10 bits of context with pages of 8 KiB, 12 with larger ones': {
      source: 'asm-sparc64/mmu.h: CTX_NR_BITS',
      holds: (arch) => expect(contextBits(arch.geometry.pageShift)).toBe(arch.pageSize === 8192 ? 10 : 12),
    },
    'nothing is flushed at a change of version: a CPU flushes a number when it first runs an mm with it': {
      source: 'asm-sparc64/mmu_context.h: switch_mm',
      holds: (arch) => {
        const machine = new Machine({ arch, checks: { flushes: true } });
        const one = machine.spawn();
        const at = one.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        one.store8(at, 1);
        const purged = machine.counters.get('purgedEntries');
        one.exit();
        expect(machine.counters.get('purgedEntries')).toBe(purged);
        // The same number, given again, is flushed before it is used: its page and its VPTE page go.
        const two = machine.spawn();
        two.brk(0);
        expect(machine.counters.get('purgedEntries')).toBe(purged);
        const { mmu, cpu } = machine.kernel;
        expect(mmu.contextOf(two.mm)).not.toBe(0);
        expect(cpu.tlb.contextOf(0)).not.toBe(mmu.contextOf(two.mm));
      },
    },
    'with one user a flush drops the other CPUs from cpu_vm_mask and interrupts nobody; they flush when they come back':
      {
        source: 'arch/sparc64/kernel/smp.c: smp_flush_tlb_pending',
        holds: (arch) => {
          const machine = new Machine({ arch, cpus: 2 });
          const process = machine.spawn();
          const at = process.mmap({ length: 2 * arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
          process.store8(at, 1);
          process.runOn(1);
          process.store8(at, 2);
          expect(process.mm.cpuVmMask).toBe(3);
          process.madvise(at, arch.pageSize, 4);
          expect([process.mm.cpuVmMask, machine.counters.get('ipis')]).toEqual([2, 0]);
          process.runOn(0);
          const purged = machine.counters.get('purgedEntries');
          expect(process.load8(at)).toBe(0);
          expect(machine.counters.get('purgedEntries')).toBeGreaterThan(purged);
        },
      },
    'with two users every CPU of the mask gets one cross call a batch': {
      source: 'arch/sparc64/kernel/smp.c: smp_flush_tlb_pending',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 3 });
        const process = machine.spawn();
        const at = process.mmap({ length: 4 * arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        for (let i = 0; i < 4; i++) process.store8(at + BigInt(i * arch.pageSize), 1);
        const thread = process.thread();
        thread.runOn(1);
        thread.load8(at);
        process.madvise(at, 4 * arch.pageSize, 4);
        expect([machine.counters.get('ipiFlushPage'), machine.counters.get('ipis')]).toEqual([1, 1]);
      },
    },
    'activate_mm demaps the whole context on its CPU whatever it held; switching back to an mm demaps nothing': {
      source: 'asm-sparc64/mmu_context.h: activate_mm, switch_mm',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const [one, two] = [machine.spawn(), machine.spawn()];
        one.brk(0);
        two.brk(0);
        const purges = machine.counters.get('purges');
        one.brk(0);
        expect(machine.counters.get('purges')).toBe(purges);
        const { kernel } = machine;
        kernel.mmu.switchMm(kernel.cpu, null, one.mm);
        expect(machine.counters.get('purges')).toBe(purges + 1);
      },
    },
    'a number that was given up is given again only behind the last one, then from the start': {
      source: 'arch/sparc64/mm/init.c: get_new_mmu_context',
      holds: (arch) => {
        const contexts = new ContextAllocator(contextBits(arch.geometry.pageShift));
        const [one, two] = [contexts.allocate(0), contexts.allocate(0)];
        contexts.release(one);
        const three = contexts.allocate(0);
        expect([one, two, three].map((value) => contexts.numberOf(value))).toEqual([1, 2, 3]);
        for (let i = 4; i < 2 ** contextBits(arch.geometry.pageShift); i++) contexts.allocate(0);
        expect(contexts.numberOf(contexts.allocate(0))).toBe(1);
        expect(versionOf(contexts.cache)).toBe(1);
      },
    },
    'the page sizes of cheetah_plus stay with the value of the mm, out of the number': {
      source: 'asm-sparc64/mmu.h: CTX_PGSZ_MASK, CTX_NR_MASK',
      holds: (arch) => {
        const contexts = new ContextAllocator(contextBits(arch.geometry.pageShift));
        const value = contexts.allocate(withPageSizes(0, 0, 3));
        expect([contexts.numberOf(value), contexts.hardwareOf(value), contexts.numberOf(contexts.cache)]).toEqual([
          1, 0x18_0001, 1,
        ]);
      },
    },
  },
});
