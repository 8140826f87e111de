/** Misses: the handlers, the linear page table, and what they look at. */
import { Machine, MemoryFault, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
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
  },
});
