/** Where memory is mapped: two halves around a hole, colours, huge pages. */
import { vpteAddress } from '@fourfold/arch-sparc64';
import { Machine, type MappedFile, MmError } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

const HIGH = 0xffff_f800_0000_0000n;
const HOLE = 0x800_0000_0000n;

function file(machine: Machine, pages: number): MappedFile {
  const inode = machine.createFile('f', { size: pages * machine.pageSize });
  return { inode, readable: true, writable: true, refs: 1 };
}

function errno(run: () => unknown): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    if (!(error instanceof MmError)) throw error;
    return error.code;
  }
}

export default quirks({
  port: 'sparc64',
  about: 'The address space',
  quirks: {
    'mmap begins in the high half, at the address of the kernel direct map, and never comes to the low one': {
      source: 'asm-sparc64/processor.h: TASK_UNMAPPED_BASE; kernel/sys_sparc.c: arch_get_unmapped_area',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn();
        expect(process.mmap({ length: arch.pageSize, prot: 'r', flags: 'private|anonymous' })).toBe(HIGH);
        const hint = { addr: 0x4000_0000n, length: arch.pageSize, prot: 'r', flags: 'private|anonymous' } as const;
        expect(process.mmap(hint)).toBe(0x4000_0000n);
      },
    },
    'both sides of the hole can be mapped up to its edges, and nothing across it': {
      source: 'kernel/sys_sparc.c: sys_mmap; asm-sparc64/pgtable.h: VA_BITS',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn();
        const size = BigInt(arch.pageSize);
        const at = (addr: bigint, length: bigint): string =>
          errno(() => process.mmap({ addr, length, prot: 'rw', flags: 'private|anonymous|fixed' }));
        expect([at(HOLE - size, size), at(HIGH, size)]).toEqual(['ok', 'ok']);
        process.store8(HOLE - 1n, 1);
        process.store8(HIGH, 2);
        expect([process.load8(HOLE - 1n), process.load8(HIGH)]).toEqual([1, 2]);
        expect(at(HOLE - size, 2n * size)).toBe('EINVAL');
      },
    },
    'a mapping of a file, or a shared one, is placed by cache colour: bit 13 of its address and of its offset agree': {
      source: 'kernel/sys_sparc.c: COLOUR_ALIGN; asm-sparc64/shmparam.h: SHMLBA',
      machines: ['sparc64-8k'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const opened = file(machine, 4);
        for (const offset of [arch.pageSize, 0, arch.pageSize]) {
          const at = process.mmap({ length: arch.pageSize, prot: 'r', flags: 'shared', file: opened, offset });
          expect(at & 0x2000n).toBe(BigInt(offset) & 0x2000n);
        }
      },
    },
    'a fixed mapping of the wrong colour is taken all the same: the port is not asked': {
      source: 'mm/mmap.c: get_unmapped_area; kernel/sys_sparc.c',
      machines: ['sparc64-8k'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const opened = file(machine, 2);
        const options = { length: arch.pageSize, prot: 'r', flags: 'shared|fixed', file: opened, offset: 0 } as const;
        expect(process.mmap({ addr: 0x4000_2000n, ...options })).toBe(0x4000_2000n);
      },
    },
    'brk may not change the half that the heap lies in': {
      source: 'kernel/sys_sparc.c: sparc_brk, asm-sparc64: sys64_brk',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn();
        const before = process.brk(0);
        expect(process.brk(HIGH + 0x10_0000n)).toBe(before);
        expect(process.brk(before + 0x10_0000n)).toBe(before + 0x10_0000n);
      },
    },
    'the heap and the stack of a program may be executed': {
      source: 'asm-sparc64/page.h: VM_DATA_DEFAULT_FLAGS; fs/exec.c: setup_arg_pages (VM_STACK_FLAGS)',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn({ program: true });
        const heap = process.brk(0);
        process.brk(heap + BigInt(arch.pageSize));
        for (const at of [heap, arch.layout.spec.stackTop - 8n]) {
          process.fetch(at);
          process.store8(at, 1);
        }
        expect(process.maps().match(/rwxp .*(heap|stack)/g)?.length).toBe(2);
      },
    },
    'MADV_REMOVE is 6': {
      source: 'asm-sparc64/mman.h',
      holds: (arch) => expect(arch.madvRemove).toBe(6),
    },
    'a huge page is a run of ordinary entries, each with the huge size and its own frame': {
      source: 'arch/sparc64/mm/hugetlbpage.c: set_huge_pte_at',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file: opened } = world.open('f');
        world.map(process, opened, 0, 1);
        process.store8(world.at(0), 1);
        const { memory, tables } = world.machine.kernel;
        const first = Number(world.at(0) / BigInt(arch.pageSize));
        const entries = Array.from({ length: world.huge.pages }, (_, i) => {
          const at = tables.lookupPage(process.mm, first + i);
          const [hi, lo] = [memory.words[at + tables.hiAt] as number, memory.words[at + tables.loAt] as number];
          return [(hi >>> 29) & 3, arch.pteFormat.frame(hi, lo)];
        });
        const frame = entries[0]?.[1] as number;
        expect(entries).toEqual(entries.map((_, i) => [3, frame + i]));
      },
    },
    'taking a huge page away queues every one of its entries: the batch is sent at 192 and at 384 of 512': {
      source: 'arch/sparc64/mm/hugetlbpage.c: huge_ptep_get_and_clear',
      machines: ['sparc64-8k'],
      holds: (arch: ArchDescriptor) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file: opened } = world.open('f');
        world.map(process, opened, 0, 1);
        process.store8(world.at(0), 1);
        const { counters } = world.machine;
        const before = [counters.get('pendingQueued'), counters.get('flushPending')] as const;
        process.munmap(world.at(0), world.size);
        // 512 entries: full at 192 and at 384, 128 left for flush_tlb_range; then the VPTE page of the table.
        expect(counters.get('pendingQueued') - before[0]).toBe(512 + 1);
        expect(counters.get('flushPending') - before[1]).toBe(3 + 1);
      },
    },
    'one translation of 4 MiB serves the whole huge page': {
      source: 'UltraSPARC user manual: TTE size; asm-sparc64/pgtable.h: pte_mkhuge',
      holds: (arch) => {
        const world = new HugeWorld(arch, 1);
        const process = world.machine.spawn();
        const { file: opened } = world.open('f');
        world.map(process, opened, 0, 1);
        process.store8(world.at(0), 1);
        process.load8(world.at(0));
        const misses = world.machine.counters.get('tlbDataMisses');
        for (let i = 0; i < world.huge.pages; i += 7) process.load8(world.at(0) + BigInt(i * arch.pageSize));
        expect(world.machine.counters.get('tlbDataMisses')).toBe(misses);
      },
    },
    'a mapping longer than one half is refused': {
      source: 'arch/sparc64/kernel/sys_sparc.c: sys_mmap, arch_get_unmapped_area',
      holds: (arch) => {
        const process = new Machine({ arch, overcommit: 1 }).spawn();
        const map = (length: bigint): string =>
          errno(() => process.mmap({ length, prot: '-', flags: 'private|anonymous' }));
        // A whole half is not too long, but the high one has the linear table at its end.
        expect([map(HOLE + BigInt(arch.pageSize)), map(HOLE), map(HOLE / 2n)]).toEqual(['EINVAL', 'ENOMEM', 'ok']);
      },
    },
    'a wish for a file or a shared mapping is moved up to the colour of its offset; one for private memory is not': {
      source: 'kernel/sys_sparc.c: arch_get_unmapped_area',
      machines: ['sparc64-8k'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const addr = 0x4000_2000n;
        const length = arch.pageSize;
        const opened = file(machine, 4);
        expect(process.mmap({ addr, length, prot: 'r', flags: 'private|anonymous' })).toBe(addr);
        expect(process.mmap({ addr, length, prot: 'r', flags: 'shared', file: opened, offset: 0 })).toBe(
          addr + 0x2000n,
        );
        expect(process.mmap({ addr, length, prot: 'r', flags: 'shared', file: opened, offset: length })).toBe(
          addr + 0x4000n,
        );
      },
    },
    'the stack of a 64-bit task ends at the hole, and there is no gate area': {
      source: 'asm-sparc64/processor.h: STACK_TOP; mm/memory.c: get_gate_vma',
      holds: ({ layout }) => expect([layout.spec.stackTop, layout.spec.gate]).toEqual([HOLE, undefined]),
    },
    'the linear table above TASK_SIZE cannot be mapped, nor read by the program': {
      source: 'asm-sparc64/pgtable.h: TASK_SIZE, VPTE_SIZE; arch/sparc64/kernel/dtlb_backend.S (_PAGE_P)',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn();
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        const { taskSize } = arch.layout.spec;
        const map = (): unknown =>
          process.mmap({ addr: taskSize, length: arch.pageSize, prot: 'r', flags: 'private|anonymous|fixed' });
        expect(errno(map)).toBe('ENOMEM');
        expect(() => process.load8(vpteAddress(arch.geometry.pageShift, at))).toThrow('SEGV_MAPERR');
      },
    },
    'vmalloc lies below pgd[0] of the kernel, in pages that only the kernel may use; ioremap answers a physical address':
      {
        source: 'asm-sparc64/pgtable.h: VMALLOC_START, PAGE_KERNEL; io.h: ioremap',
        holds: ({ kernelSpace, pteFormat, geometry }) => {
          const page = (address: bigint): number => Number(address >> BigInt(geometry.pageShift));
          expect(kernelSpace).toMatchObject({ start: page(0x1_0000_0000n), end: page(0x2_0000_0000n), ioBase: 0n });
          const word = (BigInt(kernelSpace?.protHi as number) << 32n) | BigInt(kernelSpace?.protLo as number);
          expect(BigInt.asUintN(64, word)).toBe(0x8000_0000_0000_1fb6n);
          expect(pteFormat.hardwareRights(kernelSpace?.protHi as number, kernelSpace?.protLo as number)).toBe(0);
          expect(pteFormat.isUser(kernelSpace?.protHi as number, kernelSpace?.protLo as number)).toBe(false);
        },
      },
    'huge pages need no region: an aligned address and whole huge pages are all, else EINVAL': {
      source: 'arch/sparc64/mm/hugetlbpage.c; asm-generic: prepare_hugepage_range, is_hugepage_only_range',
      holds: (arch) => {
        const world = new HugeWorld(arch, 2);
        const process = world.machine.spawn();
        const { file: opened } = world.open('f');
        const map = (addr: bigint, length: bigint): string =>
          errno(() => process.mmap({ addr, length, prot: 'rw', flags: 'shared|fixed', file: opened }));
        process.mmap({ addr: world.at(1), length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
        const half = world.size / 2n;
        expect([map(world.at(0) + half, world.size), map(world.at(0), half), map(world.at(0), world.size)]).toEqual([
          'EINVAL',
          'EINVAL',
          'ok',
        ]);
      },
    },
  },
});
