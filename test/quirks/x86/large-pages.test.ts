/** Large pages: where their entries lie, what walkers of the kernel make of them, and what translates them. */
import type { ArchDescriptor } from '@fourfold/core/arch';
import { LOAD } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';
import { DIRTY, growth, PSE, USER, wordAt } from './scene.js';

interface Mapped {
  readonly world: HugeWorld;
  readonly process: ReturnType<HugeWorld['machine']['spawn']>;
  readonly at: bigint;
}

/** `pages` large pages mapped shared at the world's base, all written. */
function mapped(arch: ArchDescriptor, pages: number): Mapped {
  const world = new HugeWorld(arch, pages);
  const process = world.machine.spawn();
  const { file } = world.open('f');
  const length = world.size * BigInt(pages);
  const at = process.mmap({ addr: world.base, length, prot: 'rw', flags: 'shared|fixed', file });
  for (let n = 0; n < pages; n++) process.store8(at + world.size * BigInt(n), n);
  return { world, process, at };
}

/** Where the entry of a large page lies. */
function entryAt({ world, process, at }: Mapped): number {
  return world.machine.kernel.tables.lookupHuge(process.mm, Number(at / BigInt(world.machine.pageSize)));
}

export default quirks({
  port: 'x86',
  about: 'Large pages',
  quirks: {
    'a large page is an ordinary entry with PSE in the place of a table: 4 MiB in the page directory, 2 MiB in a pmd': {
      source: 'arch/i386/mm/hugetlbpage.c: huge_pte_alloc; asm-i386/page.h, asm-x86_64/page.h: HPAGE_SHIFT',
      holds: (arch) => {
        const scene = mapped(arch, 1);
        expect(scene.world.size).toBe(arch.name === 'i386' ? 4n << 20n : 2n << 20n);
        const word = wordAt(scene.world.machine, entryAt(scene));
        expect(word & (PSE | USER | DIRTY | 1n)).toBe(PSE | USER | DIRTY | 1n);
        const frame = arch.pte.pfn(word);
        expect(frame % (scene.world.size / 4096n)).toBe(0n);
      },
    },
    'to pmd_bad such an entry is a broken table: a walk that has not asked the area finds no page there': {
      source: 'asm-i386/pgtable.h, asm-x86_64/pgtable.h: pmd_bad; arch/i386/mm/hugetlbpage.c: pmd_huge',
      holds: (arch) => {
        const scene = mapped(arch, 1);
        const { kernel } = scene.world.machine;
        const level = arch.geometry.names.at(-2) as 'pgd' | 'pmd';
        expect(arch.tables.decode(level, wordAt(scene.world.machine, entryAt(scene))).bad).toBe(true);
        expect(kernel.tables.lookupPage(scene.process.mm, Number(scene.at / 4096n))).toBe(0);
        expect(scene.process.load8(scene.at + 4096n * 5n)).toBe(0);
      },
    },
    'the Pentium III has 8 entries for large data pages, in 2 sets of 4, apart from those for small ones': {
      source: 'Intel manual vol. 2, CPUID leaf 2: descriptor 04h',
      machines: ['i386', 'i386-pae'],
      holds: (arch) => {
        const { world, process, at } = mapped(arch, 10);
        const walks = (pages: readonly number[]): number =>
          growth(world.machine, 'walks', () => {
            for (const n of pages) process.load8(at + world.size * BigInt(n) + 4096n);
          });
        walks([0, 1, 2, 3, 4, 5, 6, 7]);
        expect(walks([0, 1, 2, 3, 4, 5, 6, 7])).toBe(0);
        // Five pages of one set of four.
        walks([0, 2, 4, 6, 8]);
        expect(walks([0, 2, 4, 6, 8])).toBeGreaterThan(0);
        expect(walks([1, 3, 5, 7])).toBe(0);
      },
    },
    'the Opteron has 8 entries for large pages, and none in its second level': {
      source: 'AMD CPUID specification, functions 8000_0005h and 8000_0006h; Hennessy and Patterson, Opteron',
      machines: ['x86_64'],
      holds: (arch) => {
        const { world, process, at } = mapped(arch, 9);
        const touch = (count: number): { walks: number; first: number } => {
          const first = world.machine.counters.get('tlbDataMisses');
          const walks = growth(world.machine, 'walks', () => {
            // Each under another small page, which would be another set of the second level.
            for (let n = 0; n < count; n++) process.load8(at + world.size * BigInt(n) + 4096n * BigInt(n));
          });
          return { walks, first: world.machine.counters.get('tlbDataMisses') - first };
        };
        touch(8);
        expect(touch(8)).toEqual({ walks: 0, first: 0 });
        touch(9);
        const { walks, first } = touch(9);
        expect(walks).toBeGreaterThan(0);
        expect(first).toBe(walks);
      },
    },
    'INVLPG of any address in it drops a large page': {
      source: 'IA-32 manual vol. 3, 3.12: INVLPG',
      holds: (arch) => {
        const { world, process, at } = mapped(arch, 1);
        const { kernel } = world.machine;
        process.load8(at);
        const vpn = Number(at / 4096n);
        expect(kernel.cpu.tlb.find(LOAD, 0, vpn + 100, 0)).toBeGreaterThanOrEqual(0);
        kernel.mmu.flushPage(process.mm, vpn + 7);
        expect(kernel.cpu.tlb.find(LOAD, 0, vpn, 0)).toBe(-1);
      },
    },
    'an address asked for is rounded up to a large page, and taken if that is free': {
      source: 'arch/i386/mm/hugetlbpage.c, fs/hugetlbfs/inode.c: hugetlb_get_unmapped_area (ALIGN(addr, HPAGE_SIZE))',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        const hint = world.base + 4096n;
        const at = process.mmap({ addr: hint, length: world.size, prot: 'rw', flags: 'shared', file });
        expect(at).toBe(world.base + world.size);
      },
    },
    'a large page is set in two stores too, and comes with the second': {
      source: 'linux/hugetlb.h: set_huge_pte_at (set_pte_at); asm-i386/pgtable-3level.h: set_pte',
      machines: ['i386-pae'],
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        // The writable mapping makes the file as long as itself; of the other the protection has NX, in the high half.
        process.mmap({ addr: world.base, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
        const beside = world.base + world.size;
        const at = process.mmap({ addr: beside, length: world.size, prot: 'r', flags: 'shared|fixed', file });
        const seen: bigint[] = [];
        world.machine.inject.tear = (torn) => seen.push(wordAt(world.machine, torn));
        process.load8(at);
        const word = wordAt(world.machine, entryAt({ world, process, at }));
        expect(word >> 63n).toBe(1n);
        expect(seen).toEqual([word & ~0xffff_ffffn]);
      },
    },
    'the pmd pages of one file of large pages in two processes are two: nothing of the tables is shared': {
      source: 'arch/i386/mm/hugetlbpage.c before 2.6.20: huge_pte_alloc has no huge_pmd_share',
      machines: ['x86_64'],
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const { file } = world.open('f');
        const pmds = (): number => world.machine.kernel.tablesInUse[2] as number;
        const before = pmds();
        for (let n = 1; n <= 2; n++) {
          const process = world.machine.spawn();
          process.mmap({ addr: world.base, length: world.size, prot: 'rw', flags: 'shared|fixed', file });
          process.store8(world.base, n);
          expect(pmds() - before).toBe(n);
        }
      },
    },
    'mprotect refuses an area of large pages: EACCES': {
      source: 'mm/mprotect.c: sys_mprotect before 2.6.17 (is_vm_hugetlb_page)',
      holds: (arch) => {
        const { world, process, at } = mapped(arch, 1);
        expect(() => process.mprotect(at, world.size, 'r')).toThrow('EACCES');
      },
    },
    'an address or a length that is no multiple of a large page is EINVAL': {
      source:
        'linux/hugetlb.h, asm-i386: prepare_hugepage_range, is_aligned_hugepage_range; mm/mmap.c: get_unmapped_area',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        const tries: [bigint, bigint][] = [
          [world.base + 4096n, world.size],
          [world.base, world.size + 4096n],
        ];
        for (const [addr, length] of tries) {
          expect(() => process.mmap({ addr, length, prot: 'rw', flags: 'shared|fixed', file })).toThrow('EINVAL');
        }
      },
    },
    'i386 searches room for large pages downward where its small ones go down, in steps of a large page; x86_64 upward':
      {
        source:
          'arch/i386/mm/hugetlbpage.c: hugetlb_get_unmapped_area; fs/hugetlbfs/inode.c: hugetlb_get_unmapped_area',
        holds: (arch) => {
          const world = new HugeWorld(arch, 2);
          const process = world.machine.spawn();
          const { file } = world.open('f');
          process.mmap({ length: 4096, prot: 'rw', flags: 'private|anonymous' });
          const place = (): bigint => process.mmap({ length: world.size, prot: 'rw', flags: 'shared', file });
          const [first, second] = [place(), place()];
          expect([first % world.size, second % world.size]).toEqual([0n, 0n]);
          expect(second - first).toBe(arch.name === 'x86_64' ? world.size : -world.size);
          expect(first < 0xb800_0000n || arch.name === 'x86_64').toBe(true);
        },
      },
  },
});
