/** The port's own mmu_gather, and flushes that do more or less than they are asked. */
import type { Ia64Mmu } from '@fourfold/arch-ia64';
import {
  type CounterName,
  handleMmFault,
  kernelLoad,
  Machine,
  type Process,
  runToEnd,
  type Vma,
  vfree,
  vmalloc,
} from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { map, pageAt, pages, pteOf, touch, vpnAt } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';

function written(arch: ArchDescriptor, cpus: number, n: number): { machine: Machine; process: Process } {
  const machine = new Machine({ arch, cpus, contents: false, overcommit: 1, memory: 4096 * arch.pageSize });
  const process = machine.spawn();
  map(process, n);
  touch(process, n);
  // One that stays in the same table: no table is freed.
  map(process, 1, {}, n + 8);
  touch(process, 1, n + 8);
  return { machine, process };
}

function growth(machine: Machine, names: readonly CounterName[], action: () => void): number[] {
  const before = names.map((name) => machine.counters.get(name));
  action();
  return names.map((name, i) => machine.counters.get(name) - (before[i] as number));
}

export default quirks({
  port: 'ia64',
  about: 'The gather, and flushes beside it',
  quirks: {
    'with one CPU pages are freed at once, before the purge; with several after it': {
      source: 'asm-ia64/tlb.h: tlb_fast_mode, tlb_remove_page, tlb_gather_mmu (num_online_cpus)',
      holds: (arch) => {
        for (const cpus of [1, 2]) {
          const { machine, process } = written(arch, cpus, 2);
          const spy = machine.spy();
          process.munmap(pageAt(machine, 0), machine.pageSize);
          const order = spy.of('freePage', 'gatherFlush').map(({ name }) => name);
          expect(order).toEqual(cpus === 1 ? ['freePage', 'gatherFlush'] : ['gatherFlush', 'freePage']);
        }
      },
    },
    'blocks of 1,024 pages fit the gather of 2,048: it is flushed at the end of each and never because it is full': {
      source: 'asm-ia64/tlb.h: FREE_PTE_NR; mm/memory.c: unmap_vmas, ZAP_BLOCK_SIZE',
      holds: (arch) => {
        const { machine, process } = written(arch, 2, 2050);
        const unmap = (): void => process.munmap(pageAt(machine, 0), pages(machine, 2050));
        // Each flush is one of the pages and one of their part of the linear table.
        expect(growth(machine, ['flushRange'], unmap)).toEqual([6]);
      },
    },
    'what has no pages is not flushed': {
      source: 'asm-ia64/tlb.h: ia64_tlb_flush_mmu (need_flush)',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 3);
        touch(process, 1, 1); // its table is shared with the two that follow
        map(process, 1, {}, 9);
        expect(growth(machine, ['purges'], () => process.munmap(pageAt(machine, 9), machine.pageSize))).toEqual([0]);
      },
    },
    'a range in one region of less than 2^40 bytes is purged; the linear table lies in the same region, so its purge needs no other':
      {
        source: 'asm-ia64/tlb.h: ia64_tlb_flush_mmu; Itanium manual vol. 2: thash',
        holds: (arch) => {
          const { machine, process } = written(arch, 1, 1);
          const mmu = machine.kernel.mmu as Ia64Mmu;
          const gone: [number, number, number][] = [];
          const { purger } = mmu.flush;
          const linear = purger.linear.bind(purger);
          purger.linear = (context, base, start, end) => {
            gone.push([base % 2 ** (61 - arch.geometry.pageShift), start, end]);
            return linear(context, base, start, end);
          };
          process.munmap(pageAt(machine, 0), machine.pageSize);
          const vpn = vpnAt(machine, 0);
          expect(gone).toEqual([[mmu.linear.basePage, vpn * 8, (vpn + 1) * 8]]);
        },
      },
    'need_flush is not reset when a gather begins: what another left would make it flush without pages': {
      source: 'asm-ia64/tlb.h: tlb_gather_mmu sets mm, nr, fullmm and start_addr',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const flushes = (): number => {
          const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
          const before = machine.counters.get('flushRange');
          process.munmap(at, arch.pageSize);
          return machine.counters.get('flushRange') - before;
        };
        expect(flushes()).toBe(0);
        machine.kernel.gather.needFlush = true;
        expect([flushes(), flushes()]).toEqual([2, 0]);
      },
    },
    'update_mmu_cache does nothing: after a fault the access misses again': {
      source: 'asm-ia64/pgtable.h: update_mmu_cache',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const { kernel } = machine;
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        const vpn = Number(at / BigInt(arch.pageSize));
        kernel.cpu.tlb.dropAll(false);
        kernel.mmu.updateMmuCache(kernel.cpu, process.mm, vpn, 0, 0);
        const { tlb } = kernel.cpu;
        expect(Array.from({ length: tlb.slots }, (_, slot) => tlb.contextOf(slot)).filter((c) => c >= 0)).toEqual([]);
      },
    },
    'flush_tlb_pgtables is empty: the linear table is purged by the gather': {
      source: 'asm-ia64/tlbflush.h: flush_tlb_pgtables',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        const { mmu } = machine.kernel;
        const purges = machine.counters.get('purges');
        mmu.flushTables(process.mm, Number(at / BigInt(arch.pageSize)), Number(at / BigInt(arch.pageSize)) + 1);
        expect(machine.counters.get('purges')).toBe(purges);
        expect(process.load8(at)).toBe(1);
      },
    },
    'a range of kernel mappings is flushed by flushing everything on every CPU': {
      source: 'asm-ia64/tlbflush.h: flush_tlb_kernel_range',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 4 });
        const k = machine.kernel;
        machine.spawn().brk(0);
        const at = runToEnd(vmalloc(k, machine.pageSize));
        kernelLoad(k, k.cpu, at);
        const counted = growth(machine, ['flushAll', 'ipiFlushAll'], () => runToEnd(vfree(k, at)));
        expect(counted).toEqual([1, 3]);
      },
    },
    'ptep_set_access_flags of several CPUs does nothing for a read: the access-bit handler sets a later; on one CPU it stores and flushes':
      {
        source: 'asm-ia64/pgtable.h: ptep_set_access_flags',
        holds: (arch) => {
          expect([arch.faults.readUpdatesAccessFlags, arch.faults.readUpdatesAlone]).toEqual([false, true]);
          for (const cpus of [1, 2]) {
            const { machine, process } = written(arch, cpus, 1);
            const k = machine.kernel;
            const at = k.tables.lookupPage(process.mm, vpnAt(machine, 0));
            const old = (k.memory.words[at] as number) & ~0x20;
            k.memory.words[at] = old;
            // The fault handler alone: a CPU's access would set the bit before it came so far.
            const vma = process.mm.vmas.find(vpnAt(machine, 0)) as Vma;
            const counted = growth(machine, ['flushPage'], () =>
              runToEnd(handleMmFault(k, vma, vpnAt(machine, 0), false)),
            );
            const isYoung = ((pteOf(process, 0)?.lo ?? 0) & 0x20) !== 0;
            expect([cpus, counted[0], isYoung]).toEqual(cpus === 1 ? [1, 1, true] : [2, 0, false]);
          }
        },
      },
    'a CPU that turns to the mm it runs loads its region registers again: nobody tests for the same mm': {
      source: 'asm-ia64/mmu_context.h: activate_mm, switch_mm',
      holds: (arch) => {
        const { machine, process } = written(arch, 1, 1);
        const { cpu, mmu } = machine.kernel;
        process.mm.context = 0;
        mmu.switchMm(cpu, process.mm, process.mm);
        expect([process.mm.context, cpu.context]).toEqual([2, 2]);
      },
    },
  },
});
