/** Where things lie, which accesses are faults, and how far a stack grows. */
import { createPpc64, VDSO_MBASE } from '@fourfold/arch-ppc64';
import { Machine, MemoryFault, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** The machine of the same page size that runs 32-bit tasks. */
function narrow(arch: ArchDescriptor): ArchDescriptor {
  return createPpc64({ pageShift: arch.geometry.pageShift as 12 | 16, task: 32 });
}

const VDSO = VDSO_MBASE;
const MREMAP_MAYMOVE = 1;

/** Pages of the area of the vDSO. */
function vdsoPages({ pageSize }: ArchDescriptor): number {
  return pageSize === 4096 ? 3 : 2;
}

/** Whether an access works. */
function works(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return false;
  }
}

/** A stack of 2 MiB that ends at 1 GiB, with its pointer at 64 KiB from its lower end. */
function withStack(arch: ArchDescriptor): { process: Process; start: bigint } {
  const process = new Machine({ arch }).spawn();
  const start = BigInt(GIB - 2 * MIB);
  process.mmap({ addr: start, length: 2 * MIB, prot: 'rw', flags: 'private|anonymous|growsdown|fixed' });
  process.stackPointer = start + 0x1_0000n;
  return { process, start };
}

export default quirks({
  port: 'ppc64',
  about: 'The address space and its faults',
  quirks: {
    'the heap and the stack of a 32-bit task may be executed, those of a 64-bit one may not': {
      source: 'asm-powerpc/page_64.h: VM_DATA_DEFAULT_FLAGS32, VM_STACK_DEFAULT_FLAGS32',
      holds: (arch) => {
        const areas = (of: ArchDescriptor): number => {
          const process = new Machine({ arch: of }).spawn({ program: true });
          process.brk(process.brk(0) + BigInt(of.pageSize));
          return process.maps().match(/rwxp .*(heap|stack)/g)?.length ?? 0;
        };
        expect([areas(narrow(arch)), areas(arch)]).toEqual([2, 0]);
      },
    },
    'user space has 44 bits: an address of 2^44 has no segment that could be loaded': {
      source: 'asm-powerpc/mmu.h: USER_ESID_BITS; arch/powerpc/mm/hash_utils_64.c: hash_page',
      holds: (arch) => {
        const wide = arch.pageSize === 65536 ? [createPpc64({ pageShift: 16, hashedPageShift: 16 })] : [];
        for (const one of [arch, ...wide]) {
          const process = new Machine({ arch: one }).spawn();
          const addr = 0x10_0000n;
          process.mmap({ addr, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
          process.store8(addr, 1);
          const refused = process.machine.counters.get('missesRefused');
          // The low 44 bits are those of memory that is there.
          expect(works(() => process.load8(2n ** 44n + addr))).toBe(false);
          expect(process.machine.counters.get('missesRefused')).toBe(refused + 1);
        }
      },
    },
    'a 64-bit task searches upward, from a quarter of its space, whatever the limit of its stack': {
      source: 'asm-powerpc/processor.h: TASK_UNMAPPED_BASE_USER64; arch/powerpc/mm/mmap.c: mmap_is_legacy',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn();
        expect(process.mmap({ length: arch.pageSize, prot: 'r', flags: 'private|anonymous' })).toBe(2n ** 42n);
        for (const limit of [8 * MIB, Infinity]) expect(arch.layout.pickBase(limit, false).topDown).toBe(false);
      },
    },
    'a 32-bit task searches downward from below the gap for its stack, which is its limit, from 128 MiB to five sixths; without a limit upward':
      {
        source: 'arch/powerpc/mm/mmap.c: mmap_base, mmap_is_legacy',
        holds: (arch) => {
          const { layout, pageSize } = narrow(arch);
          const top = 4 * GIB - pageSize;
          const base = (limit: number): number => layout.pickBase(limit, false).base * pageSize;
          expect([base(8 * MIB), base(GIB)]).toEqual([top - 128 * MIB, top - GIB]);
          const most = Math.floor((Math.floor(top / 6) * 5) / pageSize) * pageSize;
          expect(base(4 * GIB)).toBe(top - most);
          expect(layout.pickBase(Infinity, false)).toEqual({ base: GIB / pageSize, topDown: false });
          expect(layout.pickBase(8 * MIB, true).topDown).toBe(false);
        },
      },
    'there is no gate area': {
      source: 'asm-powerpc/page.h; arch/powerpc/kernel/vdso.c: get_gate_vma',
      holds: ({ layout }) => expect(layout.spec.gate).toBeUndefined(),
    },
    'a program finds the vDSO at 1 MiB, an ordinary area without a name: its image of 8 KiB, padded to pages, and a page of data':
      {
        source: 'arch/powerpc/kernel/vdso.c: arch_setup_additional_pages',
        holds: (arch) => {
          for (const one of [arch, narrow(arch)]) {
            const process = new Machine({ arch: one }).spawn({ program: true });
            const end = arch.pageSize === 4096 ? '00103000' : '00120000';
            expect(process.maps().split('\n')[0]).toBe(`00100000-${end} r-xp 00100000 00:00 0 `);
            expect(process.mm.totalVm).toBe(1 + vdsoPages(arch));
            process.machine.check();
          }
        },
      },
    'the pages of the vDSO are the kernel’s, the same for every program; a debugger that writes to one has a copy for its program alone':
      {
        source: 'arch/powerpc/kernel/vdso.c: vdso_vma_nopage, arch_setup_additional_pages (VM_MAYWRITE)',
        holds: (arch) => {
          const machine = new Machine({ arch });
          const [one, other] = [machine.spawn({ program: true }), machine.spawn({ program: true })];
          const child = one.fork();
          for (const process of [one, other, child]) process.load8(VDSO);
          const [image] = machine.kernel.vdso?.pages ?? [];
          expect(machine.kernel.map.mapcount[image as number]).toBe(3);
          expect([one.mm.fileRss, one.mm.anonRss]).toEqual([1, 0]);
          expect(() => one.store8(VDSO, 1)).toThrow('SEGV_ACCERR');
          one.poke(VDSO, Uint8Array.of(0x7f));
          expect([one, other, child].map((process) => process.load8(VDSO))).toEqual([0x7f, 0, 0]);
          expect([one.mm.fileRss, one.mm.anonRss]).toEqual([0, 1]);
          for (const process of [one, child]) process.exit();
          expect(machine.kernel.map.mapcount[image as number]).toBe(1);
          machine.check();
        },
      },
    'which page of the vDSO lies where follows from the area as it is: the last is the data, the others are the image from the area’s first page on':
      {
        source: 'arch/powerpc/kernel/vdso.c: vdso_vma_nopage (address - vma->vm_start, vma->vm_end - address)',
        holds: (arch) => {
          const machine = new Machine({ arch });
          const process = machine.spawn({ program: true });
          const size = BigInt(arch.pageSize);
          process.munmap(VDSO, size);
          process.load8(VDSO + size);
          const { vdso, map } = machine.kernel;
          const counts = vdso?.pages.map((page) => map.mapcount[page]);
          // With pages of 64 KiB nothing is left but the data.
          expect(counts).toEqual(arch.pageSize === 4096 ? [1, 0, 0] : [0, 1]);
          process.load8(VDSO + size * BigInt(vdsoPages(arch) - 1));
          expect(map.mapcount[vdso?.pages.at(-1) as number]).toBe(1);
          // Grown beyond the image there is nothing more to show.
          const moved = process.mremap(VDSO + size, size, 5n * size, MREMAP_MAYMOVE);
          expect(works(() => process.load8(moved + 4n * size))).toBe(true);
          for (const i of [2n, 3n]) expect(works(() => process.load8(moved + i * size))).toBe(false);
          machine.check();
        },
      },
    'the vDSO never merges with what is mapped beside it': {
      source: 'arch/powerpc/kernel/vdso.c: vdso_vma_close',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn({ program: true });
        const length = arch.pageSize;
        const addr = VDSO + BigInt(vdsoPages(arch) * length);
        process.mmap({ addr, length, prot: 'rx', flags: 'private|anonymous|fixed' });
        expect(process.maps().split('\n')[1]).toMatch(`${addr.toString(16).padStart(8, '0')}-`);
      },
    },
    'vmalloc has 2^43 bytes of region 0xd, ioremap what lies 2 GiB behind, both without the coherence bit of user pages':
      {
        source: 'asm-powerpc/pgtable.h: VMALLOC_START, PHBS_IO_BASE; arch/powerpc/mm/pgtable_64.c',
        holds: ({ kernelSpace, geometry }) => {
          const page = (address: bigint): number => Number(address >> BigInt(geometry.pageShift));
          expect(kernelSpace).toMatchObject({
            start: page(0xd000_0000_0000_0000n),
            end: page(0xd000_0800_0000_0000n),
            ioStart: page(0xd000_0800_8000_0000n),
            ioEnd: page(0xd000_1000_0000_0000n),
            protLo: 0x391,
            ioProtLo: 0x3a9,
          });
        },
      },
    'a load wants an area that may be read or executed: write-only memory is refused, execute-only memory is not': {
      source: 'arch/powerpc/mm/fault.c: do_page_fault',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn();
        const of = (prot: string): bigint => process.mmap({ length: arch.pageSize, prot, flags: 'private|anonymous' });
        const [w, x] = [of('w'), of('x')];
        expect([works(() => process.load8(w)), works(() => process.load8(x))]).toEqual([false, true]);
        expect(works(() => process.store8(w, 1))).toBe(true);
      },
    },
    'a stack grows freely by 1 MiB from its end; below that a load lies at most 2 KiB under the stack pointer, a store may be the one that moves it':
      {
        source: 'arch/powerpc/mm/fault.c: do_page_fault (store_updates_sp)',
        holds: (arch) => {
          const { process, start } = withStack(arch);
          expect(works(() => process.load8(start - 1n))).toBe(false);
          process.stackPointer = start + 2047n;
          expect(works(() => process.load8(start - 1n))).toBe(true);
          const far = withStack(arch);
          expect(works(() => far.process.store8(far.start - 1n, 1))).toBe(true);
          // Within 1 MiB of its end nobody asks.
          const small = new Machine({ arch }).spawn();
          const addr = BigInt(GIB);
          small.mmap({ addr, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|growsdown|fixed' });
          small.stackPointer = addr + BigInt(arch.pageSize);
          expect(works(() => small.load8(addr - 0x1_0000n))).toBe(true);
        },
      },
    'with pages of 64 KiB the low nine bits of an upper entry are masked off when it is followed': {
      source: 'asm-ppc64/pgtable-64k.h: PMD_MASKED_BITS, PUD_MASKED_BITS',
      holds: ({ tables, pageSize }) => {
        const word = 0xc000_0000_0012_31ffn;
        expect(tables.decode('pmd', word).table).toBe(pageSize === 4096 ? 0x12_31ffn : 0x12_3000n);
      },
    },
    'kernel tables smaller than a page are cut from pages: pud and pmd of 1 KiB, a pgd of 128 bytes with pages of 64 KiB':
      {
        source: 'asm-ppc64/pgtable-4k.h, pgtable-64k.h: PGD_TABLE_SIZE; asm-powerpc/pgalloc.h: pgtable_cache',
        holds: ({ geometry }) => {
          const bytes = [...geometry.tableBytes];
          expect(bytes).toEqual(geometry.pageShift === 12 ? [4096, 1024, 1024, 4096] : [128, 32768, 65536]);
        },
      },
  },
});
