import { expect, test } from 'vitest';
import {
  hugePtes,
  sizeCode,
  sparc64Arches,
  taskSize,
  VpteArea,
  vpteAddress,
  vpteBase,
  vpteSize,
} from '../src/index.js';

/** The reference's table of page sizes. */
const EXPECTED = {
  'sparc64-8k': {
    entries: [2048, 2048, 1024],
    shifts: [34, 23, 13],
    vpteSize: 0x4_0000_0000n,
    taskSize: 0xffff_fffc_0000_0000n,
    vpteBase: 0xffff_fffe_0000_0000n,
    colourPages: 2,
    covered: 45,
    hugePtes: 512,
  },
  'sparc64-64k': {
    entries: [16384, 16384, 8192],
    shifts: [43, 29, 16],
    vpteSize: 0x8000_0000n,
    taskSize: 0xffff_ffff_8000_0000n,
    vpteBase: 0xffff_ffff_c000_0000n,
    colourPages: 1,
    covered: 57,
    hugePtes: 64,
  },
} as const;

for (const arch of sparc64Arches) {
  const want = EXPECTED[arch.name as keyof typeof EXPECTED];
  const { geometry: g, layout } = arch;
  const { pageShift } = g;

  test(`geometry as the reference's table: ${arch.name}`, () => {
    expect(g.names).toEqual(['pgd', 'pmd', 'pte']);
    expect(g.folded).toEqual(['pud']);
    expect([...g.bits].map((bits) => 2 ** bits)).toEqual(want.entries);
    expect([...g.shift].map((shift) => shift + pageShift)).toEqual(want.shifts);
    expect([...g.entryBytes]).toEqual([4, 4, 8]);
    expect([...g.tableBytes]).toEqual([g.pageSize, g.pageSize, g.pageSize]);
    expect(g.coveredBits + pageShift).toBe(want.covered);
    expect(hugePtes(pageShift)).toBe(want.hugePtes);
  });

  test(`layout: ${arch.name}`, () => {
    expect([vpteSize(pageShift), taskSize(pageShift), vpteBase(pageShift)]).toEqual([
      want.vpteSize,
      want.taskSize,
      want.vpteBase,
    ]);
    expect(layout.spec).toMatchObject({
      taskSize: want.taskSize,
      unmappedBase: 0xffff_f800_0000_0000n,
      stackTop: 0x800_0000_0000n,
      holes: [{ start: 0x800_0000_0000n, end: 0xffff_f800_0000_0000n }],
      maxLength: 2n ** 43n,
      brkFixedBits: 0xffff_f800_0000_0000n,
    });
    expect(layout.topDownBase).toBe(-1);
    expect(layout.colourPages).toBe(want.colourPages);
  });

  test(`the area in halves agrees with the addresses: ${arch.name}`, () => {
    const area = new VpteArea(pageShift);
    const shift = BigInt(pageShift);
    const low = (page: bigint): number => Number(BigInt.asIntN(32, page));
    expect(area.basePage).toBe(Number(vpteBase(pageShift) >> shift));
    expect(area.windowPage).toBe(Number(taskSize(pageShift) >> shift));
    expect(area.spacePages).toBe(Number((1n << 64n) >> shift));
    expect(area.topHi).toBe(Number((0xffff_ffff_ffff_ffffn >> shift) >> 32n));
    expect(area.baseLo).toBe(low(vpteBase(pageShift) >> shift));
    expect(area.windowLo).toBe(low(taskSize(pageShift) >> shift));
    expect(area.highLo).toBe(low(0xffff_f800_0000_0000n >> shift));
    for (const va of [0n, 0x7000_0000n, 0x7ff_ffff_0000n, 0xffff_f800_0000_0000n, want.taskSize - 0x10000n]) {
      expect(area.pageOf(Number(va >> shift))).toBe(Number(vpteAddress(pageShift, va) >> shift));
    }
  });

  test(`what is particular to the machine: ${arch.name}`, () => {
    expect(arch.byteOrder).toBe('big');
    expect(arch.madvRemove).toBe(6);
    expect(arch.physicalBits).toBe(41);
    expect(arch.pendingFlush).toMatchObject({ capacity: 192, skipWhenFullmm: true, queueHi: -0x8000_0000, queueLo: 0 });
    expect(arch.gather).toMatchObject({ capacity: 506, freesBeforeFlush: true });
  });
}

test('page size codes', () => expect([13, 16, 19, 22].map(sizeCode)).toEqual([0, 1, 2, 3]));
