/** The kernel's entries in the tables of every address space. */
import { kernelLoad, kernelStore, Machine, runToEnd, vfree, vmalloc } from '@fourfold/core';
import type { ArchDescriptor, Mm } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';
import { growth, registers } from './scene.js';

/** Present entries of a root, by index. */
function present(machine: Machine, mm: Mm): number[] {
  const { tables, arch } = machine.kernel;
  const words = (arch.geometry.entryBytes[0] as number) / 4;
  return Array.from({ length: 1 << (arch.geometry.bits[0] as number) }, (_, i) => i).filter(
    (i) => (tables.entryLo(0, mm.rootWord + i * words) & 1) !== 0,
  );
}

function rootIndex(arch: ArchDescriptor, address: bigint): number {
  const shift = BigInt((arch.geometry.shift[0] as number) + arch.geometry.pageShift);
  return Number((address >> shift) & ((1n << BigInt(arch.geometry.bits[0] as number)) - 1n));
}

export default quirks({
  port: 'x86',
  about: "The kernel's mappings",
  quirks: {
    "a new page directory gets the kernel's entries that there are; one that comes later is copied by the kernel's own fault, one entry of the root at a time":
      {
        source: 'arch/i386/mm/pgtable.c: pgd_ctor; arch/i386/mm/fault.c, arch/x86_64/mm/fault.c: vmalloc_fault',
        machines: ['i386', 'x86_64'],
        holds: (arch) => {
          const machine = new Machine({ arch });
          const k = machine.kernel;
          const old = machine.spawn();
          old.brk(0);
          const at = runToEnd(vmalloc(k, machine.pageSize));
          const index = rootIndex(arch, at);
          expect(present(machine, old.mm)).not.toContain(index);
          kernelStore(k, k.cpu, at, 7);
          expect(present(machine, old.mm)).toContain(index);
          expect(registers(machine).vmallocFaults).toBe(1);
          expect(kernelLoad(k, k.cpu, at)).toBe(7);
          const young = machine.spawn();
          young.brk(0);
          expect(present(machine, young.mm)).toContain(index);
          expect(kernelLoad(k, k.cpu, at)).toBe(7);
          expect(registers(machine).vmallocFaults).toBe(1);
          machine.check();
        },
      },
    "a fork's page directory is made from the kernel's own, not from the parent's": {
      source: 'arch/i386/mm/pgtable.c: pgd_alloc; asm-x86_64/pgalloc.h: pgd_alloc',
      machines: ['i386', 'x86_64'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const parent = machine.spawn();
        parent.brk(0);
        const at = runToEnd(vmalloc(machine.kernel, machine.pageSize));
        const child = parent.fork();
        const index = rootIndex(arch, at);
        expect([present(machine, parent.mm).includes(index), present(machine, child.mm).includes(index)]).toEqual([
          false,
          true,
        ]);
      },
    },
    'all share the pmd of the fourth gigabyte: what the kernel maps there is in every address space at once': {
      source: 'asm-i386/pgtable-3level-defs.h: SHARED_KERNEL_PMD; arch/i386/mm/fault.c: vmalloc_fault',
      machines: ['i386-pae'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const k = machine.kernel;
        const [one, two] = [machine.spawn(), machine.spawn()];
        const pointer = (mm: Mm | null): number => k.tables.entryLo(0, (mm?.rootWord ?? 0) + 6);
        expect([pointer(one.mm), pointer(two.mm)]).toEqual([pointer(k.initMm), pointer(k.initMm)]);
        one.brk(0);
        const at = runToEnd(vmalloc(k, machine.pageSize));
        kernelStore(k, k.cpu, at, 7);
        expect(registers(machine).vmallocFaults).toBe(0);
      },
    },
    'the three pmd pages of user space come and go with the page directory: unmapping everything frees none of them': {
      source: 'arch/i386/mm/pgtable.c: pgd_alloc, pgd_free; asm-i386/pgalloc.h: pmd_free does nothing',
      machines: ['i386-pae'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const pmds = (): number => machine.kernel.tablesInUse[1] as number;
        const before = pmds();
        const process = machine.spawn();
        expect(pmds() - before).toBe(3);
        const at = process.mmap({ length: machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        process.munmap(at, machine.pageSize);
        expect(pmds() - before).toBe(3);
        process.exit();
        expect(pmds()).toBe(before);
      },
    },
    "the kernel's part of a root begins at entry 768 of 1,024, 3 of 4, 258 of 512": {
      source: 'asm-i386/pgtable.h: USER_PTRS_PER_PGD; asm-x86_64/pgtable.h: pgd_index(PAGE_OFFSET)',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const kernel = present(machine, machine.spawn().mm).filter(
          (i) => i >= (arch.kernelSpace?.firstRootEntry as number),
        );
        // 64 MiB of memory: sixteen large pages of 4 MiB in i386's root.
        const expected = {
          i386: [[...Array.from({ length: 16 }, (_, i) => 768 + i), 1023], 768],
          'i386-pae': [[3], 3],
          x86_64: [[258, 511], 258],
        }[arch.name];
        expect([kernel, arch.kernelSpace?.firstRootEntry]).toEqual(expected);
      },
    },
    'vmalloc begins 8 MiB above 896 of memory, or at 0xFFFFC20000000000, with a hole of a page behind each area': {
      source: 'asm-i386/pgtable.h: VMALLOC_OFFSET, VMALLOC_START; asm-x86_64/pgtable.h: VMALLOC_START, VMALLOC_END',
      holds: (arch) => {
        const k = new Machine({ arch }).kernel;
        const start = arch.name === 'x86_64' ? 0xffff_c200_0000_0000n : 0xf880_0000n;
        expect([runToEnd(vmalloc(k, 1)), runToEnd(vmalloc(k, 1))]).toEqual([start, start + 0x2000n]);
        const end = { i386: 0xff7f_e000n, 'i386-pae': 0xffbf_e000n, x86_64: 0xffff_e200_0000_0000n }[
          arch.name
        ] as bigint;
        expect(arch.kernelSpace?.end).toBe(Number(end / 4096n));
      },
    },
    'the four pointers lie in 32 bytes at a multiple of 32, many roots to a page': {
      source:
        'arch/i386/mm/init.c: pgtable_cache_init (PTRS_PER_PGD * sizeof(pgd_t), aligned so); IA-32 manual vol. 3: CR3',
      machines: ['i386-pae'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const roots = Array.from({ length: 3 }, () => machine.spawn().mm.rootPa);
        expect(roots.map((root) => root % 32)).toEqual([0, 0, 0]);
        expect(new Set(roots.map((root) => Math.floor(root / 4096))).size).toBe(1);
        const process = machine.spawn();
        process.brk(0);
        expect(registers(machine).cr3).toBe(process.mm.rootPa);
      },
    },
    "the kernel's pages are global: they stay in the TLB over switches of the address space": {
      source: 'asm-i386/pgtable.h: _PAGE_KERNEL with _PAGE_GLOBAL; asm-i386/tlbflush.h: __flush_tlb',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const k = machine.kernel;
        const at = runToEnd(vmalloc(k, machine.pageSize));
        machine.spawn().brk(0);
        kernelLoad(k, k.cpu, at);
        machine.spawn().brk(0);
        expect(growth(machine, 'walks', () => kernelLoad(k, k.cpu, at))).toBe(0);
      },
    },
    'flush_tlb_kernel_range takes no notice of its range: CR4.PGE is toggled on every CPU, and all global pages go': {
      source:
        'asm-i386/tlbflush.h, asm-x86_64/tlbflush.h: flush_tlb_kernel_range; arch/i386/kernel/smp.c: flush_tlb_all',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 2 });
        const k = machine.kernel;
        const [kept, freed] = [runToEnd(vmalloc(k, machine.pageSize)), runToEnd(vmalloc(k, machine.pageSize))];
        for (const cpu of k.cpus) machine.spawn({ cpu: cpu.id }).brk(0);
        for (const cpu of k.cpus) for (const at of [kept, freed]) kernelLoad(k, cpu, at);
        expect(growth(machine, 'ipiFlushAll', () => runToEnd(vfree(k, freed)))).toBe(1);
        expect([registers(machine, 0).pgeToggles, registers(machine, 1).pgeToggles]).toEqual([1, 1]);
        for (const cpu of k.cpus) {
          expect(growth(machine, 'walks', () => kernelLoad(k, cpu, kept))).toBeGreaterThan(0);
          expect(() => kernelLoad(k, cpu, freed)).toThrow('MM_OOPS');
        }
        machine.check();
      },
    },
    'the kernel may not store where RW is clear, as users may not: CR0.WP': {
      source: 'arch/i386/kernel/head.S, arch/x86_64/kernel/head.S: CR0; IA-32 manual vol. 3, 4.11.3',
      holds: (arch) => {
        const machine = new Machine({ arch });
        machine.spawn().brk(0);
        const gate = arch.layout.spec.gate?.start as bigint;
        expect(machine.kernelLoad8(gate)).toBe(0);
        expect(() => machine.kernelStore8(gate, 1)).toThrow('it is read-only');
        expect(registers(machine).errorCode).toBe(3);
      },
    },
    "the kernel reads a program's page with the program's translation, and it with the kernel's: one set of tables, one TLB":
      {
        source: 'asm-i386/uaccess.h: __get_user; arch/i386/kernel/entry.S (no switch of CR3)',
        holds: (arch) => {
          const machine = new Machine({ arch });
          const k = machine.kernel;
          const process = machine.spawn();
          const at = process.mmap({ length: machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
          process.store8(at, 5);
          expect(growth(machine, 'walks', () => expect(kernelLoad(k, k.cpu, at)).toBe(5))).toBe(0);
          k.cpu.tlb.dropAll(false);
          expect(growth(machine, 'walks', () => expect(kernelLoad(k, k.cpu, at)).toBe(5))).toBe(1);
          expect(growth(machine, 'walks', () => expect(process.load8(at)).toBe(5))).toBe(0);
          machine.check();
          process.munmap(at, machine.pageSize);
          expect(() => kernelLoad(k, k.cpu, at)).toThrow('MM_OOPS');
          machine.check();
        },
      },
    "a user that touches the kernel's mappings faults on a present page, and gets no entry copied for it": {
      source: 'arch/i386/mm/fault.c: do_page_fault (error_code & 5)',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const k = machine.kernel;
        const process = machine.spawn();
        process.brk(0);
        const at = runToEnd(vmalloc(k, machine.pageSize));
        expect(() => process.load8(at)).toThrow('SEGV_MAPERR');
        expect([registers(machine).vmallocFaults, registers(machine).errorCode & 5]).toEqual([
          0,
          arch.name === 'i386-pae' ? 5 : 4,
        ]);
        kernelLoad(k, k.cpu, at);
        expect(() => process.load8(at)).toThrow('SEGV_MAPERR');
        expect(registers(machine).errorCode & 7).toBe(5);
      },
    },
  },
});
