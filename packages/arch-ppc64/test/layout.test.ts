import { describe, expect, test } from 'vitest';
import { createPpc64, HugeAreas, hugeSlot, ppc64_4k, ppc64_64k, ppc64Arches, Slb, userVsid } from '../src/index.js';

test('names and titles', () => {
  expect(ppc64Arches.map((arch) => arch.name)).toEqual(['ppc64-4k', 'ppc64-64k']);
  expect(ppc64Arches.every((arch) => arch.byteOrder === 'big' && arch.wordBits === 64)).toBe(true);
});

test('tables: levels, bytes, and the second half of the 64 KiB pte table', () => {
  expect([...ppc64_4k.geometry.tableBytes]).toEqual([4096, 1024, 1024, 4096]);
  expect([...ppc64_64k.geometry.tableBytes]).toEqual([128, 32768, 65536]);
  expect([...ppc64_64k.geometry.companionBytes]).toEqual([0, 0, 0x8000]);
  expect(ppc64_4k.geometry.folded).toEqual([]);
  expect(ppc64_64k.geometry.folded).toEqual(['pud']);
  expect(ppc64Arches.map((arch) => arch.geometry.coveredBits + arch.geometry.pageShift)).toEqual([44, 44]);
});

test('upper entries: 0 is none, anything else is present and never bad', () => {
  for (const arch of ppc64Arches) {
    const level = 'pmd';
    expect(arch.tables.decode(level, 0n)).toMatchObject({ none: true, present: false });
    expect(arch.tables.decode(level, 1n)).toMatchObject({ none: false, bad: false, present: true });
  }
  expect(ppc64_64k.tables.decode('pgd', 0xc000_0000_0001_01ffn).table).toBe(0x10000n);
});

test('a 64-bit task searches upward from 2^42; a 32-bit one downward from below its stack', () => {
  for (const arch of ppc64Arches) {
    const at = (page: number): bigint => BigInt(page) << BigInt(arch.geometry.pageShift);
    expect([at(arch.layout.unmappedBase), at(arch.layout.taskSizePages), arch.layout.topDownBase]).toEqual([
      0x400_0000_0000n,
      0x1000_0000_0000n,
      -1,
    ]);
  }
  const small = createPpc64({ task: 32 }).layout;
  expect([small.topDownBase, small.taskSizePages]).toEqual([0xf7fff, 0xfffff]);
  expect(createPpc64({ task: 32, pageShift: 16 }).layout.topDownBase).toBe(0xf7ff);
});

describe('huge areas', () => {
  const areas = new HugeAreas();
  areas.low = 0x0002;
  areas.high = 0x0001;

  test('an ordinary mapping may not touch an open area', () => {
    expect(areas.touches(0x1fff_f000n, 0x1000n)).toBe(true);
    expect(areas.touches(0x2000_0000n, 0x1000n)).toBe(false);
    expect(areas.touches(0xffff_f000n, 0x1000n)).toBe(false); // high area 0 begins at 4 GiB
    expect(areas.touches(0xffff_f000n, 0x2000n)).toBe(true);
    expect(areas.touches(2n ** 40n, 0x1000n)).toBe(false);
  });

  test('a huge mapping lies inside open areas of one side', () => {
    expect(areas.holds(0x1000_0000n, 2n ** 28n)).toBe(true);
    expect(areas.holds(0x1000_0000n, 2n ** 29n)).toBe(false);
    expect(areas.holds(2n ** 32n, 2n ** 24n)).toBe(true);
    expect([areas.has(0x1234_5678n), areas.has(0x2000_0000n), areas.has(2n ** 33n), areas.has(2n ** 41n)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test('a huge pte takes one of eight pmd slots, or one of 256 pte slots', () => {
    expect([hugeSlot(12).stride, hugeSlot(16).stride]).toEqual([8, 256]);
  });
});

describe('SLB', () => {
  test('slots 0 and 1 are bolted and survive every switch', () => {
    const slb = new Slb();
    for (let i = 0; i < 200; i++) slb.allocate(i, userVsid(1, i));
    expect(slb.flushUser()).toBe(1); // slbia and the erratum's slbie
    expect([...slb.esid].filter((esid) => esid >= 0)).toEqual([0xc00000000, 0xd00000000]);
    expect(slb.slotOf.every((slot) => slot === -1)).toBe(true);
  });

  test('up to eight segments are invalidated one by one, and one alone twice', () => {
    const slb = new Slb();
    slb.allocate(5, userVsid(1, 5));
    expect(slb.flushUser()).toBe(2);
    for (let i = 0; i < 8; i++) slb.allocate(i, userVsid(1, i));
    expect(slb.flushUser()).toBe(8);
    expect(slb.slotOf.every((slot) => slot === -1)).toBe(true);
  });
});
