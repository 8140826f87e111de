import { type BitField, lowWord, type PteChange } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createPteFormat,
  hpteFlags,
  hpteFlagsMask,
  hpteRights,
  PAGE_COHERENT,
  PAGE_USER,
  type Ppc64PageShift,
  ppc64_4k,
  ppc64_64k,
  pteRpnShift,
} from '../src/index.js';

const MACHINES = [
  [ppc64_4k, 12 as Ppc64PageShift],
  [ppc64_64k, 16 as Ppc64PageShift],
] as const;

/** Total: the protection of each of the 16 kinds of area. */
const PROTECTION: Record<string, bigint> = {
  P000: 0x101n,
  P001: 0x113n,
  P010: 0x113n,
  P011: 0x113n,
  P100: 0x117n,
  P101: 0x117n,
  P110: 0x117n,
  P111: 0x117n,
  S000: 0x101n,
  S001: 0x113n,
  S010: 0x313n,
  S011: 0x313n,
  S100: 0x117n,
  S101: 0x117n,
  S110: 0x317n,
  S111: 0x317n,
};

/** What each pte_mk- function sets and clears. */
const CHANGES: Record<PteChange, { set?: bigint; clear?: bigint }> = {
  mkyoung: { set: 0x100n },
  mkold: { clear: 0x100n },
  mkdirty: { set: 0x80n },
  mkclean: { clear: 0x80n },
  mkwrite: { set: 0x200n },
  wrprotect: { clear: 0x200n },
  mkexec: { set: 0x6n },
  mkread: { set: 0x2n },
  rdprotect: { clear: 0x2n },
  exprotect: { clear: 0x4n },
  mkhuge: {},
};

describe.each(MACHINES)('$name', ({ pte, pteFormat }, shift) => {
  const rpn = BigInt(pteRpnShift(shift));
  const pfnBits = 64n - rpn;
  const anyWord = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

  test('protection_map is total', () => {
    const found = Object.keys(PROTECTION).map((name, flags) => [name, pte.protection(toFlags(name, flags))]);
    expect(Object.fromEntries(found)).toEqual(PROTECTION);
  });

  test('a frame and a protection come back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** pfnBits - 1n }), fc.nat(15), (pfn, flags) => {
        const back = pte.decode(pte.make(pfn, flags));
        expect(back).toMatchObject({ kind: 'present', pfn, young: true, dirty: false, valid: (flags & 7) !== 0 });
      }),
    );
    expect(() => pte.make(2n ** pfnBits, 1)).toThrow('MM_PFN_RANGE');
  });

  test('swap and file entries come back, and stay neither present nor each other', () => {
    const offsets = 2n ** (56n - rpn);
    fc.assert(
      fc.property(fc.nat(63), fc.bigInt({ min: 0n, max: offsets - 1n }), (type, offset) => {
        fc.pre(type !== 0 || offset !== 0n);
        expect(pte.decode(pte.makeSwap(type, offset))).toMatchObject({
          kind: 'swap',
          swapType: type,
          swapOffset: offset,
        });
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** pfnBits - 1n }), (pgoff) => {
        expect(pte.decode(pte.makeFile(pgoff))).toMatchObject({ kind: 'file', fileOffset: pgoff });
      }),
    );
    expect(() => pte.makeSwap(64, 0)).toThrow('MM_SWAP_RANGE');
    expect(() => pte.makeSwap(0, offsets)).toThrow('MM_SWAP_RANGE');
    expect(() => pte.makeFile(2n ** pfnBits)).toThrow('MM_PGOFF_RANGE');
    expect(pteFormat.fileMaxBits).toBe(Number(pfnBits));
  });

  test('every pte_mk- function touches its bits and no other', () => {
    for (const [name, { set = 0n, clear = 0n }] of Object.entries(CHANGES)) {
      fc.assert(
        fc.property(anyWord, (word) => {
          expect(pte.change(word, name as PteChange)).toBe((word & ~clear) | set);
        }),
        { numRuns: 20 },
      );
    }
  });

  test('the bits of the hash table change nothing that is decoded, nor none and same', () => {
    const ignored = hpteFlagsMask(shift);
    fc.assert(
      fc.property(anyWord, anyWord, (word, noise) => {
        const other = word ^ (noise & ignored);
        const { value: a, ...one } = pte.decode(word);
        const { value: b, ...two } = pte.decode(other);
        expect(two).toEqual(one);
        expect((a ^ b) & ~ignored).toBe(0n);
      }),
    );
    expect(pte.decode(ignored).kind).toBe('none');
  });

  test('the fields cover every bit once in each state', () => {
    for (const present of [true, false]) {
      const fields = pteFormat.fields.filter(
        (f: BitField) => f.when === undefined || (f.when === 'present') === present,
      );
      const covered = new Array<string>(64).fill('');
      for (const f of fields) {
        for (let bit = f.bit; bit < f.bit + (f.bits ?? 1); bit++) {
          expect(covered[bit], `bit ${bit} of ${f.name}`).toBe('');
          covered[bit] = f.name;
        }
      }
      expect(covered.filter((name) => name === '')).toEqual([]);
    }
  });

  test('what the pte gives user mode is what its HPTE gives, for all low bits', () => {
    for (let low = 0; low < 4096; low++) {
      const hashed = hpteRights(hpteFlags(low));
      const given = (low & 1) === 0 ? hashed : pteFormat.hardwareRights(0, low);
      expect(hashed, low.toString(16)).toBe(given);
    }
  });

  test('pte_modify keeps frame, D, A, BUSY, HASHPTE and takes the rest', () => {
    fc.assert(
      fc.property(anyWord, fc.nat(15), (word, flags) => {
        const after = pte.modify(word, flags);
        expect(after & 0xd80n).toBe((word & 0xd80n) | (pte.protection(flags) & 0xd80n));
        expect(after >> rpn).toBe(word >> rpn);
        expect(after & PAGE_USER).toBe(pte.protection(flags) & PAGE_USER);
        expect(after & PAGE_COHERENT).toBe(pte.protection(flags) & PAGE_COHERENT);
      }),
    );
  });
});

test('hash-page flags are those of the rotate-and-mask sequence, for all 4096 low patterns', () => {
  // As the assembly computes it: bits 8:1 with bit 2 flipped; PP bit 0 from USER and not (RW and DIRTY).
  for (let low = 0; low < 4096; low++) {
    const user = (low >> 1) & 1;
    const writable = (low >> 9) & (low >> 7) & 1;
    expect(hpteFlags(low)).toBe(((low & 0x1fe) ^ 4) | (user & (writable ^ 1)));
  }
});

test('only 64 KiB pages or COMBO into what set_pte_at stores', () => {
  expect(MACHINES.map(([, shift]) => lowWord(BigInt(createPteFormat(shift).storeSetLo)))).toEqual([0, 0x10000000]);
});

/** The low four vm_flags of a name such as S011: shared, exec, write, read. */
function toFlags(name: string, index: number): number {
  expect(Number.parseInt(name.slice(1), 2) + (name.startsWith('S') ? 8 : 0)).toBe(index);
  return index;
}
