/** Purges in fixed sizes, the gather, and flushes of an mm that is not here. */
import { type Ia64Mmu, purgePlan } from '@fourfold/arch-ia64';
import { Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

interface Setting {
  readonly machine: Machine;
  readonly process: Process;
  readonly at: bigint;
  readonly mmu: Ia64Mmu;
}

function written(arch: ArchDescriptor, pages: number, cpus = 1): Setting {
  const machine = new Machine({ arch, cpus, overcommit: 1 });
  const process = machine.spawn();
  const at = process.mmap({ length: pages * arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
  for (let i = 0; i < pages; i++) process.store8(at + BigInt(i * arch.pageSize), 1);
  return { machine, process, at, mmu: machine.kernel.mmu as Ia64Mmu };
}

export default quirks({
  port: 'ia64',
  about: 'Purges and the gather',
  quirks: {
    'a range is purged in steps of the next size there is, from its start rounded down: five pages of 16 KiB take two of 64 KiB':
      {
        source: 'arch/ia64/mm/tlb.c: flush_tlb_range',
        machines: ['ia64-16k'],
        holds: () => {
          const start = 0x2000_0000_0000_4000n;
          expect(purgePlan(start, start + 5n * 0x4000n)).toEqual({ bits: 16, first: start - 0x4000n, purges: 2 });
          expect(purgePlan(start, start + 2n * 0x4000n)).toMatchObject({ bits: 16, purges: 1 });
        },
      },
    'what lies beside a range in a step of its purges goes with it': {
      source: 'arch/ia64/mm/tlb.c: flush_tlb_range',
      machines: ['ia64-16k'],
      holds: (arch) => {
        const { machine, process, at } = written(arch, 4);
        for (let i = 0; i < 4; i++) process.load8(at + BigInt(i * arch.pageSize));
        // Two pages are purged as 64 KiB, four pages.
        process.mprotect(at, 2 * arch.pageSize, 'r');
        const misses = machine.counters.get('tlbDataMisses2');
        process.load8(at + BigInt(3 * arch.pageSize));
        expect(machine.counters.get('tlbDataMisses2')).toBe(misses + 1);
      },
    },
    'munmap purges the pages and then the part of the linear table that holds their ptes; mprotect only the pages': {
      source: 'asm-ia64/tlb.h: ia64_tlb_flush_mmu',
      holds: (arch) => {
        const { machine, process, at } = written(arch, 2);
        const before = machine.counters.get('flushRange');
        process.mprotect(at, arch.pageSize, 'r');
        expect(machine.counters.get('flushRange')).toBe(before + 1);
        process.munmap(at, arch.pageSize);
        expect(machine.counters.get('flushRange')).toBe(before + 3);
      },
    },
    'a gather holds 2,048 pages, and a range over two regions flushes everything': {
      source: 'asm-ia64/tlb.h: FREE_PTE_NR, ia64_tlb_flush_mmu',
      holds: (arch) => {
        expect(arch.gather.capacity).toBe(2048);
        const { machine, mmu, process } = written(arch, 1);
        const page = (va: bigint): number => Number(va / BigInt(arch.pageSize));
        mmu.gatherFlush(process.mm, false, page(1n << 61n) - 1, page(1n << 61n) + 1);
        expect(machine.counters.get('flushAll')).toBe(1);
        mmu.gatherFlush(process.mm, false, 0, 2 ** 40 / arch.pageSize);
        expect(machine.counters.get('flushAll')).toBe(2);
      },
    },
    'ptc.ga reaches every CPU without an interrupt': {
      source: 'arch/ia64/mm/tlb.c: ia64_global_tlb_purge',
      holds: (arch) => {
        const { machine, process, at } = written(arch, 2, 2);
        const thread = process.thread();
        thread.runOn(1);
        thread.load8(at);
        process.munmap(at, arch.pageSize);
        expect(machine.counters.get('ipis')).toBe(0);
        expect(() => thread.load8(at)).toThrow('SEGV_MAPERR');
      },
    },
    'on SMP a purge for an mm that does not run here flushes every TLB, by interrupt': {
      source: 'arch/ia64/mm/tlb.c: ia64_global_tlb_purge, smp_flush_tlb_all',
      holds: (arch) => {
        const { machine, process, mmu } = written(arch, 1, 4);
        machine.spawn().brk(0);
        mmu.flushPage(process.mm, 1);
        expect([machine.counters.get('flushAll'), machine.counters.get('ipiFlushAll')]).toEqual([1, 3]);
      },
    },
    'on one CPU it purges nothing: the mm loses its number': {
      source: 'arch/ia64/mm/tlb.c: flush_tlb_range',
      holds: (arch) => {
        const { machine, process, mmu } = written(arch, 1);
        machine.spawn().brk(0);
        const purged = machine.counters.get('purgedEntries');
        mmu.flushPage(process.mm, 1);
        expect([process.mm.context, machine.counters.get('purgedEntries')]).toEqual([0, purged]);
      },
    },
    'flush_tlb_mm of an mm with one user that runs here interrupts nobody; else every CPU is asked to load the new number':
      {
        source: 'arch/ia64/kernel/smp.c: smp_flush_tlb_mm',
        holds: (arch) => {
          const { machine, process } = written(arch, 1, 4);
          process.fork();
          expect(machine.counters.get('ipiContext')).toBe(0);
          process.thread();
          process.fork();
          expect(machine.counters.get('ipiContext')).toBe(3);
        },
      },
  },
});
