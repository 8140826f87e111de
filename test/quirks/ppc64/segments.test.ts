/** The SLB, and areas for huge pages. */
import { HashTable, type Ppc64Mmu, type Ppc64Registers, Slb } from '@fourfold/arch-ppc64';
import { Machine, type MmError } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

const TB = 1n << 40n;

export default quirks({
  port: 'ppc64',
  about: 'Segments and huge pages',
  quirks: {
    'segments are replaced in turn behind the three bolted ones: the first miss fills slot 4, slot 3 comes after 63': {
      source: 'arch/powerpc/mm/slb_low.S: slb_finish_load',
      holds: () => {
        const slb = new Slb();
        const slots = Array.from({ length: 61 }, (_, i) => slb.allocate(i, i));
        expect([slots[0], slots[1], slots[59], slots[60]]).toEqual([4, 5, 63, 3]);
      },
    },
    'a switch takes up to eight remembered segments back one by one, one alone twice; with more it invalidates all': {
      source: 'arch/powerpc/mm/slb.c: switch_slb',
      holds: () => {
        const taken = (segments: number): number => {
          const slb = new Slb();
          for (let i = 0; i < segments; i++) slb.allocate(i, i);
          return slb.flushUser();
        };
        expect([1, 2, 8, 9].map(taken)).toEqual([2, 2, 8, 1]);
      },
    },
    'huge pages live in areas of their own: 256 MiB segments below 4 GiB, 1 TiB above; an open area takes no other mapping':
      {
        source: 'arch/powerpc/mm/hugetlbpage.c: open_high_hpage_areas; asm-powerpc/page_64.h',
        holds: (arch) => {
          const world = new HugeWorld(arch, 2);
          const process = world.machine.spawn();
          const { file } = world.open('f');
          process.mmap({ addr: 2n * TB, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
          const ordinary = { addr: 2n * TB + 512n * 2n ** 20n, length: arch.pageSize, prot: 'r' } as const;
          expect(() => process.mmap({ ...ordinary, flags: 'private|anonymous|fixed' })).toThrow('EINVAL');
          const elsewhere = process.mmap({ ...ordinary, flags: 'private|anonymous' });
          expect(elsewhere < 2n * TB || elsewhere >= 3n * TB).toBe(true);
        },
      },
    'an area with a mapping in it is busy, which mmap reports as EINVAL': {
      source: 'arch/powerpc/mm/hugetlbpage.c: prepare_high_area_for_htlb; mm/mmap.c: get_unmapped_area',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        process.mmap({ addr: 2n * TB + TB / 2n, length: arch.pageSize, prot: 'r', flags: 'private|anonymous|fixed' });
        let code = '';
        try {
          process.mmap({ addr: 2n * TB, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
        } catch (error) {
          code = (error as MmError).code;
        }
        expect(code).toBe('EINVAL');
      },
    },
    'opening an area interrupts every CPU; those that run the mm drop its segments': {
      source: 'arch/powerpc/mm/hugetlbpage.c: flush_high_segments (on_each_cpu)',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1, { cpus: 4 });
        const process = world.machine.spawn();
        const { file } = world.open('f');
        process.mmap({ addr: 2n * TB, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
        expect(world.machine.counters.get('ipiSegments')).toBe(3);
        process.mmap({ addr: 2n * TB + world.size, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
        expect(world.machine.counters.get('ipiSegments')).toBe(3);
      },
    },
    'a fork inherits the open areas, and they close only when the address space ends': {
      source: 'arch/powerpc/mm/hugetlbpage.c; kernel/fork.c: dup_mm',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        process.mmap({ addr: 2n * TB, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
        process.munmap(2n * TB, world.size);
        for (const one of [process, process.fork()]) {
          const again = { addr: 2n * TB, length: arch.pageSize, prot: 'r', flags: 'private|anonymous|fixed' } as const;
          expect(() => one.mmap(again)).toThrow('EINVAL');
        }
      },
    },
    'a huge page is hashed with R and C clear, and a store to it does not make its pte dirty': {
      source: 'arch/powerpc/mm/hugetlbpage.c: hash_huge_page',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        process.mmap({ addr: 2n * TB, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
        process.store8(2n * TB, 1);
        const { kernel } = world.machine;
        const { table } = kernel.mmu as Ppc64Mmu;
        const large: number[] = [];
        for (let group = 0; group < table.groups; group++) {
          for (let slot = 0; slot < 8; slot++) {
            const entry = table.entryAt(group, slot);
            // Valid, large, not bolted.
            if (((kernel.memory.words[entry + 1] as number) & 0x15) === 0x5)
              large.push(kernel.memory.words[entry + 3] as number);
          }
        }
        expect(large.map((r) => r & 0x180)).toEqual([0]);
      },
    },
    'one huge page has one entry: of eight pmd slots, or of 256 pte slots, the first': {
      source: 'arch/powerpc/mm/hugetlbpage.c: huge_pte_alloc',
      holds: (arch: ArchDescriptor) => {
        const { huge } = arch;
        expect([huge?.entries, arch.geometry.names[huge?.level ?? 0]]).toEqual([
          1,
          arch.pageSize === 4096 ? 'pmd' : 'pte',
        ]);
      },
    },
    'updatepp and invalidate of the era do not look at SECONDARY: another page of the same VSID can be hit (kept)': {
      source: 'arch/powerpc/mm/hash_native_64.c: native_hpte_updatepp, native_hpte_invalidate',
      holds: (arch) => {
        const hit = (defects: 'kept' | 'mended'): boolean => {
          const { mmu } = new Machine({ arch, defects }).kernel;
          const { table } = mmu as Ppc64Mmu;
          expect(table).toBeInstanceOf(HashTable);
          const slot = table.insert(1, 0x10, 0x1003, 0, 0x190);
          return table.invalidate(table.entryAt(1, slot), 0x10, 0x1001);
        };
        expect([hit('mended'), hit('kept')]).toEqual([false, true]);
      },
    },
    'the three segments a program will need are loaded by the switch': {
      source: 'arch/powerpc/mm/slb.c: switch_slb (preload)',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        process.brk(0);
        const { slb } = machine.kernel.cpu.registers as Ppc64Registers;
        const loaded = [...slb.esid].filter((esid) => esid >= 0 && esid < 2 ** 16);
        // No program was loaded: code and stack lie at 0, which stops it after the first.
        expect(loaded).toEqual([0]);
      },
    },
  },
});
