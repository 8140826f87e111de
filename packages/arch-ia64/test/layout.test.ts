import { describe, expect, test } from 'vitest';
import {
  createIa64,
  ELF_ET_DYN_BASE,
  GATE_ADDR,
  hugeShifts,
  INSERTABLE_MASK,
  ia64Arches,
  isHugepageOnlyRange,
  LinearTable,
  linearTableBase,
  linearTableBits,
  nestedHugePgdIndex,
  ptaRegister,
  regionBase,
  stackTop,
  TASK_SIZE,
  thash,
  VMALLOC_START,
  vmallocEnd,
} from '../src/index.js';
import { PAGE_GATE, PAGE_READONLY } from '../src/pte.js';

const VMALLOC_END = {
  'ia64-4k': 0xa000_0080_0000_0000n,
  'ia64-8k': 0xa000_0800_0000_0000n,
  'ia64-16k': 0xa000_8000_0000_0000n,
  'ia64-64k': 0xa080_0000_0000_0000n,
} as const;

for (const arch of ia64Arches) {
  const { layout, geometry } = arch;
  const { pageShift } = geometry;
  const page = (address: bigint): number => Number(address >> BigInt(pageShift));

  describe(arch.name, () => {
    test('user space is five regions, of which the start can be mapped', () => {
      const limit = (1n << BigInt(4 * pageShift - 12)) - (1n << BigInt(pageShift));
      expect(layout.taskSizePages).toBe(page(TASK_SIZE));
      expect(layout.regionPages * 5).toBe(layout.taskSizePages);
      expect(layout.regionLimitPages).toBe(page(limit));
      expect(layout.maxLengthPages).toBe(page(limit));
      expect(layout.unmappedBase).toBe(page(regionBase(1)));
      expect(layout.topDownBase).toBe(-1);
      expect(layout.stackTop).toBe(page(regionBase(3) + limit));
      expect(layout.colourPages).toBe(2 ** (20 - pageShift));
      expect(layout.spec.gate).toEqual({
        start: GATE_ADDR,
        end: GATE_ADDR + 0x20000n,
        pages: [
          { offset: 0n, protection: PAGE_READONLY },
          { offset: 0x1_0000n, protection: PAGE_GATE },
        ],
        filler: PAGE_READONLY,
      });
    });

    test('VMALLOC_END', () => expect(vmallocEnd(pageShift)).toBe(VMALLOC_END[arch.name as keyof typeof VMALLOC_END]));

    for (const msb of [50, 60]) {
      test(`the linear table in page numbers says what thash says, IMPL_VA_MSB ${msb}`, () => {
        const table = new LinearTable(pageShift, msb);
        const limit = 1n << BigInt(Math.min(4 * pageShift - 12, msb));
        for (const region of [0, 1, 3, 4]) {
          for (const offset of [0n, 1n << BigInt(pageShift), 0x1234_5678n, limit / 2n + 0x5000n, limit - 1n]) {
            const va = regionBase(region) + offset;
            const vpn = va >> BigInt(pageShift);
            const hi = Number(vpn >> 32n);
            const lo = Number(BigInt.asIntN(32, vpn));
            const at = thash(pageShift, msb, va);
            const tablePage = (BigInt(table.pageHi(hi) >>> 0) << 32n) | BigInt(table.pageLo(hi, lo) >>> 0);
            expect(tablePage).toBe(at >> BigInt(pageShift));
            expect(table.contains(Number(tablePage))).toBe(true);
            expect(table.contains(Number(vpn))).toBe(false);
            const ptes = BigInt(2 ** table.pteBits);
            expect(BigInt(table.firstPageOf(Number(tablePage)))).toBe(vpn - (vpn % ptes));
          }
        }
      });
    }
  });
}

test('the PTA register of 16 KiB pages', () => {
  expect(ptaRegister(14, 50)).toBe(0x1fff_ff00_0000_00a1n);
  expect(ptaRegister(14, 60)).toBe(0x1ffc_0000_0000_00c9n);
  expect([linearTableBits(14, 50), linearTableBits(14, 60)]).toEqual([40, 50]);
  expect([linearTableBase(14, 50), linearTableBase(14, 60)]).toEqual([0x1fff_ff00_0000_0000n, 0x1ffc_0000_0000_0000n]);
});

test('addresses of the default kernel', () => {
  expect(stackTop(14, 3)).toBe(0x6000_0fff_ffff_c000n);
  expect(ELF_ET_DYN_BASE).toBe(0x2000_0008_0000_0000n);
  expect(VMALLOC_START).toBe(0xa000_0002_0000_0000n);
});

test('huge page sizes and ranges', () => {
  expect(hugeShifts(14, INSERTABLE_MASK)).toEqual([16, 18, 20, 22, 24, 26, 28]);
  expect(hugeShifts(16, INSERTABLE_MASK)).toEqual([18, 20, 22, 24, 26, 28]);
  expect(isHugepageOnlyRange(0x8000_0000_0000_0000n, 1n << 28n)).toBe(true);
  expect(isHugepageOnlyRange(0x7fff_ffff_ffff_f000n, 0x2000n)).toBe(false);
});

test('the nested handler of 2.6.16 loses region 4 of 64 KiB pages from its own index', () => {
  for (const pageShift of [12, 13, 14]) expect(nestedHugePgdIndex(0x8000_0000_1000_0000n, pageShift, 3, 28)).toBe(0);
  expect(nestedHugePgdIndex(0x8000_0000_1000_0000n, 16, 3, 28)).toBe(512);
});

describe('what cannot be built', () => {
  const REFUSED = [
    [{ pageShift: 16, levels: 4 }, 'three levels'],
    [{ pageShift: 16, vaMsb: 54 }, 'vaMsb from 55'],
    [{ vaMsb: 49 }, 'vaMsb from 50'],
    [{ vaMsb: 61 }, 'to 60'],
    [{ levels: 4, vaMsb: 54 }, 'vaMsb from 55'],
    [{ hugeShift: 15 }, 'hugeShift of 16, 18'],
    [{ hugeShift: 32 }, 'hugeShift'],
    [{ ridBits: 25 }, 'ridBits'],
  ] as const;
  for (const [options, message] of REFUSED) {
    test(JSON.stringify(options), () => expect(() => createIa64(options)).toThrow(message));
  }
});
