import { type PteChange, wordToBigInt } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  EXEC_LO,
  MODIFIED_LO,
  P_LO,
  PAGE_ACCESSED,
  PAGE_E,
  PAGE_EXEC,
  PAGE_G,
  PAGE_IE,
  PAGE_KERNEL,
  PAGE_L,
  PAGE_MODIFIED,
  PAGE_NFO,
  PAGE_NONE,
  PAGE_P,
  PAGE_PADDR,
  PAGE_PRESENT,
  PAGE_READ,
  PAGE_SZ4MB,
  PAGE_VALID,
  PAGE_W,
  PAGE_WRITE,
  PG_IOBITS,
  sparc64_8k,
  sparc64_64k,
  sparc64Arches,
} from '../src/index.js';

const MODIFY_KEEP = { 'sparc64-8k': 0x0000_07ff_ffff_ecb8n, 'sparc64-64k': 0x2000_07ff_ffff_ecb8n } as const;

/** xwr as bits 2:0, shared as bit 3; base size bits are not part of a protection. */
const PROTECTION: readonly bigint[] = [
  0x0000_0000_0000_04b0n,
  0x8000_0000_0000_06b0n,
  0x8000_0000_0000_06b0n,
  0x8000_0000_0000_06b0n,
  0x8000_0000_0000_16b0n,
  0x8000_0000_0000_16b0n,
  0x8000_0000_0000_16b0n,
  0x8000_0000_0000_16b0n,
  0x0000_0000_0000_04b0n,
  0x8000_0000_0000_06b0n,
  0x8000_0000_0000_07b0n,
  0x8000_0000_0000_07b0n,
  0x8000_0000_0000_16b0n,
  0x8000_0000_0000_16b0n,
  0x8000_0000_0000_17b0n,
  0x8000_0000_0000_17b0n,
];

/** Bits each change sets and clears: nothing else may move. */
const CHANGES: readonly { name: PteChange; sets?: bigint; clears?: bigint }[] = [
  { name: 'mkyoung', sets: PAGE_ACCESSED | PAGE_VALID },
  { name: 'mkold', clears: PAGE_ACCESSED | PAGE_VALID },
  { name: 'mkdirty', sets: PAGE_MODIFIED | PAGE_W },
  { name: 'mkclean', clears: PAGE_MODIFIED | PAGE_W },
  { name: 'mkwrite', sets: PAGE_WRITE },
  { name: 'wrprotect', clears: PAGE_WRITE | PAGE_W },
  { name: 'rdprotect', clears: PAGE_READ | PAGE_VALID },
  { name: 'mkhuge', sets: PAGE_SZ4MB },
];

const word = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

for (const arch of sparc64Arches) {
  const { pte, pteFormat: f, geometry } = arch;
  const { pageShift } = geometry;
  describe(arch.name, () => {
    test('protection_map, all sixteen', () => {
      expect(PROTECTION).toHaveLength(16);
      for (let flags = 0; flags < 16; flags++) expect(pte.protection(flags)).toBe(PROTECTION[flags]);
    });

    test('PAGE_KERNEL and pg_iobits', () => {
      expect(PAGE_KERNEL).toBe(0x8000_0000_0000_1fb6n);
      expect(PG_IOBITS).toBe(0x8000_0000_0000_0f8an);
    });

    test('pte_modify keeps the documented bits', () => {
      expect(wordToBigInt(f.modifyKeepHi, f.modifyKeepLo)).toBe(MODIFY_KEEP[arch.name as keyof typeof MODIFY_KEEP]);
    });

    test('PTE_FILE_MAX_BITS', () => expect(f.fileMaxBits).toBe(63 - pageShift));

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
        expect(covered).toBe(0xffff_ffff_ffff_ffffn);
      });
    }

    for (const { name, sets = 0n, clears = 0n } of CHANGES) {
      test(`its own bits move and no other: ${name}`, () => {
        fc.assert(
          fc.property(word, (value) => {
            expect(pte.change(value, name)).toBe((value | sets) & ~clears);
          }),
        );
      });
    }

    test('make and decode are inverse for every frame and protection', () => {
      const pfn = fc.bigInt({ min: 0n, max: (1n << BigInt(43 - pageShift)) - 1n });
      fc.assert(
        fc.property(pfn, fc.nat(15), (frame, flags) => {
          const value = pte.make(frame, flags);
          const back = pte.decode(value);
          expect(back).toMatchObject({ kind: 'present', pfn: frame, valid: (flags & 7) !== 0 });
          expect(pte.make(back.pfn as bigint, pte.protection(flags))).toBe(value);
        }),
      );
    });

    test('a frame above PADDR is refused', () => {
      expect(() => pte.make(1n << BigInt(43 - pageShift), 1)).toThrow('frame number');
    });

    test('swap entries are inverse and never present', () => {
      const offset = fc.bigInt({ min: 0n, max: (1n << BigInt(56 - pageShift)) - 1n });
      fc.assert(
        fc.property(fc.nat(255), offset, (type, at) => {
          fc.pre(type !== 0 || at !== 0n);
          const back = pte.decode(pte.makeSwap(type, at));
          expect(back).toMatchObject({ kind: 'swap', swapType: type, swapOffset: at });
        }),
      );
    });

    test('file entries are inverse, never present and never valid', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: (1n << BigInt(f.fileMaxBits)) - 1n }), (pgoff) => {
          const value = pte.makeFile(pgoff);
          expect(pte.decode(value)).toMatchObject({ kind: 'file', fileOffset: pgoff });
          expect(value & (PAGE_VALID | PAGE_PRESENT)).toBe(0n);
        }),
      );
      expect(() => pte.makeFile(1n << BigInt(f.fileMaxBits))).toThrow('file offset');
    });

    test('upper entries are inverse for every table below 2^43', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: 1n, max: (1n << BigInt(43 - pageShift)) - 1n }), (page) => {
          const pa = page << BigInt(pageShift);
          const value = arch.tables.make('pmd', pa);
          expect(value).toBe(pa >> 11n);
          expect(arch.tables.decode('pmd', value)).toMatchObject({ table: pa, none: false, bad: false, present: true });
        }),
      );
      expect(arch.tables.decode('pgd', 0)).toMatchObject({ none: true, bad: false, present: false });
    });

    test('a zero entry is none', () => expect(pte.decode(0)).toEqual({ kind: 'none', value: 0n }));
  });
}

