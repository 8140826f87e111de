/** The walker, the handlers of dirty and access bits, and what not-present entries do. */
import { createIa64, ptaRegister, thash } from '@fourfold/arch-ia64';
import { Machine, type Process } from '@fourfold/core';
import { type ArchDescriptor, LOAD, STORE, TLB_TABLE } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

function mapped(arch: ArchDescriptor, prot: string, pages = 2): { machine: Machine; process: Process; at: bigint } {
  const machine = new Machine({ arch });
  const process = machine.spawn();
  const at = process.mmap({ length: pages * arch.pageSize, prot, flags: 'private|anonymous' });
  return { machine, process, at };
}

export default quirks({
  port: 'ia64',
  about: 'Misses',
  quirks: {
    'the first miss of a table walks in software, the next one of it in hardware, through the linear table': {
      source: 'arch/ia64/kernel/ivt.S: vhpt_miss; Itanium manual vol. 2: VHPT short format',
      holds: (arch) => {
        const { machine, process, at } = mapped(arch, 'rw');
        process.store8(at, 1);
        process.store8(at + BigInt(arch.pageSize), 1);
        machine.kernel.cpu.tlb.dropAll(false);
        const counts = (): number[] => [machine.counters.get('softwareFills'), machine.counters.get('walks')];
        const [fills, walks] = counts() as [number, number];
        process.load8(at);
        expect(counts()).toEqual([fills + 1, walks]);
        process.load8(at + BigInt(arch.pageSize));
        expect(counts()).toEqual([fills + 1, walks + 1]);
      },
    },
    'the walker caches an entry that is not present; the fault that follows purges it and may find nothing to do': {
      source: 'arch/ia64/kernel/ivt.S: page_not_present',
      holds: (arch) => {
        const { machine, process, at } = mapped(arch, 'rw', 2);
        process.store8(at, 1);
        const second = at + BigInt(arch.pageSize);
        const purged = machine.counters.get('purgedEntries');
        // The table page is in the TLB: the walker loads the empty entry of the second page.
        process.store8(second, 2);
        expect(machine.counters.get('purgedEntries')).toBeGreaterThan(purged);
        expect(process.load8(second)).toBe(2);
      },
    },
    'dirty and accessed are set by handlers of their own, without the page-fault handler': {
      source: 'arch/ia64/kernel/ivt.S: dirty_bit, daccess_bit',
      holds: (arch) => {
        const { machine, process, at } = mapped(arch, 'rw');
        const inode = machine.createFile('f', { size: arch.pageSize });
        const file = { inode, readable: true, writable: true, refs: 1 };
        process.mmap({ addr: at, length: arch.pageSize, prot: 'rw', flags: 'shared|fixed', file });
        process.load8(at);
        const before = [process.minFlt, machine.counters.get('dirtyAssists')] as const;
        process.store8(at, 1);
        expect([process.minFlt, machine.counters.get('dirtyAssists')]).toEqual([before[0], before[1] + 1]);
      },
    },
    'an access needs its own flag and no other: memory that may only be executed cannot be read, write-only cannot either':
      {
        source: 'arch/ia64/mm/fault.c: ia64_do_page_fault',
        holds: (arch) => {
          for (const prot of ['x', 'w']) {
            const { process, at } = mapped(arch, prot);
            expect(() => process.load8(at)).toThrow('SEGV_ACCERR');
          }
        },
      },
    'the linear table of a region lies at the top of its implemented addresses': {
      source: 'arch/ia64/mm/init.c: ia64_mmu_init (PTA); Itanium manual: thash',
      holds: ({ geometry }) => {
        const { pageShift } = geometry;
        const bits = 61 - pageShift + 3;
        expect(ptaRegister(pageShift, 60) & 0xffn).toBe(BigInt((bits << 2) | 1));
        const va = (3n << 61n) | (5n << BigInt(pageShift));
        expect(thash(pageShift, 60, va)).toBe((3n << 61n) | ((1n << 61n) - (1n << BigInt(bits))) | 40n);
      },
    },
    'a huge page has one pte, in the slot of its scaled address, and its size comes from the register of region 4': {
      source: 'arch/ia64/mm/hugetlbpage.c: huge_pte_alloc; asm-ia64/page.h: htlbpage_to_page',
      holds: (arch) => {
        const world = new HugeWorld(createIa64({ pageShift: arch.geometry.pageShift as 12, hugeShift: 22 }), 1);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        world.map(process, file, 0, 1);
        process.store8(world.at(0), 7);
        expect(world.at(0) >> 61n).toBe(4n);
        const misses = world.machine.counters.get('tlbDataMisses2');
        expect(process.load8(world.at(0) + world.size - 1n)).toBe(0);
        expect(world.machine.counters.get('tlbDataMisses2')).toBe(misses);
      },
    },
    'four levels are an option, with a slice of the pgd as wide as before': {
      source: 'asm-ia64/pgtable.h: CONFIG_PGTABLE_4',
      machines: ['ia64-4k', 'ia64-8k', 'ia64-16k'],
      holds: (arch) => {
        const pageShift = arch.geometry.pageShift as 12;
        const four = createIa64({ pageShift, levels: 4 });
        expect([four.geometry.depth, four.geometry.coveredBits]).toEqual([4, 4 * (pageShift - 3) - 3]);
        const { process, at } = mapped(four, 'rw');
        process.store8(at, 9);
        expect(process.load8(at)).toBe(9);
        expect(process.explain(at).levels.map(({ level }) => level)).toEqual(['pgd', 'pud', 'pmd', 'pte']);
      },
    },
    'the handler inserts nothing for an entry that is not present, not even the page of the linear table': {
      source: 'arch/ia64/kernel/ivt.S: vhpt_miss (tests p before itc)',
      holds: (arch) => {
        const { machine, process, at } = mapped(arch, 'rw', 2);
        process.store8(at, 1);
        const { cpu, mmu } = machine.kernel;
        cpu.tlb.dropAll(false);
        const vpn = (at + BigInt(arch.pageSize)) / BigInt(arch.pageSize);
        const halves = [Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn))] as const;
        for (let i = 0; i < 2; i++) expect(mmu.miss(cpu, LOAD, ...halves)).toBeLessThan(0);
        const contexts = Array.from({ length: cpu.tlb.slots }, (_, slot) => cpu.tlb.contextOf(slot));
        expect(contexts.filter((context) => context >= 0)).toEqual([]);
      },
    },
    'rights are looked at before d and a: a store to a clean page that is read-only sets neither': {
      source: 'arch/ia64/kernel/ivt.S: priorities in the comments of the vectors; Itanium manual vol. 2',
      holds: (arch) => {
        const { machine, process, at } = mapped(arch, 'rw');
        process.load8(at); // the zero page, read-only and clean
        const before = machine.counters.get('dirtyAssists');
        const faults = process.minFlt;
        process.store8(at, 1);
        expect([machine.counters.get('dirtyAssists'), process.minFlt]).toEqual([before, faults + 1]);
      },
    },
    'an area is found by what lies above: behind the last one nothing is, though the region goes on': {
      source: 'arch/ia64/mm/fault.c: ia64_do_page_fault (find_vma_prev)',
      holds: (arch) => {
        const { process, at } = mapped(arch, 'rw', 1);
        expect(() => process.load8(at + BigInt(arch.pageSize))).toThrow('SEGV_MAPERR');
      },
    },
    'a nested miss in region 4 takes the address unscaled where the defect is kept': {
      source: 'arch/ia64/kernel/ivt.S: nested_dtlb_miss',
      holds: (arch) => {
        const dirtied = (defects: 'kept' | 'mended'): boolean => {
          const pageShift = arch.geometry.pageShift as 12;
          const world = new HugeWorld(createIa64({ pageShift, hugeShift: 22 }), 2, { defects });
          const process = world.machine.spawn();
          const { file } = world.open('f');
          world.map(process, file, 1, 1);
          process.load8(world.at(1));
          const { cpu, memory, tables, mmu } = world.machine.kernel;
          const vpn = world.at(1) / BigInt(arch.pageSize);
          const [hi, lo] = [Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn))];
          // Clean, cached so, and then without the page of the linear table: the dirty handler has to walk.
          const at = tables.lookupHuge(process.mm, Number(vpn));
          memory.words[at] = (memory.words[at] as number) & ~0x40;
          cpu.tlb.dropAll(false);
          const slot = mmu.miss(cpu, LOAD, hi, lo);
          for (let i = 0; i < cpu.tlb.slots; i++) if ((cpu.tlb.attrsOf(i) & TLB_TABLE) !== 0) cpu.tlb.drop(i);
          mmu.denied(cpu, STORE, slot, hi, lo);
          return ((memory.words[at] as number) & 0x40) !== 0;
        };
        expect([dirtied('mended'), dirtied('kept')]).toEqual([true, false]);
      },
    },
  },
});
