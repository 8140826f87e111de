/** The data cache, indexed by virtual addresses: one colour bit with pages of 8 KiB. */
import type { Sparc64Mmu } from '@fourfold/arch-sparc64';
import { Machine, type MappedFile, type Process } from '@fourfold/core';
import { type ArchDescriptor, PG_ARCH_1 } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

interface Setting {
  readonly machine: Machine;
  readonly process: Process;
  readonly file: MappedFile;
  readonly mmu: Sparc64Mmu;
  /** Page of the mem_map that holds the file's first page. */
  readonly page: number;
}

function withFile(arch: ArchDescriptor, cpus = 2): Setting {
  const machine = new Machine({ arch, cpus });
  const process = machine.spawn();
  const inode = machine.createFile('f', { size: 2 * arch.pageSize, warm: true });
  const file = { inode, readable: true, writable: true, refs: 1 };
  const at = process.mmap({ length: arch.pageSize, prot: 'r', flags: 'shared', file });
  process.load8(at);
  const page = machine.kernel.memory.pfnToPage(Number(process.explain(at).pte?.pfn));
  process.munmap(at, arch.pageSize);
  return { machine, process, file, mmu: machine.kernel.mmu as Sparc64Mmu, page };
}

function isMarked({ machine, page }: Setting): boolean {
  return ((machine.kernel.map.flags[page] as number) & PG_ARCH_1) !== 0;
}

function load({ process, file }: Setting): void {
  process.load8(process.mmap({ length: process.machine.pageSize, prot: 'r', flags: 'shared', file }));
}

const ALIASED = ['sparc64-8k'] as const;

export default quirks({
  port: 'sparc64',
  about: 'The data cache',
  quirks: {
    'flush_dcache_page of a file page that nobody maps flushes nothing: the page is marked with the CPU that wrote it':
      {
        source: 'arch/sparc64/mm/init.c: flush_dcache_page',
        machines: ALIASED,
        holds: (arch) => {
          const world = withFile(arch);
          world.mmu.flushDcachePage(world.page);
          expect([isMarked(world), ...world.mmu.dcache.flushes]).toEqual([true, 0, 0]);
        },
      },
    'the fault that maps a marked page flushes it, on the CPU that wrote it, by a cross call if that is another': {
      source: 'arch/sparc64/mm/init.c: update_mmu_cache; kernel/smp.c: smp_flush_dcache_page_impl',
      machines: ALIASED,
      holds: (arch) => {
        const world = withFile(arch);
        world.mmu.flushDcachePage(world.page);
        world.process.runOn(1);
        load(world);
        expect([isMarked(world), ...world.mmu.dcache.flushes]).toEqual([false, 1, 0]);
        expect(world.machine.counters.get('ipiCache')).toBe(1);
      },
    },
    'a page that another CPU writes is flushed where it was marked, and marked anew': {
      source: 'arch/sparc64/mm/init.c: flush_dcache_page',
      machines: ALIASED,
      holds: (arch) => {
        const world = withFile(arch);
        world.mmu.flushDcachePage(world.page);
        world.process.runOn(1);
        world.process.brk(0);
        world.mmu.flushDcachePage(world.page);
        expect([isMarked(world), ...world.mmu.dcache.flushes]).toEqual([true, 1, 0]);
        load(world);
        expect([...world.mmu.dcache.flushes]).toEqual([1, 1]);
      },
    },
    'a page that is mapped somewhere is flushed at once, on this CPU': {
      source: 'arch/sparc64/mm/init.c: flush_dcache_page',
      machines: ALIASED,
      holds: (arch) => {
        const world = withFile(arch);
        load(world);
        world.mmu.flushDcachePage(world.page);
        expect([isMarked(world), ...world.mmu.dcache.flushes]).toEqual([false, 1, 0]);
      },
    },
    'a dirty file page unmapped at an address of the other colour than its frame is flushed on every CPU': {
      source: 'arch/sparc64/mm/tlb.c: tlb_batch_add',
      machines: ALIASED,
      holds: (arch) => {
        const world = withFile(arch);
        const { process, file, machine, mmu, page } = world;
        const colour = BigInt(machine.kernel.memory.pageToPfn(page) & 1) << 13n;
        for (const [addr, flushes] of [
          [0x4000_0000n + colour, 0],
          [0x4000_0000n + (colour ^ 0x2000n), 1],
        ] as const) {
          process.mmap({ addr, length: arch.pageSize, prot: 'rw', flags: 'shared|fixed', file });
          process.store8(addr, 1);
          process.munmap(addr, arch.pageSize);
          expect([...mmu.dcache.flushes]).toEqual([flushes, flushes]);
        }
        expect(machine.counters.get('ipiCache')).toBe(1);
      },
    },
    'with pages of 64 KiB there is one colour, and nothing to do': {
      source: 'asm-sparc64/cacheflush.h: DCACHE_ALIASING_POSSIBLE',
      machines: ['sparc64-64k'],
      holds: (arch) => {
        const world = withFile(arch);
        world.mmu.flushDcachePage(world.page);
        load(world);
        expect([isMarked(world), ...world.mmu.dcache.flushes]).toEqual([false, 0, 0]);
      },
    },
  },
});
