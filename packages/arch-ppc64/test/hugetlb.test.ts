/** Huge pages: the hash table of 16 MiB entries, segments of two page sizes, and the areas that huge pages live in. */
import { FAULT_ABSENT, FAULT_RIGHTS, type Mm } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import {
  createPpc64,
  HugeAreaChooser,
  hugeAreasOf,
  hugeSlot,
  type Ppc64Registers,
  SLB_NUM_BOLTED,
} from '../src/index.js';
import { TestHost } from './host.js';

const EXEC = 0;
const LOAD = 1;
const STORE = 2;
const GROUPS = 0x20000;
const EBUSY = -16;
const ENOMEM = -12n;
const MB = 2n ** 20n;
const GB = 2n ** 30n;
const TB = 2n ** 40n;

interface SetUp {
  readonly host: TestHost;
  readonly mm: Mm;
  /** The huge pte's word. */
  read(): bigint;
  write(word: bigint): void;
}

/** A host whose memory holds the 16 MiB from `pfn` on behind 0x40 (or 4) pages of tables, and a huge pte for `ea`. */
function setUp(pageShift: 12 | 16, ea: bigint, pfn: number, word: bigint, cpus = 1): SetUp {
  const small = pageShift === 12;
  const arch = createPpc64({ pageShift });
  const host = new TestHost(arch, {
    pages: small ? 0x2400 : 0x240,
    firstPfn: pfn - 0x40,
    groups: GROUPS,
    cpus,
  });
  const mm = host.run();
  const areas = hugeAreasOf(mm);
  if (ea < 4n * GB) areas.low = 1 << Number(ea >> 28n);
  else areas.high = 1 << Number(ea >> 40n);
  const level = arch.geometry.levelOf(hugeSlot(pageShift).level);
  const vpn = Number((ea & ~(16n * MB - 1n)) >> BigInt(pageShift));
  const at = host.entryAt(mm, vpn, level, true);
  host.write(at, word, level);
  return { host, mm, read: () => host.read(at, level), write: (to) => host.write(at, to, level) };
}

describe('hash_huge_page', () => {
  test.each([
    ['4 KiB pages', 12, 0x21000, 0x0000000420000393n, 0x0000000420002793n],
    ['64 KiB pages', 16, 0x2100, 0x0000210000000393n, 0x0000210000002793n],
  ] as const)(
    'one large entry for a store anywhere in the page (vectors 12.3 #20, #21): %s',
    (_name, shift, pfn, before, after) => {
      const { host, read } = setUp(shift, 0xf1000000n, pfn, before);
      host.occupy(0x07c55, 2);
      const slot = host.access(STORE, 0xf1abcdefn);
      expect(slot).toBeGreaterThanOrEqual(0);
      expect(host.hpte(0x07c55, 2)).toEqual({ v: 0x0000799927c54105n, r: 0x0000000021000016n });
      expect(read()).toBe(after);
      const { tlb } = host.cpu;
      expect([tlb.pageOf(slot), tlb.spanOf(slot), tlb.frameOf(slot), tlb.rightsOf(slot)]).toEqual([
        0xf1000, 12, 0x40, 6,
      ]);
      expect(host.access(LOAD, 0xf1ffffffn)).toBe(slot);
      expect(host.counters.get('softwareFills')).toBe(1);
    },
  );

  test('the highest area hashes as vector 12.3 #22 says', () => {
    const { host } = setUp(12, 0xf0000000000n, 0x21000, 0x0000000420000393n);
    expect(host.access(LOAD, 0xf0000000000n)).toBeGreaterThanOrEqual(0);
    expect(host.hpte(0x05172 & (GROUPS - 1), 0).v).toBe(0x0000e5dd45172005n);
  });

  test('a read-only page makes a read-only entry; a store, and a fetch without EXEC, are refused', () => {
    const { host } = setUp(12, 0xf1000000n, 0x21000, 0x0000000420000113n);
    expect(host.access(LOAD, 0xf1000000n)).toBeGreaterThanOrEqual(0);
    expect(host.hpte(0x07c55 & (GROUPS - 1), 0).r & 0xfffn).toBe(0x17n);
    expect(host.access(STORE, 0xf1000000n)).toBe(FAULT_RIGHTS);
    expect(host.access(EXEC, 0xf1000000n)).toBe(FAULT_RIGHTS);
  });

  test('no pte and a busy one are page faults', () => {
    const { host, write } = setUp(12, 0xf1000000n, 0x21000, 0n);
    expect(host.access(LOAD, 0xf1000000n)).toBe(FAULT_ABSENT);
    write(0x0000000420000b93n);
    expect(host.access(LOAD, 0xf1000000n)).toBe(FAULT_ABSENT);
  });

  test('an entry that was thrown out is made again; the batch takes it out and the page leaves every TLB', () => {
    const { host, mm, read, write } = setUp(12, 0xf1000000n, 0x21000, 0x0000000420000393n);
    host.access(LOAD, 0xf1000000n);
    const group = 0x07c55 & (GROUPS - 1);
    host.mmu.table.evict(group, 0);
    host.cpu.tlb.dropAll(false);
    expect(host.access(LOAD, 0xf1000000n)).toBeGreaterThanOrEqual(0);
    expect(host.hpte(group, 0).v).toBe(0x0000799927c54105n);
    const { batch } = host.cpu;
    const old = read();
    write(0n);
    batch.mm = mm;
    batch.huge = true;
    batch.vpn[0] = 0xf1000;
    batch.oldHi[0] = Number(old >> 32n);
    batch.oldLo[0] = Number(BigInt.asIntN(32, old));
    batch.nr = 1;
    host.mmu.flushPending(host.cpu);
    expect([host.hpte(group, 0).v, host.cpu.tlb.wideSlots, host.hashed()]).toEqual([0n, 0, 0]);
    expect(host.access(LOAD, 0xf1000000n)).toBe(FAULT_ABSENT);
  });
});

