/** The mmu_gather: how much it collects, and when it flushes. */
import { Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { map, pageAt, pages, swapOut, touch } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { growth } from './scene.js';

/** A process with `n` written pages at the start of a table, and one that stays mapped in the same table if `keeps`. */
function written(
  arch: ArchDescriptor,
  cpus: number,
  n: number,
  keeps: boolean,
): { machine: Machine; process: Process } {
  const machine = new Machine({ arch, cpus });
  const process = machine.spawn();
  map(process, n);
  touch(process, n);
  if (keeps) map(process, 1, {}, 511);
  return { machine, process };
}

function flushesOf(arch: ArchDescriptor, cpus: number, n: number, keeps = true): number {
  const { machine, process } = written(arch, cpus, n, keeps);
  return growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 0), pages(machine, n)));
}

export default quirks({
  port: 'x86',
  about: 'The gather',
  quirks: {
    "with several CPUs 506 pages are collected, then all are flushed and freed; x86_64's own 5350 has no effect, for the header tests another name":
      {
        source: 'asm-generic/tlb.h: FREE_PTE_NR; asm-x86_64/tlb.h: ARCH_FREE_PTE_NR',
        holds: (arch) => {
          expect([505, 506, 507].map((n) => flushesOf(arch, 2, n))).toEqual([1, 1, 2]);
        },
      },
    'with one CPU nothing is collected: pages are freed at once, and one flush comes when the gather is finished': {
      source: 'asm-generic/tlb.h: tlb_fast_mode, FREE_PTE_NR 1; tlb_gather_mmu (num_online_cpus)',
      holds: (arch) => {
        expect(flushesOf(arch, 1, 507)).toBe(1);
        for (const cpus of [1, 2]) {
          const { machine, process } = written(arch, cpus, 1, true);
          const spy = machine.spy();
          process.munmap(pageAt(machine, 0), machine.pageSize);
          const order = spy.of('freePage', 'gatherFlush').map(({ name }) => name);
          expect(order).toEqual(cpus === 1 ? ['freePage', 'gatherFlush'] : ['gatherFlush', 'freePage']);
        }
      },
    },
    'page tables are collected as pages are, and fill the gather with them': {
      source:
        'asm-i386/pgalloc.h: __pte_free_tlb; asm-x86_64/pgalloc.h: __pte_free_tlb, __pmd_free_tlb, __pud_free_tlb',
      holds: (arch) => {
        // So many pages that with their tables they make 506, of which the last flushes, and one more: then a table is left
        // over for a second flush. PAE's pmd, which nobody frees, wants that flush too.
        const tables = { i386: 1, 'i386-pae': 2, x86_64: 3 }[arch.name] as number;
        expect([506 - tables, 507 - tables].map((n) => flushesOf(arch, 2, n, false))).toEqual([1, 2]);
      },
    },
    'what was swapped out or never touched needs no flush': {
      source: 'asm-generic/tlb.h: tlb_remove_tlb_entry; mm/memory.c: zap_pte_range',
      holds: (arch) => {
        const machine = new Machine({ arch, swap: '1MiB' });
        const process = machine.spawn();
        map(process, 8);
        touch(process, 8);
        swapOut(process, 4);
        expect(growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 0), pages(machine, 4)))).toBe(0);
        expect(growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 4), machine.pageSize))).toBe(1);
      },
    },
    'an area that was never touched, alone in its gigabyte, is flushed when it goes: pmd_free_tlb wants it, though it frees nothing':
      {
        source:
          'asm-generic/tlb.h: pmd_free_tlb (need_flush = 1); asm-i386/pgalloc.h: __pmd_free_tlb; mm/memory.c: free_pmd_range',
        machines: ['i386-pae'],
        holds: (arch) => {
          const machine = new Machine({ arch });
          const process = machine.spawn();
          map(process, 1);
          expect(growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 0), machine.pageSize))).toBe(1);
          map(process, 1);
          map(process, 1, {}, 4096);
          expect(growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 0), machine.pageSize))).toBe(0);
        },
      },
    'an area that was never touched goes without a flush': {
      source: 'asm-generic/tlb.h: tlb_flush_mmu (if (!tlb->need_flush))',
      machines: ['i386', 'x86_64'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 1);
        expect(growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 0), machine.pageSize))).toBe(0);
      },
    },
    'need_flush is not reset when a gather begins: what another left would make it flush without pages': {
      source: 'asm-generic/tlb.h: tlb_gather_mmu sets mm, nr and fullmm',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 1, {}, 4096); // keeps the tables of its gigabyte
        const flushes = (): number => {
          map(process, 1);
          return growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 0), machine.pageSize));
        };
        expect(flushes()).toBe(0);
        machine.kernel.gather.needFlush = true;
        expect([flushes(), flushes()]).toEqual([1, 0]);
      },
    },
    'with CONFIG_PREEMPT after 8 pages': {
      source: 'mm/memory.c: ZAP_BLOCK_SIZE (8 * PAGE_SIZE)',
      holds: (arch) => {
        const machine = new Machine({ arch, config: { preempt: true } });
        const process = machine.spawn();
        map(process, 20);
        touch(process, 20);
        map(process, 1, {}, 30);
        expect(growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 0), pages(machine, 20)))).toBe(3);
      },
    },
    'after 1,024 pages the gather is finished and begun anew, so that others may run': {
      source: 'mm/memory.c: unmap_vmas, ZAP_BLOCK_SIZE',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 1025);
        touch(process, 1025);
        map(process, 1, {}, 1030);
        touch(process, 1, 1030);
        const polls: string[] = [];
        machine.inject.needResched = (where) => {
          polls.push(where);
          return false;
        };
        expect(growth(machine, 'flushMm', () => process.munmap(pageAt(machine, 0), pages(machine, 1025)))).toBe(2);
        expect(polls).toEqual(['unmap_vmas']);
      },
    },
  },
});