describe('literal consequences', () => {
  const { pte, pteFormat: f } = sparc64_8k;
  const S111 = 15;
  const rights = (value: bigint): number =>
    f.hardwareRights(Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));

  test('pte_modify of an old pte makes it valid yet not young', () => {
    const value = pte.modify(pte.change(pte.make(1, S111), 'mkold'), 1);
    expect(pte.decode(value)).toMatchObject({ valid: true, young: false });
  });

  test('pte_modify never carries W over: a dirty writable page faults once on the next store', () => {
    const dirty = pte.change(pte.make(1, S111), 'mkdirty');
    expect(rights(dirty) & 4).toBe(4);
    const value = pte.modify(dirty, S111);
    expect(pte.decode(value)).toMatchObject({ write: true, dirty: true });
    expect(rights(value) & 4).toBe(0);
  });

  test('pte_modify drops sizes other than the base size, and G, L, NFO, IE, P; keeps E', () => {
    const odd = PAGE_SZ4MB | PAGE_G | PAGE_L | PAGE_NFO | PAGE_IE | PAGE_P | PAGE_E;
    expect(pte.modify(pte.make(1, S111) | odd, S111)).toBe(pte.make(1, S111) | PAGE_E);
    const wide = sparc64_64k.pte;
    expect(wide.modify(wide.make(1, S111) | odd, S111)).toBe(wide.make(1, S111) | PAGE_E);
  });

  test('pte_mkyoung of a PROT_NONE pte makes it usable by the user', () => {
    const none = pte.make(1, 0);
    expect(pte.decode(none)).toMatchObject({ kind: 'present', valid: false, read: false });
    expect(rights(none)).toBe(0);
    expect(rights(pte.change(none, 'mkyoung'))).toBe(2);
  });

  test('mkdirty gives hardware write even without WRITE', () => {
    const value = pte.change(pte.make(1, 1), 'mkdirty');
    expect(pte.decode(value).write).toBe(false);
    expect(rights(value) & 4).toBe(4);
  });

  test('write-only and exec-only mappings are readable', () => {
    for (const flags of [2, 4, 10, 12]) expect(rights(pte.make(1, flags)) & 2).toBe(2);
  });

  test('a privileged page gives user mode nothing', () => expect(rights(pte.make(1, PAGE_KERNEL))).toBe(0));

  test('FILE and MODIFIED are one bit: only entries that are not present are asked for FILE', () => {
    expect(pte.decode(pte.change(pte.make(1, PAGE_NONE), 'mkdirty')).kind).toBe('present');
    expect(PAGE_PADDR & 0xfffn).toBe(0n);
  });

  test('a swap offset of 2^42 would set VALID', () => {
    expect(pte.makeSwap(0, 2n ** 42n)).toBe(PAGE_VALID);
    expect(pte.makeSwap(255, 2n ** 42n - 1n) & PAGE_VALID).toBe(0n);
  });

  test('mkhuge over 64K pages is right for 4M, where base bits are a subset', () => {
    expect(sparc64_64k.pte.change(sparc64_64k.pte.make(0, S111), 'mkhuge') & PAGE_SZ4MB).toBe(PAGE_SZ4MB);
  });
});

test('the numbers of the low half are the bits of the format', () => {
  expect([P_LO, MODIFIED_LO, EXEC_LO].map(BigInt)).toEqual([PAGE_P, PAGE_MODIFIED, PAGE_EXEC]);
});
