/** Misses: the handlers, the linear page table, and what they look at. */
import { nestedIndices, vpteAddress, vpteBase } from '@fourfold/arch-sparc64';
import { Machine, MemoryFault, type Process } from '@fourfold/core';
import { type ArchDescriptor, FAULT_RIGHTS, LOAD, STORE } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

interface Setting {
  readonly machine: Machine;
  readonly process: Process;
  readonly at: bigint;
}

function mapped(arch: ArchDescriptor, prot: string, pages = 4): Setting {
  const machine = new Machine({ arch });
  const process = machine.spawn();
  const at = process.mmap({ length: pages * arch.pageSize, prot, flags: 'private|anonymous' });
  return { machine, process, at };
}

function count({ machine }: Setting, name: Parameters<Machine['counters']['get']>[0], run: () => void): number {
  const before = machine.counters.get(name);
  run();
  return machine.counters.get(name) - before;
}

export default quirks({
  port: 'sparc64',
  about: 'Misses',
  quirks: {
    'the first miss of a pte table misses twice: the page of the linear table comes in by the nested handler, and stays':
      {
        source: 'arch/sparc64/kernel/dtlb_backend.S',
        holds: (arch) => {
          const world = mapped(arch, 'rw');
          const { process, at, machine } = world;
          for (let i = 0; i < 4; i++) process.store8(at + BigInt(i * arch.pageSize), 1);
          machine.kernel.cpu.tlb.dropAll(false);
          expect(count(world, 'nestedFills', () => process.load8(at))).toBe(1);
          expect(count(world, 'nestedFills', () => process.load8(at + BigInt(arch.pageSize)))).toBe(0);
        },
      },
    'the page of the linear table is an ordinary translation in the same context and the same TLB as the data': {
      source: 'asm-sparc64/pgtable.h: VPTE_BASE; arch/sparc64/kernel/dtlb_backend.S',
      holds: (arch) => {
        const { machine, process, at } = mapped(arch, 'rw');
        process.store8(at, 1);
        const { tlb, context } = machine.kernel.cpu;
        const base = Number((1n << 64n) >> BigInt(arch.geometry.pageShift));
        const top = Array.from({ length: tlb.slots }, (_, slot) => slot).filter(
          (slot) => tlb.contextOf(slot) === context && tlb.pageOf(slot) > base / 2 && tlb.rightsOf(slot) === 0,
        );
        expect(top.length).toBe(1);
      },
    },
    'a data miss looks at VALID alone: a page that may only be executed can be read': {
      source: 'arch/sparc64/kernel/dtlb_base.S',
      holds: (arch) => {
        const { process, at } = mapped(arch, 'x');
        expect(process.load8(at)).toBe(0);
      },
    },
    'an instruction miss looks at EXEC, in software: the hardware has no such right': {
      source: 'arch/sparc64/kernel/itlb_base.S',
      holds: (arch) => {
        const { process, at } = mapped(arch, 'rw');
        process.store8(at, 1);
        expect(() => process.fetch(at)).toThrow(MemoryFault);
        process.mprotect(at, arch.pageSize, 'rx');
        process.fetch(at);
      },
    },
    'the first store to a page that was read takes the protection trap, whose fault only sets MODIFIED': {
      source: 'arch/sparc64/kernel/dtlb_prot.S; mm/fault.c: do_sparc64_fault',
      holds: (arch) => {
        const world = mapped(arch, 'rw');
        const { process, at, machine } = world;
        const inode = machine.createFile('f', { size: arch.pageSize });
        process.mmap({
          addr: at,
          length: arch.pageSize,
          prot: 'rw',
          flags: 'shared|fixed',
          file: { inode, readable: true, writable: true, refs: 1 },
        });
        process.load8(at);
        expect(count(world, 'bitFaults', () => process.store8(at, 1))).toBe(1);
        expect(count(world, 'bitFaults', () => process.store8(at, 1))).toBe(0);
      },
    },
    'write-only memory cannot be read before it is written: a read wants VM_READ or VM_EXEC': {
      source: 'arch/sparc64/mm/fault.c: do_sparc64_fault',
      holds: (arch) => {
        const { process, at } = mapped(arch, 'w');
        expect(() => process.load8(at)).toThrow('SEGV_ACCERR');
      },
    },
    'the hole takes no miss to the tables: nothing is mapped on either side of 2^43 and below its upper edge': {
      source: 'asm-sparc64/pgtable.h: VA_BITS; arch/sparc64/mm/fault.c',
      holds: (arch) => {
        const { process } = mapped(arch, 'rw');
        for (const va of [0x800_0000_0000n, 0x8000_0000_0000n, 0xffff_f7ff_ffff_fff8n]) {
          expect(() => process.load8(va)).toThrow('SEGV_MAPERR');
        }
      },
    },
    'a miss of the linear table finds its tables by the offset in it, not by its own address': {
      source: 'arch/sparc64/kernel/dtlb_backend.S',
      holds: ({ geometry }) => {
        const { pageShift } = geometry;
        const va = pageShift === 13 ? 0xffff_f801_0040_2000n : 0xffff_f800_2001_0000n;
        const offset = BigInt.asUintN(64, vpteAddress(pageShift, va) - vpteBase(pageShift));
        const vpn = va >> BigInt(pageShift);
        const halves = [Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn))] as const;
        expect(nestedIndices(pageShift, offset)).toEqual({
          pgd: geometry.index(0, ...halves),
          pmd: geometry.index(1, ...halves),
        });
        expect(nestedIndices(pageShift, vpteAddress(pageShift, va)).pgd).not.toBe(geometry.index(0, ...halves));
      },
    },
    'a store to memory that may not be written, and a fetch without VM_EXEC, are SEGV_ACCERR': {
      source: 'arch/sparc64/mm/fault.c: do_sparc64_fault',
      holds: (arch) => {
        const { process, at } = mapped(arch, 'r');
        process.load8(at);
        expect(() => process.store8(at, 1)).toThrow('SEGV_ACCERR');
        expect(() => process.fetch(at)).toThrow('SEGV_ACCERR');
      },
    },
    'a data miss does not say load or store, and the instruction is read only where the area may be written: elsewhere a store brings the page first':
      {
        source: 'arch/sparc64/mm/fault.c: do_sparc64_fault (get_fault_insn)',
        holds: (arch) => {
          const world = mapped(arch, 'r');
          const { process, at } = world;
          const store = (address: bigint): void => expect(() => process.store8(address, 1)).toThrow('SEGV_ACCERR');
          expect(count(world, 'signals', () => store(at))).toBe(1);
          expect([process.minFlt, process.mm.rss]).toEqual([1, 1]);
          store(at); // the protection trap says that it is a store
          expect(process.minFlt).toBe(1);
          process.load8(at);
          expect(process.minFlt).toBe(1);
          // Where not even a load is allowed there is nothing to bring.
          process.mprotect(at, BigInt(arch.pageSize) * 4n, '-');
          store(at + BigInt(arch.pageSize));
          expect([process.minFlt, process.mm.rss]).toEqual([1, 1]);
          // Where stores are allowed the first one is known for what it is: one fault, and the page is dirty.
          const other = mapped(arch, 'rw');
          other.process.store8(other.at, 1);
          expect(other.process.minFlt).toBe(1);
        },
      },
    'a store behind the end of a file is SIGBUS even where it is not allowed': {
      source: 'arch/sparc64/mm/fault.c: do_sparc64_fault',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const file = { inode: machine.createFile('f', { size: 1 }), readable: true, writable: true, refs: 1 };
        const process = machine.spawn();
        const at = process.mmap({ length: 2 * arch.pageSize, prot: 'r', flags: 'shared', file });
        expect(() => process.store8(at, 1)).toThrow('SEGV_ACCERR');
        expect(() => process.store8(at + BigInt(arch.pageSize), 1)).toThrow('BUS_ADRERR');
      },
    },
    'a no-fault load brings its page like any other, reads 0 where it may not read, and takes no signal': {
      source: 'arch/sparc64/mm/fault.c: do_kernel_fault, handle_ld_nf (asi & 0xf2 == 0x82)',
      holds: (arch) => {
        const world = mapped(arch, 'rw', 2);
        const { process, at } = world;
        const size = BigInt(arch.pageSize);
        process.store8(at + size - 1n, 7);
        process.munmap(at + size, size);
        expect(count(world, 'signals', () => expect([...process.readNoFault(at + size - 1n, 2)]).toEqual([7, 0]))).toBe(
          0,
        );
        const fresh = process.mmap({ length: arch.pageSize, prot: 'r', flags: 'private|anonymous' });
        const before = process.minFlt;
        expect([...process.readNoFault(fresh, 1), process.minFlt - before]).toEqual([0, 1]);
        process.mprotect(at, size, '-');
        expect([...process.readNoFault(at + size - 1n, 1)]).toEqual([0]);
        expect(() => process.load8(at + size - 1n)).toThrow('SEGV_ACCERR');
      },
    },
    'a no-fault load takes SIGBUS behind the end of a file, and SIGSEGV in the hole, where no handler looks at it': {
      source: 'arch/sparc64/mm/fault.c: do_sparc64_fault (do_sigbus); kernel/traps.c: spitfire_data_access_exception',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const file = { inode: machine.createFile('f', { size: 1 }), readable: true, writable: true, refs: 1 };
        const process = machine.spawn();
        const at = process.mmap({ length: 2 * arch.pageSize, prot: 'r', flags: 'shared', file });
        expect(() => process.readNoFault(at + BigInt(arch.pageSize), 1)).toThrow('BUS_ADRERR');
        expect(() => process.readNoFault(1n << 43n, 1)).toThrow('SEGV_MAPERR');
        expect(machine.counters.get('signals')).toBe(2);
      },
    },
    'a no-fault load makes no stack grow': {
      source: 'arch/sparc64/mm/fault.c: do_sparc64_fault (expand_stack)',
      holds: (arch) => {
        const process = new Machine({ arch }).spawn({ program: true });
        const below = arch.layout.spec.stackTop - 3n * BigInt(arch.pageSize);
        expect([...process.readNoFault(below, 1), process.mm.stackVm]).toEqual([0, 1]);
        process.load8(below);
        expect(process.mm.stackVm).toBe(3);
      },
    },
    'what a miss finds goes to the TLB as it is: a store through a clean entry fills it, and is stopped there': {
      source: 'arch/sparc64/kernel/dtlb_base.S; UltraSPARC manual: data access protection',
      holds: (arch) => {
        const { process, at, machine } = mapped(arch, 'rw');
        process.load8(at);
        const { mmu, cpu } = machine.kernel;
        cpu.tlb.dropAll(false);
        const vpn = at / BigInt(arch.pageSize);
        const [hi, lo] = [Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn))];
        expect(mmu.miss(cpu, STORE, hi, lo)).toBe(FAULT_RIGHTS);
        const slot = cpu.tlb.find(LOAD, hi, lo, cpu.context);
        expect([slot >= 0, cpu.tlb.rightsOf(slot) & 6]).toEqual([true, 2]);
      },
    },
  },
});
