/** 32-bit tasks: their address space, and the register that knows their pmd table. */
import { createSparc64 } from '@fourfold/arch-sparc64';
import { Machine, type MachineOptions, MmError, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

const BASE = 0x7000_0000n;
const TOP = 0xf000_0000n;
const FOUR_GIB = 1n << 32n;
const MAYMOVE = 1;
const FIXED = 2;

/** The machine of the same page size that runs 32-bit tasks. */
function narrow({ geometry }: ArchDescriptor): ArchDescriptor {
  return createSparc64({ pageShift: geometry.pageShift as 13 | 16, task: 32 });
}

function started(arch: ArchDescriptor, options: Partial<MachineOptions> = {}): { machine: Machine; process: Process } {
  const machine = new Machine({ arch: narrow(arch), overcommit: 1, ...options });
  return { machine, process: machine.spawn() };
}

function errno(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof MmError)) throw error;
    return error.code;
  }
}

/** Maps memory that nobody may touch, at a fixed place or anywhere. */
function reserve(process: Process, length: bigint, addr?: bigint): unknown {
  const flags = 'private|anonymous|noreserve';
  return errno(() =>
    addr === undefined
      ? process.mmap({ length, prot: '-', flags })
      : process.mmap({ addr, length, prot: '-', flags: `${flags}|fixed` }),
  );
}

