import { type PteChange, wordToBigInt } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  A_LO,
  createUpperFormat,
  D_LO,
  IA64_MAX_PHYS_BITS,
  ia64_16k,
  ia64Arches,
  LINEAR_TABLE_ATTRIBUTES,
  P_LO,
  PAGE_A,
  PAGE_CHG_MASK,
  PAGE_D,
  PAGE_GATE,
  PAGE_KERNEL,
  PAGE_KERNELRX,
  PAGE_P,
  PAGE_ZERO_VMA,
  PPN_MASK,
  unimplementedPaMask,
} from '../src/index.js';

const UPPER = createUpperFormat(IA64_MAX_PHYS_BITS);

const ALL = 0xffff_ffff_ffff_ffffn;
const word = fc.bigInt({ min: 0n, max: ALL });

/** xwr as bits 2:0, shared as bit 3. */
const PROTECTION: readonly bigint[] = [
  0x8000_0000_0000_0020n,
  0x0010_0000_0000_01a1n,
  0x0010_0000_0000_01a1n,
  0x0010_0000_0000_01a1n,
  0x0010_0000_0000_0fa1n,
  0x0010_0000_0000_03a1n,
  0x0010_0000_0000_03a1n,
  0x0010_0000_0000_03a1n,
  0x8000_0000_0000_0020n,
  0x0010_0000_0000_01a1n,
  0x0010_0000_0000_05a1n,
  0x0010_0000_0000_05a1n,
  0x0010_0000_0000_0fa1n,
  0x0010_0000_0000_03a1n,
  0x0010_0000_0000_07a1n,
  0x0010_0000_0000_07a1n,
];

/** Bits each change sets and clears: nothing else may move. */
const CHANGES: readonly { name: PteChange; sets?: bigint; clears?: bigint }[] = [
  { name: 'mkyoung', sets: 0x20n },
  { name: 'mkold', clears: 0x20n },
  { name: 'mkdirty', sets: 0x40n },
  { name: 'mkclean', clears: 0x40n },
  { name: 'mkwrite', sets: 0x400n },
  { name: 'wrprotect', clears: 0x400n },
  { name: 'mkexec', sets: 0x200n },
  { name: 'mkhuge', sets: 0x1n },
  { name: 'rdprotect' },
  { name: 'exprotect' },
  { name: 'mkread' },
];

/** Software's and hardware's view of each value of ar: read, write, exec. Hardware: CPL 3, pl 3. */
const RIGHTS = [
  { ar: 0, software: 'r--', hardware: 'r--', wrprotect: 0, mkwrite: 2 },
  { ar: 1, software: 'r-x', hardware: 'r-x', wrprotect: 1, mkwrite: 3 },
  { ar: 2, software: 'rw-', hardware: 'rw-', wrprotect: 0, mkwrite: 2 },
  { ar: 3, software: 'rwx', hardware: 'rwx', wrprotect: 1, mkwrite: 3 },
  { ar: 4, software: 'rw-', hardware: 'r--', wrprotect: 4, mkwrite: 6 },
  { ar: 5, software: 'rwx', hardware: 'r-x', wrprotect: 5, mkwrite: 7 },
  { ar: 6, software: '-w-', hardware: 'rwx', wrprotect: 4, mkwrite: 6 },
  { ar: 7, software: '--x', hardware: '--x', wrprotect: 5, mkwrite: 7 },
] as const;

