/** Huge pages: region 4 with a page size of its own. */
import {
  createIa64,
  hugeShifts,
  hugeToPageAddress,
  INSERTABLE_MASK,
  isHugepageOnlyRange,
  nestedHugePgdIndex,
  purgePlan,
  regionBase,
  registersOf,
  thash,
} from '@fourfold/arch-ia64';
import type { Process } from '@fourfold/core';
import { type ArchDescriptor, type Cpu, LOAD } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

const BASE = regionBase(4);
/** 4 MiB: small enough for tests, and larger than a page on every machine. */
const HUGE_SHIFT = 22;

interface Scene {
  readonly world: HugeWorld;
  readonly process: Process;
}

function mapped(arch: ArchDescriptor, n: number, first = 0, pool = n): Scene {
  const world = new HugeWorld(createIa64({ pageShift: arch.geometry.pageShift as 12, hugeShift: HUGE_SHIFT }), pool);
  const process = world.machine.spawn();
  const { file } = world.open('f');
  world.map(process, file, first, n);
  for (let i = 0; i < n; i++) process.store8(world.at(first + i), i + 1);
  return { world, process };
}

export default quirks({
  port: 'ia64',
  about: 'Huge pages',
  quirks: {
    'region 4 keeps its page size when a context is loaded, and has one of its own from boot on': {
      source: 'asm-ia64/mmu_context.h: reload_context; arch/ia64/mm/hugetlbpage.c: hugetlb_setup_sz',
      holds: (arch) => {
        const { world, process } = mapped(arch, 1);
        const { cpu, mmu } = world.machine.kernel;
        const sizes = (): number[] => Array.from(registersOf(cpu).rr, (rr) => (rr >> 2) & 63).slice(0, 5);
        const { pageShift } = arch.geometry;
        const expected = [pageShift, pageShift, pageShift, pageShift, HUGE_SHIFT];
        const other = new HugeWorld(createIa64({ pageShift: pageShift as 12, hugeShift: HUGE_SHIFT }), 1, { cpus: 2 });
        // A CPU that has loaded no context yet: the size alone, no id and no walker.
        expect(registersOf(other.machine.kernel.cpus[1] as Cpu).rr[4]).toBe(HUGE_SHIFT << 2);
        expect(sizes()).toEqual(expected);
        mmu.flushMm(process.mm);
        expect(sizes()).toEqual(expected);
      },
    },
    'hugepagesz= takes what the processor can insert, above a page and below PAGE_SIZE << 17': {
      source: 'arch/ia64/mm/hugetlbpage.c: hugetlb_setup_sz',
      holds: ({ geometry: { pageShift } }) => {
        const all = [13, 14, 16, 18, 20, 22, 24, 26, 28];
        const most = { 12: 28, 13: 28, 14: 28, 16: 28 }[pageShift] as number;
        expect(hugeShifts(pageShift, INSERTABLE_MASK)).toEqual(all.filter((s) => s > pageShift && s <= most));
        expect(() => createIa64({ pageShift: pageShift as 12, hugeShift: 21 })).toThrow('hugeShift');
      },
    },
    'tables see a huge address scaled: the offset in the region shifted, the region as it was': {
      source: 'asm-ia64/page.h: htlbpage_to_page',
      holds: ({ geometry: { pageShift } }) => {
        const va = BASE + (5n << BigInt(HUGE_SHIFT)) + 0x123n;
        const offset = (5n << BigInt(pageShift)) + (0x123n >> BigInt(HUGE_SHIFT - pageShift));
        expect(hugeToPageAddress(va, pageShift, HUGE_SHIFT)).toBe(BASE + offset);
      },
    },
    'thash shifts by the page size of the region, behind a cut to the implemented bits': {
      source: 'Itanium manual vol. 2: thash, region register ps',
      holds: ({ geometry: { pageShift } }) => {
        const va = BASE + (5n << 28n);
        const table = thash(pageShift, 60, BASE, 28);
        expect(thash(pageShift, 60, va, 28) - table).toBe(5n * 8n);
        // An address with bits above IMPL_VA_MSB has the same pte as one without them.
        const msb = pageShift === 16 ? 55 : 50;
        expect(thash(pageShift, msb, va | (1n << 58n), 28)).toBe(thash(pageShift, msb, va, 28));
      },
    },
    'huge pages are next to each other in the tables: their ptes are neighbours in the slots of ordinary pages': {
      source: 'arch/ia64/mm/hugetlbpage.c: huge_pte_offset',
      holds: (arch) => {
        const { world, process } = mapped(arch, 2, 3);
        const { tables } = world.machine.kernel;
        const at = [3, 4].map((i) => tables.lookupHuge(process.mm, Number(world.at(i) / BigInt(arch.pageSize))));
        expect((at[1] as number) - (at[0] as number)).toBe(2);
        const scaled = hugeToPageAddress(world.at(3), arch.geometry.pageShift, HUGE_SHIFT);
        expect(tables.lookupPage(process.mm, Number(scaled / BigInt(arch.pageSize)))).toBe(at[0]);
      },
    },
    'one translation of the TLB serves all of a huge page': {
      source: 'arch/ia64/kernel/ivt.S: vhpt_miss (ITIR page size)',
      holds: (arch) => {
        const { world, process } = mapped(arch, 1);
        const { cpu } = world.machine.kernel;
        const last = world.at(0) + world.size - 1n;
        process.load8(last);
        const vpn = last / BigInt(arch.pageSize);
        const slot = cpu.tlb.find(
          LOAD,
          Number(BigInt.asIntN(32, vpn >> 32n)),
          Number(BigInt.asIntN(32, vpn)),
          cpu.context,
        );
        expect(cpu.tlb.spanOf(slot)).toBe(HUGE_SHIFT - arch.geometry.pageShift);
      },
    },
    'the range that can be mapped is that of unscaled addresses: what has a slot behind it is refused before any walk':
      {
        source: 'arch/ia64/kernel/ivt.S: vhpt_miss (RGN_MAP_SHIFT on the unscaled offset)',
        holds: (arch) => {
          const { world } = mapped(arch, 1);
          const { cpu, mmu, counters } = world.machine.kernel;
          const { coveredBits, pageShift } = arch.geometry;
          const vpn = (BASE + (1n << BigInt(coveredBits + pageShift))) / BigInt(arch.pageSize);
          const walked = counters.get('softwareFills');
          const [hi, lo] = [Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn))];
          expect(mmu.miss(cpu, LOAD, hi, lo)).toBeLessThan(0);
          expect(counters.get('softwareFills')).toBe(walked);
        },
      },
    'only both ends in region 4 make a range one of huge pages': {
      source: 'asm-ia64/page.h: is_hugepage_only_range',
      holds: () => {
        expect([isHugepageOnlyRange(BASE, 1n << 61n), isHugepageOnlyRange(BASE - 1n, 2n)]).toEqual([true, false]);
        expect(isHugepageOnlyRange(BASE, (1n << 61n) + 1n)).toBe(false);
      },
    },
    'a mapping of huge pages goes to region 4 whatever the hint, and nowhere else': {
      source: 'arch/ia64/mm/hugetlbpage.c: hugetlb_get_unmapped_area, is_aligned_hugepage_range',
      holds: (arch) => {
        const { world, process } = mapped(arch, 1, 0, 3);
        const { file } = world.open('g');
        const length = world.size;
        const options = { length, prot: 'rw', flags: 'shared', file } as const;
        // Found behind the first one, in steps of a huge page, from the start of the region.
        expect(process.mmap({ ...options, addr: regionBase(1) })).toBe(world.at(1));
        expect(() => process.mmap({ ...options, addr: regionBase(1), flags: 'shared|fixed' })).toThrow('EINVAL');
      },
    },
    'tables are freed by scaled addresses, and stay while an area of huge pages next to it has its slots there': {
      source: 'arch/ia64/mm/hugetlbpage.c: hugetlb_free_pgd_range',
      holds: (arch) => {
        const { world, process } = mapped(arch, 1, 0, 3);
        const tables = (): number => process.mm.nrPtes;
        world.map(process, world.open('g').file, 2, 1);
        process.store8(world.at(2), 7);
        const both = tables();
        process.munmap(world.at(0), world.size);
        expect([process.load8(world.at(2)), tables()]).toEqual([7, both]);
        process.munmap(world.at(2), world.size);
        expect(tables()).toBe(both - 1);
        world.machine.check();
      },
    },
    'get_user_pages finds the slot by the scaled address and the base page in it by the rest of the other': {
      source: 'arch/ia64/mm/hugetlbpage.c: follow_huge_addr',
      holds: (arch) => {
        const { world, process } = mapped(arch, 2);
        const page = BigInt(arch.pageSize);
        const [head] = process.pin(world.at(1), 1, false) as [number];
        const inside = process.pin(world.at(1) + 5n * page + 1n, 2, false);
        expect(inside).toEqual([head + 5, head + 6]);
        const [last, next] = process.pin(world.at(1) - page, 2, false) as [number, number];
        expect([last - (process.pin(world.at(0), 1, false)[0] as number), next]).toEqual([
          2 ** HUGE_SHIFT / arch.pageSize - 1,
          head,
        ]);
      },
    },
    'unmapping purges the pages; a step of the purge may be larger than what is unmapped': {
      source: 'mm/hugetlb.c: unmap_hugepage_range; arch/ia64/mm/tlb.c: flush_tlb_range',
      holds: () => {
        const start = BASE + (1n << 28n);
        expect(purgePlan(start, start + 3n * (1n << 28n))).toEqual({ bits: 32, first: BASE, purges: 1 });
      },
    },
    'the nested handler of 2.6.16 shifts the region number along: with 64 KiB pages it comes out in the pgd slice': {
      source: 'arch/ia64/kernel/ivt.S: nested_dtlb_miss',
      holds: ({ geometry: { pageShift } }) => {
        expect(nestedHugePgdIndex(BASE + (1n << 28n), pageShift, 3, 28)).toBe(pageShift === 16 ? 512 : 0);
      },
    },
  },
});
