/** All of memory in the kernel's part of every address space. */
import { createI386Pae, createX86_64 } from '@fourfold/arch-x86';
import { Machine } from '@fourfold/core';
import { type ArchDescriptor, kernelEntryAt } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { map, pageAt, pteOf } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { growth, NX, registers, USER, wordAt } from './scene.js';

const MIB = 2 ** 20;
const TEXT = 0xffff_ffff_8000_0000n;

/** PAGE_OFFSET. */
function pageOffset({ name }: ArchDescriptor): bigint {
  return name === 'x86_64' ? 0xffff_8100_0000_0000n : 0xc000_0000n;
}

/** Entries of init_mm on the way to the large page of an address, root first; as far as there are tables. */
function entriesOf(machine: Machine, address: bigint): bigint[] {
  const { tables, arch, initMm } = machine.kernel;
  const words: bigint[] = [];
  let table = initMm?.rootWord ?? 0;
  for (let level = 0; level < tables.depth - 1 && table !== 0; level++) {
    const at = kernelEntryAt(arch, level, table, Number(address / 4096n));
    words.push(wordAt(machine, at));
    table = tables.tableAt(level, at);
  }
  return words;
}

/** The entry of a large page at an address. */
function large(machine: Machine, address: bigint): bigint | undefined {
  return entriesOf(machine, address).at(-1);
}