export default quirks({
  port: 'sparc64',
  about: '32-bit tasks',
  quirks: {
    'mmap of a 32-bit task begins at 0x70000000 and comes to 0xF0000000, where its stack ends': {
      source: 'asm-sparc64/processor.h: TASK_UNMAPPED_BASE, STACK_TOP; kernel/sys_sparc.c: arch_get_unmapped_area',
      holds: (arch) => {
        const { process, machine } = started(arch);
        expect(reserve(process, BigInt(arch.pageSize))).toBe(BASE);
        expect(machine.spawn({ program: true }).maps()).toMatch(/-f0000000 .*stack/);
        const full = machine.spawn();
        expect([reserve(full, TOP - BASE), reserve(full, BigInt(arch.pageSize))]).toEqual([BASE, 'ENOMEM']);
      },
    },
    'TASK_SIZE is that of 64-bit tasks: what passes 0xF0000000 is refused by the calls themselves, with EINVAL': {
      source: 'kernel/sys_sparc.c: sys_mmap; asm-sparc64/pgtable.h: TASK_SIZE',
      holds: (arch) => {
        const { process } = started(arch);
        const page = BigInt(arch.pageSize);
        expect(narrow(arch).layout.taskSizePages).toBe(arch.layout.taskSizePages);
        expect([
          reserve(process, page, TOP),
          reserve(process, 2n * page, TOP - page),
          reserve(process, page, TOP - page),
          reserve(process, TOP + page),
          reserve(process, TOP),
        ]).toEqual(['EINVAL', 'EINVAL', TOP - page, 'EINVAL', 'ENOMEM']);
      },
    },
    'a break at 0xF0000000 or above leaves the heap as it was': {
      source: 'kernel/sys_sparc.c: sparc_brk',
      holds: (arch) => {
        const { process } = started(arch);
        const before = process.brk(0);
        expect([process.brk(TOP), process.brk(TOP - 1n)]).toEqual([before, TOP - 1n]);
      },
    },
    'mremap of a 32-bit task asks for the same limit; munmap asks in 64-bit tasks alone': {
      source: 'kernel/sys_sparc32.c: sys32_mremap; kernel/sys_sparc.c: sys64_mremap, sys64_munmap; kernel/systbls.S',
      holds: (arch) => {
        const page = BigInt(arch.pageSize);
        const { process } = started(arch);
        const move = (from: bigint, to: bigint): unknown =>
          errno(() => process.mremap(from, page, page, MAYMOVE | FIXED, to));
        reserve(process, page, BASE);
        expect([move(BASE, TOP), move(TOP, BASE), move(BASE, TOP - page)]).toEqual(['EINVAL', 'EINVAL', TOP - page]);
        expect(errno(() => process.mremap(TOP - page, page, TOP + page, MAYMOVE))).toBe('EINVAL');
        expect(errno(() => process.mremap(TOP - page, page, 2n * page))).toBe('ENOMEM');
        expect(errno(() => process.munmap(TOP - page, 2n * page))).toBeUndefined();
        const wide = new Machine({ arch }).spawn();
        const hole = 1n << 43n;
        expect(errno(() => wide.munmap(hole - page, 2n * page))).toBe('EINVAL');
        expect(errno(() => wide.mremap(BASE, page, hole + page, MAYMOVE))).toBe('EINVAL');
      },
    },
    'addresses of a 32-bit task are cut to 32 bits, in system calls and where it loads and stores': {
      source: 'SPARC V9 manual: PSTATE.AM; kernel/entry.S: linux_sparc_syscall32',
      holds: (arch) => {
        const { process } = started(arch);
        const where = { length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' } as const;
        expect(process.mmap({ ...where, addr: FOUR_GIB + BASE })).toBe(BASE);
        process.store8(7n * FOUR_GIB + BASE, 5);
        expect([process.load8(BASE), process.load8(BASE - FOUR_GIB)]).toEqual([5, 5]);
        process.munmap(FOUR_GIB + BASE, FOUR_GIB + BigInt(arch.pageSize));
        expect(() => process.load8(BASE)).toThrow('SEGV_MAPERR');
      },
    },
    'exec makes the pmd table of root entry 0 before a 32-bit task has touched anything': {
      source: 'arch/sparc64/kernel/process.c: flush_thread',
      holds: (arch) => {
        const tables = (of: ArchDescriptor): number[] => {
          const machine = new Machine({ arch: of });
          machine.spawn({ program: true });
          return [...machine.kernel.tablesInUse];
        };
        expect([tables(narrow(arch)), tables(arch)]).toEqual([
          [1, 1, 0],
          [1, 0, 0],
        ]);
      },
    },
    'the nested handler of a 32-bit task does not load the root: a register has its entry 0': {
      source: 'arch/sparc64/kernel/dtlb_backend.S (TSB_REG); asm-sparc64/mmu_context.h: get_pgd_cache',
      holds: (arch) => {
        const references = (of: ArchDescriptor): number => {
          const machine = new Machine({ arch: of });
          const process = machine.spawn({ program: true });
          const at = of.layout.spec.stackTop - 8n;
          process.store8(at, 1);
          // Its table is at hand, and nothing is in the TLB.
          machine.kernel.cpu.tlb.dropAll(false);
          const before = machine.counters.get('walkReferences');
          process.load8(at);
          return machine.counters.get('walkReferences') - before;
        };
        expect([references(narrow(arch)), references(arch)]).toEqual([2, 3]);
      },
    },
    'the register is loaded by a switch: an address space that was empty then goes by its root until the next one': {
      source: 'asm-sparc64/mmu_context.h: switch_mm, reload_tlbmiss_state',
      holds: (arch) => {
        const { machine, process } = started(arch);
        const other = machine.spawn();
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        const references = (): number => {
          machine.kernel.cpu.tlb.dropAll(false);
          const before = machine.counters.get('walkReferences');
          process.load8(at);
          return machine.counters.get('walkReferences') - before;
        };
        process.store8(at, 1);
        expect([references(), references()]).toEqual([3, 3]);
        other.brk(0);
        expect(references()).toBe(2);
        // When the table goes the register forgets it.
        process.munmap(at, arch.pageSize);
        process.mmap({ addr: at, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
        process.store8(at, 1);
        expect(references()).toBe(3);
        machine.check();
      },
    },
    'files and shared memory of a 32-bit task are placed by colour as those of a 64-bit one': {
      source: 'kernel/sys_sparc.c: arch_get_unmapped_area (do_color_align)',
      machines: ['sparc64-8k'],
      holds: (arch) => {
        const { machine, process } = started(arch);
        const inode = machine.createFile('f', { size: 4 * arch.pageSize });
        const file = { inode, readable: true, writable: true, refs: 1 };
        const places = [1, 0, 1].map((index) =>
          process.mmap({ length: arch.pageSize, prot: 'r', flags: 'shared', file, offset: index * arch.pageSize }),
        );
        // From what was found last up to whole colours, and then on to the one of the offset.
        expect(places).toEqual([BASE + 0x2000n, BASE + 0x4000n, BASE + 0xa000n]);
      },
    },
    'huge pages of a 32-bit task need what those of a 64-bit one need, and lie below 0xF0000000': {
      source: 'fs/hugetlbfs/inode.c: hugetlb_get_unmapped_area; kernel/sys_sparc.c: sys_mmap',
      holds: (arch) => {
        const world = new HugeWorld(narrow(arch), 2);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        const map = (addr: bigint, flags: string): unknown =>
          errno(() => process.mmap({ addr, length: world.size, prot: 'rw', flags, file }));
        expect(map(0n, 'shared')).toBe(BASE);
        process.store8(BASE + world.size - 1n, 9);
        expect(process.load8(FOUR_GIB + BASE + world.size - 1n)).toBe(9);
        expect([map(TOP, 'shared|fixed'), map(BASE + 0x1_0000n, 'shared|fixed')]).toEqual(['EINVAL', 'EINVAL']);
        expect(map(TOP - world.size, 'shared|fixed')).toBe(TOP - world.size);
        world.machine.check();
      },
    },
  },
});