describe('areas', () => {
  const arch = createPpc64({ pageShift: 12 });

  function chooser(task: 32 | 64 = 64) {
    const host = new TestHost(createPpc64({ pageShift: 12, task }), { cpus: 2 });
    const mm = host.run();
    const dropped: [number, number, number][] = [];
    const areas = new HugeAreaChooser(host, (cpu, first, count) => dropped.push([cpu.id, first, count]));
    const map = (start: bigint, bytes: bigint): void => {
      host.addArea(mm, Number(start >> 12n), Number((start + bytes) >> 12n));
    };
    return { host, mm, areas, dropped, map, open: hugeAreasOf(mm) };
  }

  test('an area with a mapping in it is busy, and nothing is opened', () => {
    const { mm, areas, map, open } = chooser();
    map(0x2fff_f000n, 0x1000n);
    expect(areas.prepare(mm, 0x1000_0000n, 512n * MB)).toBe(EBUSY);
    expect([open.low, open.high]).toEqual([0, 0]);
    expect(areas.prepare(mm, 0x1000_0000n, 256n * MB)).toBe(0);
    expect(open.low).toBe(0b10);
    // High area 0 begins at 4 GiB: what lies below does not keep it busy.
    expect(areas.prepare(mm, 4n * GB, 16n * MB)).toBe(0);
    map(TB - 0x1000n, 0x1000n);
    expect([areas.prepare(mm, 8n * GB, 16n * MB), areas.prepare(mm, TB, 16n * MB), open.high]).toEqual([0, 0, 0b11]);
  });

  test('across 4 GiB the answer for the high half is the one given', () => {
    const { mm, areas, map, open } = chooser();
    map(0xf000_0000n, 0x1000n);
    expect(areas.prepare(mm, 4n * GB - 16n * MB, 32n * MB)).toBe(0);
    expect([open.low, open.high]).toEqual([0, 1]);
  });

  test('CPUs that run the mm drop the segments of what is opened', () => {
    const { mm, areas, dropped } = chooser();
    areas.prepare(mm, 0x1000_0000n, 512n * MB);
    areas.prepare(mm, 3n * TB, 16n * MB);
    areas.prepare(mm, 3n * TB, 16n * MB);
    expect(dropped).toEqual([
      [0, 1, 1],
      [0, 2, 1],
      [0, 3 * 4096, 4096],
    ]);
  });

  test('addresses: a free hint above 4 GiB, then gaps in open areas, then areas from the top', () => {
    const { mm, areas, map, open } = chooser();
    expect(areas.choose(mm, 0n, 16n * MB)).toBe(15n * TB);
    expect(open.high).toBe(1 << 15);
    map(15n * TB, 16n * MB);
    expect(areas.choose(mm, 0n, 16n * MB)).toBe(15n * TB + 16n * MB);
    expect(areas.choose(mm, 0x2000_0000n, 16n * MB)).toBe(15n * TB + 16n * MB); // a hint below 4 GiB is none
    expect(areas.choose(mm, 5n * TB + 4096n, 16n * MB)).toBe(5n * TB + 4096n); // refused later for its alignment
    expect(open.high).toBe((1 << 15) | (1 << 5));
    expect(areas.choose(mm, 0n, 20n * TB)).toBe(ENOMEM);
  });

  test('a 32-bit task looks below 4 GiB', () => {
    const { mm, areas, map, open } = chooser(32);
    expect(areas.choose(mm, 0n, 16n * MB)).toBe(0xf000_0000n);
    expect(open.low).toBe(0x8000);
    map(0xf000_0000n, 16n * MB);
    expect(areas.choose(mm, 0x3000_0000n, 16n * MB)).toBe(0x3000_0000n);
    expect(open.low).toBe(0x8008);
  });

  test('an ordinary mapping goes on behind the area, or before it', () => {
    const { mm, areas } = chooser();
    expect(areas.past(mm, 0x1000_0000n, 4096n, true)).toBe(-1n);
    areas.prepare(mm, 0x1000_0000n, 16n * MB);
    areas.prepare(mm, 2n * TB, 16n * MB);
    expect(areas.past(mm, 0x1234_5000n, 4096n, true)).toBe(0x2000_0000n);
    expect(areas.past(mm, 0x1234_5000n, 4096n, false)).toBe(0x1000_0000n);
    expect(areas.past(mm, 2n * TB + 4096n, 4096n, true)).toBe(3n * TB);
    expect(areas.past(mm, 2n * TB + 4096n, 4096n, false)).toBe(2n * TB);
  });

  test('segments are loaded with the page size of their area, and loaded anew when it is opened', () => {
    const host = new TestHost(arch);
    const mm = host.run();
    const { slb } = host.cpu.registers as Ppc64Registers;
    host.access(LOAD, 0x3000_0000n);
    const before = slb.slotOf[3] as number;
    expect([before >= SLB_NUM_BOLTED, slb.large[before]]).toEqual([true, 0]);
    expect(host.mmu.prepareHugepageRange(mm, 0x30000, 4096)).toBe(0);
    expect(slb.slotOf[3]).toBe(-1);
    host.access(LOAD, 0x3000_0000n);
    expect(slb.large[slb.slotOf[3] as number]).toBe(1);
    expect(host.mmu.isHugepageOnlyRange(mm, 0x3ffff, 1)).toBe(true);
    expect(host.mmu.isHugepageOnlyRange(mm, 0x40000, 1)).toBe(false);
  });
});