for (const arch of ia64Arches) {
  const { pte, pteFormat: f, geometry } = arch;
  const { pageShift } = geometry;
  describe(arch.name, () => {
    test('protection_map, all sixteen', () => {
      expect(PROTECTION).toHaveLength(16);
      for (let flags = 0; flags < 16; flags++) expect(pte.protection(flags)).toBe(PROTECTION[flags]);
    });

    test('pte_modify replaces p, PROTNONE, pl, ar and ed and keeps the rest', () => {
      expect(PAGE_CHG_MASK).toBe(0x8010_0000_0000_0f81n);
      expect(wordToBigInt(f.modifyKeepHi, f.modifyKeepLo)).toBe(0x7fef_ffff_ffff_f07en);
      fc.assert(
        fc.property(word, word, (old, prot) => {
          expect(pte.modify(old, prot)).toBe((old & ~PAGE_CHG_MASK) | (prot & PAGE_CHG_MASK));
        }),
      );
    });

    for (const state of ['present', 'absent'] as const) {
      test(`the named fields cover each bit once while ${state}`, () => {
        let covered = 0n;
        for (const field of f.fields) {
          if (field.when !== undefined && field.when !== state) continue;
          const mask = ((1n << BigInt(field.bits ?? 1)) - 1n) << BigInt(field.bit);
          expect(covered & mask, field.name).toBe(0n);
          expect(field.meaning).not.toBe('');
          covered |= mask;
        }
        expect(covered).toBe(ALL);
      });
    }

    for (const { name, sets = 0n, clears = 0n } of CHANGES) {
      test(`a change moves its own bits and no other: ${name}`, () => {
        fc.assert(
          fc.property(word, (value) => {
            expect(pte.change(value, name)).toBe((value | sets) & ~clears);
          }),
        );
      });
    }

    test('make and decode are inverse for every frame and protection', () => {
      const pfn = fc.bigInt({ min: 0n, max: (1n << BigInt(50 - pageShift)) - 1n });
      fc.assert(
        fc.property(pfn, fc.nat(15), (frame, flags) => {
          const value = pte.make(frame, flags);
          const back = pte.decode(value);
          expect(back).toMatchObject({ kind: 'present', pfn: frame, valid: (flags & 7) !== 0, young: true });
          expect(pte.make(back.pfn as bigint, pte.protection(flags))).toBe(value);
        }),
      );
      expect(() => pte.make(1n << BigInt(50 - pageShift), 1)).toThrow('frame number');
    });

    test('swap entries are inverse and never present', () => {
      const offset = fc.bigInt({ min: 0n, max: (1n << 54n) - 1n });
      fc.assert(
        fc.property(fc.nat(127), offset, (type, at) => {
          fc.pre(type !== 0 || at !== 0n);
          expect(pte.decode(pte.makeSwap(type, at))).toMatchObject({ kind: 'swap', swapType: type, swapOffset: at });
        }),
      );
      expect(() => pte.makeSwap(128, 1)).toThrow('swap type');
      expect(() => pte.makeSwap(0, 1n << 54n)).toThrow('swap offset');
    });

    test('file entries are inverse and never present', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: (1n << 61n) - 1n }), (pgoff) => {
          expect(pte.decode(pte.makeFile(pgoff))).toMatchObject({ kind: 'file', fileOffset: pgoff });
        }),
      );
      expect(() => pte.makeFile(1n << 61n)).toThrow('file offset');
    });

    test('upper entries are inverse for every table below 2^50', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: 1n, max: (1n << BigInt(50 - pageShift)) - 1n }), (page) => {
          const pa = page << BigInt(pageShift);
          expect(arch.tables.make('pmd', pa)).toBe(pa);
          expect(arch.tables.decode('pmd', pa)).toEqual({
            level: 'pmd',
            value: pa,
            none: false,
            bad: false,
            present: true,
            table: pa,
          });
        }),
      );
    });

    test('a zero entry is none', () => {
      expect(pte.decode(0)).toEqual({ kind: 'none', value: 0n });
      expect(arch.tables.decode('pgd', 0)).toMatchObject({ none: true, bad: false, present: false });
    });
  });
}

