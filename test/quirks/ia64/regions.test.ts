/** Five regions of user space, of each of which only the first part can be mapped. */
import { createIa64, regionBase, regionMapLimit } from '@fourfold/arch-ia64';
import { Machine, type MmapOptions, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const MAP_BASE = regionBase(1);
const SHMLBA = 0x10_0000n;

interface Room {
  readonly process: Process;
  /** RGN_MAP_LIMIT. */
  readonly limit: bigint;
  readonly page: bigint;
  map(options?: Partial<Omit<MmapOptions, 'prot'>>): bigint;
  /** The error of a mapping. */
  refused(options: Partial<Omit<MmapOptions, 'prot'>>): string;
}

function room(arch: ArchDescriptor): Room {
  const process = new Machine({ arch, overcommit: 1 }).spawn();
  const map: Room['map'] = (options = {}) =>
    process.mmap({ length: arch.pageSize, prot: 'r', flags: 'private|anonymous|noreserve', ...options });
  const refused: Room['refused'] = (options) => {
    try {
      map(options);
    } catch (error) {
      return String((error as { code?: string }).code);
    }
    return 'ok';
  };
  const limit = regionMapLimit(arch.geometry.pageShift as 12, 3);
  return { process, limit, page: BigInt(arch.pageSize), map, refused };
}

const FIXED = 'private|anonymous|fixed|noreserve';

export default quirks({
  port: 'ia64',
  about: 'Regions',
  quirks: {
    'mappings begin at region 1 and go upward, each from where the last search ended': {
      source: 'asm-ia64/processor.h: TASK_UNMAPPED_BASE; arch/ia64/kernel/sys_ia64.c: arch_get_unmapped_area',
      holds: (arch) => {
        const { map, page } = room(arch);
        expect([map(), map(), map()]).toEqual([MAP_BASE, MAP_BASE + page, MAP_BASE + 2n * page]);
      },
    },
    'a hint is where the walk begins, not a place to try by itself: from a taken one the walk goes on, and the next search begins behind what it found':
      {
        source: 'arch/ia64/kernel/sys_ia64.c: arch_get_unmapped_area',
        holds: (arch) => {
          const { map, page } = room(arch);
          const hint = MAP_BASE + 0x100_0000n;
          expect(map({ addr: hint, length: 2n * page })).toBe(hint);
          expect(map({ addr: hint + page })).toBe(hint + 2n * page);
          // Without a hint the cache says where: behind the last one, though region 1 is free from its start.
          expect(map()).toBe(hint + 3n * page);
        },
      },
    'a search does not go on into the next region: where one is full it begins anew at region 1, once': {
      source: 'arch/ia64/kernel/sys_ia64.c: arch_get_unmapped_area (full_search)',
      holds: (arch) => {
        const { map, refused, limit, page } = room(arch);
        const last = regionBase(2) + limit - page;
        map({ addr: last, flags: FIXED });
        expect(map({ addr: last })).toBe(MAP_BASE);
        map({ addr: MAP_BASE, length: limit, flags: FIXED });
        expect(refused({ addr: MAP_BASE })).toBe('ENOMEM');
      },
    },
    'a hint in region 4 is taken for none, and a fixed address there is refused': {
      source: 'arch/ia64/kernel/sys_ia64.c: arch_get_unmapped_area; mm/mmap.c: is_hugepage_only_range',
      holds: (arch) => {
        const { map, refused } = room(arch);
        expect(map({ addr: regionBase(4) + 0x1000_0000n })).toBe(MAP_BASE);
        expect(refused({ addr: regionBase(4), flags: FIXED })).toBe('EINVAL');
      },
    },
    'the last page of a region cannot be mapped, and no mapping may cross into the part that has no tables': {
      source: 'arch/ia64/kernel/sys_ia64.c: do_mmap2; asm-ia64/pgtable.h: RGN_MAP_LIMIT',
      holds: (arch) => {
        const { map, refused, limit, page } = room(arch);
        for (const region of [0, 1, 2, 3]) {
          const end = regionBase(region) + limit;
          expect(map({ addr: end - page, flags: FIXED })).toBe(end - page);
          expect(refused({ addr: end, flags: FIXED })).toBe('EINVAL');
          expect(refused({ addr: end - page, length: 2n * page, flags: FIXED })).toBe('EINVAL');
        }
        for (const length of [limit + page, arch.layout.spec.taskSize + page, 0n]) {
          expect(refused({ length })).toBe('EINVAL');
        }
      },
    },
    'a fixed address outside the regions of programs is ENOMEM, an unaligned one in them EINVAL': {
      source: 'mm/mmap.c: get_unmapped_area (MAP_FIXED), after arch/ia64/kernel/sys_ia64.c: do_mmap2',
      holds: (arch) => {
        const { refused, page } = room(arch);
        expect(refused({ addr: regionBase(5), flags: FIXED })).toBe('ENOMEM');
        expect(refused({ addr: MAP_BASE + page / 2n, flags: FIXED })).toBe('EINVAL');
      },
    },
    'a plain hint is held to the limit as a fixed address is': {
      source: 'arch/ia64/kernel/sys_ia64.c: do_mmap2',
      holds: (arch) => {
        const { refused, limit, page } = room(arch);
        expect(refused({ addr: MAP_BASE + limit })).toBe('EINVAL');
        expect(refused({ addr: MAP_BASE + limit - page, length: 2n * page })).toBe('EINVAL');
        expect(refused({ addr: MAP_BASE + limit - page })).toBe('ok');
      },
    },
    'a move to a place for more than a region holds is ENOMEM: mremap does not ask do_mmap2': {
      source: 'arch/ia64/kernel/sys_ia64.c: arch_get_unmapped_area (len > RGN_MAP_LIMIT); mm/mremap.c: do_mremap',
      holds: (arch) => {
        const { process, map, limit, page } = room(arch);
        const at = map();
        map({ addr: at + page, flags: FIXED });
        expect(() => process.mremap(at, page, limit + page, 1)).toThrow('ENOMEM');
        expect(process.mremap(at, page, limit - 8n * page, 1)).toBe(at + 2n * page);
      },
    },
    'shared mappings lie at multiples of 1 MiB, private ones anywhere': {
      source: 'asm-ia64/shmparam.h: SHMLBA; arch/ia64/kernel/sys_ia64.c: arch_get_unmapped_area',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const inode = machine.createFile('f', { size: 4 * arch.pageSize });
        const shared = (addr?: bigint): bigint => {
          const file = { inode, readable: true, writable: true, refs: 1 };
          const at = addr === undefined ? {} : { addr };
          return process.mmap({ length: arch.pageSize, prot: 'r', flags: 'shared', file, ...at });
        };
        const anonymous = (): bigint => process.mmap({ length: arch.pageSize, prot: 'r', flags: 'private|anonymous' });
        expect([anonymous(), shared(), anonymous()]).toEqual([
          MAP_BASE,
          MAP_BASE + SHMLBA,
          MAP_BASE + SHMLBA + BigInt(arch.pageSize),
        ]);
        expect(shared(MAP_BASE + 5n * SHMLBA + BigInt(arch.pageSize))).toBe(MAP_BASE + 6n * SHMLBA);
      },
    },
    'the stack ends where the mappable part of region 3 does': {
      source: 'asm-ia64/processor.h, a.out.h: STACK_TOP',
      holds: (arch) => {
        const { limit } = room(arch);
        expect(BigInt(arch.layout.spec.stackTop ?? 0n)).toBe(regionBase(3) + limit);
      },
    },
    'gate pages lie at the start of region 5: one that can be read, one 64 KiB behind it that can only be executed, and zero pages between':
      {
        source: 'arch/ia64/mm/init.c: setup_gate; asm-ia64/page.h: FIXADDR_USER_START',
        holds: (arch) => {
          const { gate } = arch.layout.spec;
          expect([gate?.start, gate?.end]).toEqual([regionBase(5), regionBase(5) + 0x2_0000n]);
          expect(gate?.pages.map(({ offset }) => offset)).toEqual([0n, 0x1_0000n]);
          // Privilege level 3, ar 0; level 0, ar 7, which lets epc promote.
          const rights = gate?.pages.map(({ protection }) => [(protection >> 7n) & 3n, (protection >> 9n) & 7n]);
          expect(rights).toEqual([
            [3n, 0n],
            [0n, 7n],
          ]);
          const { process, page } = room(arch);
          const inHole = page === 0x1_0000n ? 0n : page;
          expect(process.peek(regionBase(5) + inHole, 1)).toEqual(Uint8Array.of(0));
        },
      },
    'four levels make a region wider, not the number of regions': {
      source: 'asm-ia64/pgtable.h: RGN_MAP_SHIFT (CONFIG_PGTABLE_4)',
      machines: ['ia64-4k', 'ia64-8k', 'ia64-16k'],
      holds: (arch) => {
        const pageShift = arch.geometry.pageShift as 12;
        const four = createIa64({ pageShift, levels: 4 });
        const wide = regionMapLimit(pageShift, 4);
        const { refused } = room(four);
        expect(refused({ addr: MAP_BASE + wide - BigInt(arch.pageSize), flags: FIXED })).toBe('ok');
        expect(refused({ addr: MAP_BASE + wide, flags: FIXED })).toBe('EINVAL');
        expect(four.layout.spec.taskSize).toBe(arch.layout.spec.taskSize);
      },
    },
    'pages of 64 KiB need a processor with 56 implemented bits; four levels are not to be had with them': {
      source: 'arch/ia64/mm/init.c: ia64_mmu_init (panic); arch/ia64/Kconfig: PGTABLE_4',
      holds: ({ geometry: { pageShift } }) => {
        const boots = (vaMsb: number): boolean => {
          try {
            return createIa64({ pageShift: pageShift as 12, vaMsb }).name !== '';
          } catch {
            return false;
          }
        };
        expect([boots(50), boots(54), boots(55)]).toEqual(pageShift === 16 ? [false, false, true] : [true, true, true]);
        if (pageShift === 16) expect(() => createIa64({ pageShift: 16, levels: 4 })).toThrow('three levels');
      },
    },
  },
});
