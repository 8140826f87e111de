/** The SLB, and areas for huge pages. */
import { HashTable, hugeAreasOf, type Ppc64Mmu, type Ppc64Registers, Slb } from '@fourfold/arch-ppc64';
import { Machine, type MmError } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

const TB = 1n << 40n;

/** A process with a huge page mapped at 2 TiB. */
function mapped(arch: ArchDescriptor, pool: number, options: ConstructorParameters<typeof HugeWorld>[2] = {}) {
  const world = new HugeWorld(arch, pool, options);
  const process = world.machine.spawn();
  const { file } = world.open('f');
  process.mmap({ addr: 2n * TB, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
  return { world, process, file };
}

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
          const { process } = mapped(arch, 2);
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
        const { world, process, file } = mapped(arch, 1, { cpus: 4 });
        expect(world.machine.counters.get('ipiSegments')).toBe(3);
        process.mmap({ addr: 2n * TB + world.size, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
        expect(world.machine.counters.get('ipiSegments')).toBe(3);
      },
    },
    'a fork inherits the open areas, and they close only when the address space ends': {
      source: 'arch/powerpc/mm/hugetlbpage.c; kernel/fork.c: dup_mm',
      holds: (arch) => {
        const { world, process } = mapped(arch, 1);
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
        const { world, process } = mapped(arch, 1);
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
    'the preload of a switch stops at the first segment that is there: code, stack, then the mmap base': {
      source: 'arch/powerpc/mm/slb.c: switch_slb',
      holds: (arch) => {
        const loaded = (code: bigint, stack: bigint): number[] => {
          const machine = new Machine({ arch });
          const process = machine.spawn();
          const { mm } = process;
          mm.startCode = code;
          mm.startStack = stack;
          process.brk(0);
          const { slb } = machine.kernel.cpu.registers as Ppc64Registers;
          return [...slb.esid].filter((esid) => esid >= 0 && esid < 2 ** 16);
        };
        const [code, stack, base] = [0x1000_0000n, 0xfff_f000_0000n, 0x400_0000_0000n].map((a) => Number(a >> 28n));
        expect(loaded(0x1000_0000n, 0xfff_f000_0000n)).toEqual([code, stack, base]);
        expect(loaded(0x1000_0000n, 0x1fff_0000n)).toEqual([code]);
        expect(loaded(0xc000_0000_0000_0000n, 0xfff_f000_0000n)).toEqual([]);
      },
    },
    'segments are loaded with the page size of their area, looked up when they miss': {
      source: 'arch/powerpc/mm/slb_low.S: slb_allocate_user',
      holds: (arch) => {
        const { world, process } = mapped(arch, 1);
        process.store8(2n * TB, 1);
        const { slb } = world.machine.kernel.cpu.registers as Ppc64Registers;
        const large = (at: bigint): number => slb.large[slb.slotOf[Number(at >> 28n)] as number] as number;
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        expect([large(2n * TB), large(at)]).toEqual([1, 0]);
      },
    },
    'a 64-bit task finds room for huge pages above 4 GiB alone: in open areas first, then in areas from the top down': {
      source: 'arch/powerpc/mm/hugetlbpage.c: hugetlb_get_unmapped_area',
      holds: (arch) => {
        const world = new HugeWorld(arch, 3);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        const map = (addr?: bigint): bigint =>
          process.mmap({
            ...(addr === undefined ? {} : { addr }),
            length: world.size,
            prot: 'rw',
            flags: 'shared',
            file,
          });
        expect([map(), map(0x2000_0000n), map(3n * TB)]).toEqual([15n * TB, 15n * TB + world.size, 3n * TB]);
      },
    },
    'a length that is not whole huge pages is EINVAL; a huge mapping has to be aligned': {
      source: 'arch/powerpc/mm/hugetlbpage.c: hugetlb_get_unmapped_area; fs/hugetlbfs/inode.c',
      holds: (arch) => {
        const world = new HugeWorld(arch, 2);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        const map = (addr: bigint, length: bigint) => (): unknown =>
          process.mmap({ addr, length, prot: 'rw', flags: 'shared|fixed', file });
        expect(map(2n * TB, world.size / 2n)).toThrow('EINVAL');
        expect(map(2n * TB + world.size / 2n, world.size)).toThrow('EINVAL');
        expect(map(2n * TB, world.size)).not.toThrow();
      },
    },
    'a range that reaches over 4 GiB opens both halves, and the answer for the upper one is the one given': {
      source: 'arch/powerpc/mm/hugetlbpage.c: prepare_hugepage_range',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        const [low, start] = [0xf800_0000n, 2n ** 32n - world.size];
        process.mmap({ addr: low, length: arch.pageSize, prot: 'r', flags: 'private|anonymous|fixed' });
        const { mmu } = world.machine.kernel;
        const pages = (bytes: bigint): number => Number(bytes / BigInt(arch.pageSize));
        // Segment 15 is busy, area 0 is not: only the second is told.
        expect(mmu.prepareHugepageRange(process.mm, pages(start), pages(2n * world.size))).toBe(0);
        expect(hugeAreasOf(process.mm)).toMatchObject({ low: 0, high: 1 });
        expect(file.inode).toBeDefined();
      },
    },
    'a huge page is not hashed ahead: after its fault the access runs hash_page once more': {
      source: 'arch/powerpc/mm/hash_utils_64.c: hash_preload',
      holds: (arch) => {
        const { world, process } = mapped(arch, 1);
        const runs = world.machine.counters.get('softwareFills');
        process.store8(2n * TB, 1);
        expect(world.machine.counters.get('softwareFills') - runs).toBe(2);
      },
    },
  },
});