describe('rights', () => {
  const { pte, pteFormat: f } = ia64_16k;
  const withRights = (ar: number, pl = 3): bigint => 0x0010_0000_0000_0021n | (BigInt(ar) << 9n) | (BigInt(pl) << 7n);
  const letters = (read: boolean, write: boolean, exec: boolean): string =>
    `${read ? 'r' : '-'}${write ? 'w' : '-'}${exec ? 'x' : '-'}`;

  for (const { ar, software, hardware, wrprotect, mkwrite } of RIGHTS) {
    test(`what ar gives: ${ar}: software ${software}, hardware ${hardware}, wrprotect ${wrprotect}, mkwrite ${mkwrite}`, () => {
      const lo = Number(BigInt.asIntN(32, withRights(ar)));
      expect(letters(f.read.allows(0, lo), f.write.allows(0, lo), f.exec.allows(0, lo))).toBe(software);
      const rights = f.hardwareRights(0, lo);
      expect(letters((rights & 2) !== 0, (rights & 4) !== 0, (rights & 1) !== 0)).toBe(hardware);
      expect(pte.change(withRights(ar), 'wrprotect')).toBe(withRights(wrprotect));
      expect(pte.change(withRights(ar), 'mkwrite')).toBe(withRights(mkwrite));
    });

    test(`ar ${ar}: a page below pl 3 gives user mode nothing`, () => {
      for (const pl of [0, 1, 2]) {
        expect(f.hardwareRights(0, Number(BigInt.asIntN(32, withRights(ar, pl))))).toBe(0);
      }
    });
  }

  test('wrprotect of execute-only makes it readable, and writable for software alone', () => {
    const before = pte.make(1, 0b0100);
    const after = pte.change(before, 'wrprotect');
    expect(pte.decode(before)).toMatchObject({ read: false, write: false, exec: true });
    expect(pte.decode(after)).toMatchObject({ read: true, write: true, exec: true });
    expect(f.hardwareRights(0, Number(BigInt.asIntN(32, after))) & 4).toBe(0);
  });

  test('PROT_NONE is present, invalid and belongs to nobody', () => {
    const none = pte.make(7, 0);
    expect(pte.decode(none)).toMatchObject({ kind: 'present', pfn: 7n, valid: false, write: false, exec: false });
    expect(f.read.allows(0, Number(BigInt.asIntN(32, none)))).toBe(true); // ar 0: pte_read does not look at pl
  });

  test('pte_file means something in an absent entry only', () => {
    expect(pte.decode(pte.make(1, 1) | 2n).kind).toBe('present');
    expect(pte.decode(2n).kind).toBe('file');
  });
});

test('the kernel protections', () => {
  expect(PAGE_KERNEL).toBe(0x0010_0000_0000_0661n);
  expect(PAGE_KERNELRX).toBe(0x0010_0000_0000_0221n);
  expect(PAGE_GATE).toBe(0x0010_0000_0000_0e21n);
  expect(PAGE_ZERO_VMA).toBe(0x0010_0000_0000_01bdn);
  expect(LINEAR_TABLE_ATTRIBUTES).toBe(0x461n);
});

test('an upper entry is bad when it has an address bit that the part does not implement; bit 63 is none', () => {
  expect(unimplementedPaMask(44)).toBe(0x7fff_f000_0000_0000n);
  expect(unimplementedPaMask(50)).toBe(0x7ffc_0000_0000_0000n);
  for (let bit = 0n; bit < 64n; bit++) {
    const value = 1n << bit;
    const { bad, none } = ia64_16k.tables.decode('pmd', value);
    expect([bad, none]).toEqual([bit >= 50n && bit < 63n, false]);
  }
  expect(UPPER.tableAddress(Number(PPN_MASK >> 32n), -1)).toBe(Number(PPN_MASK));
});

test('the named fields of an upper entry cover each bit once', () => {
  let covered = 0n;
  for (const { bit, bits = 1 } of UPPER.fields) {
    const mask = ((1n << BigInt(bits)) - 1n) << BigInt(bit);
    expect(covered & mask).toBe(0n);
    covered |= mask;
  }
  expect(covered).toBe(ALL);
});

test('the numbers of the low half are the bits of the format', () => {
  expect([P_LO, A_LO, D_LO].map(BigInt)).toEqual([PAGE_P, PAGE_A, PAGE_D]);
});