export default quirks({
  port: 'x86',
  about: 'The map of memory',
  quirks: {
    'all memory is mapped from PAGE_OFFSET up in large, global pages, which programs may not use': {
      source: 'arch/i386/mm/init.c: kernel_physical_mapping_init; arch/x86_64/mm/init.c: init_memory_mapping',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 1);
        process.store8(pageAt(machine, 0) + 5n, 42);
        const pte = pteOf(process, 0);
        const frame = BigInt(arch.pteFormat.frame(pte?.hi ?? 0, pte?.lo ?? 0));
        const address = pageOffset(arch) + frame * 4096n + 5n;
        expect(machine.kernelLoad8(address)).toBe(42);
        machine.kernelStore8(address, 43);
        expect(process.load8(pageAt(machine, 0) + 5n)).toBe(43);
        expect((large(machine, pageOffset(arch) + BigInt(32 * MIB)) ?? 0n) & ~NX).toBe(BigInt(32 * MIB) | 0x1e3n);
        expect(() => process.load8(address)).toThrow('SEGV_MAPERR');
        expect(registers(machine).errorCode).toBe(5);
        machine.check();
      },
    },
    'a gigabyte in which no memory lies is left out of the map': {
      source: 'arch/x86_64/mm/init.c: phys_pud_init (e820_mapped)',
      machines: ['x86_64'],
      holds: (arch) => {
        const [size, base] = [64 * MIB, 2 ** 39];
        const banks = [0, base].map((start) => ({ base: start, size }));
        const tables = (memory: readonly { base: number; size: number }[]): number =>
          new Machine({ arch, memory }).kernel.tablesInUse.reduce((sum, n) => sum + n, 0);
        // A pud and a pmd of the other bank's own, not a pmd for each gigabyte between.
        expect(tables(banks) - tables(banks.slice(0, 1))).toBe(2);
        const machine = new Machine({ arch, memory: banks });
        const wordOf = (physical: number): bigint | undefined => large(machine, pageOffset(arch) + BigInt(physical));
        expect((wordOf(base) ?? 0n) & ~NX).toBe(BigInt(base) | 0x1e3n);
        expect([2 ** 30, base - 2 ** 21].map(wordOf)).toEqual([0n, 0n]);
      },
    },
    'one translation serves a large page of it, and stays over a switch': {
      source: 'asm-i386/pgtable.h: PAGE_KERNEL_LARGE; asm-x86_64/pgtable.h: __PAGE_KERNEL_LARGE',
      holds: (arch) => {
        const machine = new Machine({ arch });
        machine.spawn().brk(0);
        const at = pageOffset(arch) + BigInt(8 * MIB);
        machine.kernelLoad8(at);
        machine.spawn().brk(0);
        const span = arch.name === 'i386' ? 4 * MIB : 2 * MIB;
        expect(growth(machine, 'walks', () => machine.kernelLoad8(at + BigInt(span - 1)))).toBe(0);
        expect(growth(machine, 'walks', () => machine.kernelLoad8(at + BigInt(span)))).toBe(1);
      },
    },
    'where memory ends the map does, at the end of a large page; what lies behind memory answers nothing': {
      source: 'arch/i386/mm/init.c: kernel_physical_mapping_init (pfn < max_low_pfn)',
      holds: (arch) => {
        const machine = new Machine({ arch, memory: 33 * MIB });
        const at = (mib: number): bigint => pageOffset(arch) + BigInt(mib * MIB);
        expect(machine.kernelLoad8(at(33) - 1n)).toBe(0);
        expect(() => machine.kernelLoad8(at(33))).toThrow('nothing answers');
        expect(() => machine.kernelLoad8(at(36))).toThrow('nothing is mapped there');
        machine.check();
      },
    },
    'memory from 896 MiB on is high memory, which has no place in it': {
      source: 'arch/i386/mm/init.c, kernel/setup.c: max_low_pfn, MAXMEM',
      machines: ['i386', 'i386-pae'],
      holds: (arch) => {
        const machine = new Machine({ arch, memory: 1024 * MIB });
        expect(machine.kernelLoad8(0xc000_0000n + BigInt(896 * MIB - 1))).toBe(0);
        expect(() => machine.kernelLoad8(0xc000_0000n + BigInt(896 * MIB))).toThrow('nothing is mapped there');
      },
    },
    'it may not be executed, on i386 but for the large pages that have the kernel itself': {
      source:
        'arch/i386/mm/init.c: is_kernel_text, PAGE_KERNEL_LARGE_EXEC; arch/x86_64/mm/init.c: phys_pmd_init (_PAGE_NX)',
      machines: ['i386-pae', 'x86_64'],
      holds: (arch) => {
        const nx = (machine: Machine, mib: number): boolean =>
          ((large(machine, pageOffset(arch) + BigInt(mib * MIB)) ?? 0n) & NX) !== 0n;
        const machine = new Machine({ arch });
        expect([nx(machine, 0), nx(machine, 2), nx(machine, 4)]).toEqual(
          arch.name === 'x86_64' ? [true, true, true] : [false, false, true],
        );
        const without = arch.name === 'x86_64' ? createX86_64({ nx: false }) : createI386Pae({ nx: false });
        expect(nx(new Machine({ arch: without }), 4)).toBe(false);
      },
    },
    "the first 40 MiB are mapped again for the kernel's text, executable; tables of the map are the kernel's alone": {
      source: 'arch/x86_64/kernel/head.S: level3_kernel_pgt, level2_kernel_pgt; asm-x86_64/pgtable.h: _KERNPG_TABLE',
      machines: ['x86_64'],
      holds: (arch) => {
        const machine = new Machine({ arch, memory: 16 * MIB });
        machine.kernelStore8(pageOffset(arch) + 0x12_3456n, 7);
        expect(machine.kernelLoad8(TEXT + 0x12_3456n)).toBe(7);
        expect(large(machine, TEXT + BigInt(38 * MIB))).toBe(BigInt(38 * MIB) | 0x183n);
        expect(large(machine, TEXT + BigInt(40 * MIB))).toBe(0n);
        const flags = entriesOf(machine, pageOffset(arch)).map((word) => word & 0xfffn);
        expect(flags).toEqual([0x063n, 0x063n, 0x1e3n]);
        // The vsyscall page below the same root entry is a program's.
        expect((entriesOf(machine, TEXT)[0] ?? 0n) & USER).toBe(USER);
      },
    },
  },
});
