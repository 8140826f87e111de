/** Where page tables come from and go to: lists that each CPU keeps, by colour (an option of the machine). */
import { createSparc64, vpteColour } from '@fourfold/arch-sparc64';
import { Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

/** Bytes that a pte table translates. */
function span({ geometry }: ArchDescriptor): number {
  return 2 ** (geometry.pageShift - 3) * geometry.pageSize;
}

interface Setting {
  readonly arch: ArchDescriptor;
  readonly machine: Machine;
  readonly process: Process;
}

function started(of: ArchDescriptor, cpus = 1): Setting {
  const arch = createSparc64({ pageShift: of.geometry.pageShift as 13 | 16, quicklists: true });
  const machine = new Machine({ arch, cpus });
  return { arch, machine, process: machine.spawn() };
}

/** Address of the area at pte table `n` of the low half. */
function at({ arch }: Setting, n: number): bigint {
  return BigInt(0x10 + n) * BigInt(span(arch));
}

/** Maps and touches a page in each of pte tables [first, first + count). */
function touch(setting: Setting, first: number, count: number): void {
  const { process, arch } = setting;
  for (let i = first; i < first + count; i++) {
    process.mmap({ addr: at(setting, i), length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    process.store8(at(setting, i), 1);
  }
}

/** Pages that the lists of CPU `cpu` hold: root tables, colour 0, colour 1. */
function kept({ machine }: Setting, cpu = 0): number[] {
  const lists = machine.kernel.quicklists?.[cpu];
  return [-1, ...Array(machine.arch.quicklists?.colours).keys()].map((colour) => lists?.pagesOf(colour).length ?? -1);
}

/** Cache colour, in the kernel's map, of the page of the pte table of an address. */
function colourOf({ machine, process, arch }: Setting, address: bigint): number {
  const { tables, memory } = machine.kernel;
  const vpn = address / BigInt(arch.pageSize);
  const table = tables.walk(process.mm, Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn)));
  return memory.pageToPfn(memory.slot.indexOf(table)) % 2;
}

export default quirks({
  port: 'sparc64',
  about: 'Page tables on quicklists (an option of the machine)',
  quirks: {
    'the page of a pte table has the cache colour of its place in the linear table': {
      source: 'asm-sparc64/pgalloc.h: VPTE_COLOR, DCACHE_COLOR, pte_alloc_one_kernel',
      machines: ['sparc64-8k'],
      holds: (of) => {
        const setting = started(of);
        touch(setting, 0, 6);
        const addresses = Array.from({ length: 6 }, (_, i) => at(setting, i));
        const places = addresses.map((address) => vpteColour(13, address));
        expect(places).toEqual([0, 1, 0, 1, 0, 1]);
        expect(addresses.map((address) => colourOf(setting, address))).toEqual(places);
      },
    },
    'without one of the colour two pages in a row are taken, and the other goes to the list of its own': {
      source: 'asm-sparc64/pgalloc.h: pte_alloc_one_kernel',
      machines: ['sparc64-8k'],
      holds: (of) => {
        const setting = started(of);
        const spy = setting.machine.spy();
        touch(setting, 0, 1);
        const orders = [...spy.of('allocPage')].map(({ order }) => order as number);
        // The pmd page and the pair; the data page comes from no table.
        expect([orders.filter((order) => order === 1).length, kept(setting)]).toEqual([1, [0, 0, 1]]);
        touch(setting, 1, 1);
        expect([spy.of('allocPage').filter(({ order }) => order === 1).length, kept(setting)]).toEqual([1, [0, 0, 0]]);
      },
    },
    'with pages of 64 KiB there is one colour, and one page at a time': {
      source: 'asm-sparc64/pgalloc.h (L1DCACHE_SIZE > PAGE_SIZE)',
      machines: ['sparc64-64k'],
      holds: (of) => {
        const setting = started(of);
        const spy = setting.machine.spy();
        touch(setting, 0, 2);
        expect([...spy.of('allocPage')].every(({ order }) => order === 0)).toBe(true);
        expect(kept(setting)).toEqual([0, 0]);
      },
    },
    'tables that go are kept by the CPU that frees them, before anything is demapped': {
      source: 'asm-sparc64/pgalloc.h: pte_free_kernel, pmd_free; tlb.h: pte_free_tlb, pmd_free_tlb',
      holds: (of) => {
        const setting = started(of, 2);
        const { machine, process, arch } = setting;
        touch(setting, 0, 2);
        const before = kept(setting);
        process.runOn(1);
        process.brk(0);
        const spy = machine.spy();
        process.munmap(at(setting, 0), 2 * span(arch));
        expect(kept(setting)).toEqual(before);
        // Two pte tables, a pmd table.
        expect(kept(setting, 1).reduce((sum, n) => sum + n)).toBe(3);
        const names = [...spy.of('freeTable', 'freePage', 'flushTables', 'gatherFlush')].map(({ name }) => name);
        expect(names[0]).toBe('freeTable');
        machine.check();
      },
    },
    'a pmd table takes whatever colour there is, colour 0 first; root tables have a list of their own': {
      source: 'asm-sparc64/pgalloc.h: pmd_alloc_one_fast, get_pgd_fast',
      holds: (of) => {
        const setting = started(of);
        const { machine, process } = setting;
        touch(setting, 0, 2);
        process.exit();
        const [roots, ...colours] = kept(setting);
        expect([roots, colours.reduce((sum, n) => sum + n)]).toEqual([1, 3]);
        const spy = machine.spy();
        const next = { ...setting, process: machine.spawn() };
        touch(next, 0, 2);
        expect([spy.of('allocTable').length, kept(setting)]).toEqual([4, colours.length === 2 ? [0, 0, 0] : [0, 0]]);
        const pmd = spy.of('allocTable').find(({ level }) => level === 1)?.pa as number;
        if (colours.length === 2) expect((pmd / 8192) % 2).toBe(0);
        machine.check();
      },
    },
    'above 50 pages the end of a gather frees them, one of each list at a time, down to 25': {
      source: 'arch/sparc64/mm/init.c: check_pgt_cache; asm-sparc64/tlb.h: tlb_finish_mmu',
      holds: (of) => {
        const setting = started(of);
        const { machine, process, arch } = setting;
        const total = (): number => kept(setting).reduce((sum, n) => sum + n);
        touch(setting, 0, 48);
        process.munmap(at(setting, 0), 48 * span(arch));
        // 48 pte tables and a pmd table, and none of the 50 is too many.
        expect(total()).toBe(49);
        touch(setting, 0, 52);
        process.munmap(at(setting, 0), 52 * span(arch));
        expect(total()).toBe(25);
        machine.check();
      },
    },
    'what is on a list is full of zeros, and so needs no clearing': {
      source: 'asm-sparc64/pgalloc.h: pte_alloc_one_fast',
      holds: (of) => {
        const setting = started(of);
        const { machine, process, arch } = setting;
        touch(setting, 0, 3);
        process.munmap(at(setting, 0), 3 * span(arch));
        machine.check();
        const page = machine.kernel.quicklists?.[0]?.pagesOf(0)[0] as number;
        const { memory } = machine.kernel;
        memory.words[(memory.slot[page] as number) + 3] = 1;
        expect(() => machine.check()).toThrow('is not empty');
      },
    },
  },
});
