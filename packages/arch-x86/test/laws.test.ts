/** Laws of the formats, on random values and on the edges of every field. */
import {
  type ArchDescriptor,
  type BitField,
  highWord,
  lowWord,
  MmError,
  type PteChange,
  VM_EXEC,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createI386Pae, createX86_64, i386, i386Pae, x86_64, x86Arches } from '../src/index.js';

const NX = 1n << 63n;

/** What each machine can say, stated in full. */
const LIMITS = {
  i386: { frameBits: 20n, swapTypes: 32, offsetBits: 24n, fileBits: 29n, nx: 0n },
  'i386-pae': { frameBits: 32n, swapTypes: 32, offsetBits: 27n, fileBits: 32n, nx: NX },
  x86_64: { frameBits: 34n, swapTypes: 32, offsetBits: 56n, fileBits: 34n, nx: NX },
} as const;

function limits(arch: ArchDescriptor): (typeof LIMITS)[keyof typeof LIMITS] {
  return LIMITS[arch.name as keyof typeof LIMITS];
}

function below(bits: bigint): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: 0n, max: (1n << bits) - 1n });
}

describe.each(x86Arches.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  const { pte } = arch;
  const limit = limits(arch);
  const wordBits = BigInt(pte.format.bytes * 8);

  test('decoding a present entry answers the frame and the protection it was made from', () => {
    fc.assert(
      fc.property(below(limit.frameBits), fc.nat(15), (pfn, index) => {
        const word = pte.make(pfn, index);
        const d = pte.decode(word);
        expect(d).toMatchObject({ kind: 'present', pfn, young: true, dirty: false });
        const reachable = (index & (VM_READ | VM_WRITE | VM_EXEC)) !== 0;
        expect(d.valid).toBe(reachable);
        expect(d.read).toBe(reachable);
        expect(d.write).toBe((index & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE));
        expect(word & ~pte.protection(index)).toBe(pfn << 12n);
      }),
    );
  });

  test('decoding a swap entry answers type and offset, and it is neither present nor a file entry', () => {
    fc.assert(
      fc.property(fc.nat(limit.swapTypes - 1), below(limit.offsetBits), (swapType, swapOffset) => {
        fc.pre(swapType !== 0 || swapOffset !== 0n); // offset 0 holds the swap header
        const word = pte.makeSwap(swapType, swapOffset);
        expect(word >> wordBits).toBe(0n);
        expect(pte.decode(word)).toMatchObject({ kind: 'swap', swapType, swapOffset });
      }),
    );
  });

  test('decoding a file entry answers the offset', () => {
    fc.assert(
      fc.property(below(limit.fileBits), (fileOffset) => {
        expect(pte.decode(pte.makeFile(fileOffset))).toMatchObject({ kind: 'file', fileOffset });
      }),
    );
  });

  test('the largest values fit and one more is refused', () => {
    const frame = 1n << limit.frameBits;
    expect(pte.decode(pte.make(frame - 1n, 1)).pfn).toBe(frame - 1n);
    expect(() => pte.make(frame, 1)).toThrow(MmError);
    const offset = 1n << limit.offsetBits;
    expect(pte.decode(pte.makeSwap(31, offset - 1n)).swapOffset).toBe(offset - 1n);
    expect(() => pte.makeSwap(0, offset)).toThrow(MmError);
    expect(() => pte.decode(1n << wordBits)).toThrow(MmError);
  });

  test('a zero word is none', () => {
    expect(pte.decode(0n)).toEqual({ kind: 'none', value: 0n });
  });

  test('each change sets or clears its own bits and touches no other', () => {
    const effects: Record<PteChange, readonly [clear: bigint, set: bigint]> = {
      mkyoung: [0n, 0x20n],
      mkold: [0x20n, 0n],
      mkdirty: [0n, 0x40n],
      mkclean: [0x40n, 0n],
      mkwrite: [0n, 0x2n],
      wrprotect: [0x2n, 0n],
      mkexec: [0n, 0x4n],
      mkread: [0n, 0x4n],
      rdprotect: [0x4n, 0n],
      exprotect: [0x4n, 0n],
      mkhuge: [0n, 0x81n],
    };
    fc.assert(
      fc.property(below(wordBits), fc.constantFrom(...(Object.keys(effects) as PteChange[])), (word, name) => {
        const [clear, set] = effects[name];
        expect(pte.change(word, name)).toBe((word & ~clear) | set);
      }),
    );
  });

  test('young, dirty and write answer bits 5, 6 and 1 of a present entry', () => {
    fc.assert(
      fc.property(below(wordBits), (random) => {
        const word = random | 1n;
        const d = pte.decode(word);
        expect([d.young, d.dirty, d.write]).toEqual([bit(word, 5), bit(word, 6), bit(word, 1)]);
        expect(d.read).toBe(bit(word, 2));
      }),
    );
  });

  test('an entry is present by P or PROTNONE, none when zero, else file by bit 6, else swap', () => {
    fc.assert(
      fc.property(below(wordBits), fc.nat(0xff), (high, lowByte) => {
        const word = (high & ~0xffn) | BigInt(lowByte);
        const kind =
          word === 0n ? 'none' : (lowByte & 0x81) !== 0 ? 'present' : (lowByte & 0x40) !== 0 ? 'file' : 'swap';
        expect(pte.decode(word).kind).toBe(kind);
      }),
    );
  });

  test('protection_map is the table of the port', () => {
    const nx = limit.nx;
    const sharedNx = arch === x86_64 ? nx : 0n; // i386 PAE leaves PAGE_SHARED executable
    const expected = [
      ...[0x0a0n, nx | 0x025n, nx | 0x025n, nx | 0x025n, 0x025n, 0x025n, 0x025n, 0x025n],
      ...[0x0a0n, nx | 0x025n, sharedNx | 0x027n, sharedNx | 0x027n, 0x025n, 0x025n, 0x027n, 0x027n],
    ];
    expect(expected.map((_, i) => pte.protection(i))).toEqual(expected);
  });

  test('pte_modify keeps frame, accessed and dirty and takes the rest from the protection', () => {
    fc.assert(
      fc.property(below(limit.frameBits), fc.nat(15), fc.nat(15), fc.boolean(), (pfn, before, after, dirty) => {
        const made = pte.make(pfn, before);
        const old = pte.change(dirty ? pte.change(made, 'mkdirty') : made, 'mkold');
        const word = pte.modify(old, after);
        expect(word).toBe((pfn << 12n) | (dirty ? 0x40n : 0n) | pte.protection(after));
      }),
    );
  });

  test('the named fields cover every bit once in each state', () => {
    expect(coverage(pte.format.fields, 'present', wordBits)).toEqual([]);
    expect(coverage(pte.format.fields, 'absent', wordBits)).toEqual([]);
    arch.upper.forEach((format, level) => {
      const bits = BigInt((arch.geometry.entryBytes[level] as number) * 8);
      expect(coverage(format.fields, 'present', bits)).toEqual([]);
    });
  });

  test('an upper entry decodes to the table it was made from, none is zero, and it is not bad', () => {
    const tableBits = BigInt(arch.physicalBits - 12);
    fc.assert(
      fc.property(below(tableBits), fc.constantFrom(...arch.geometry.names.slice(0, -1)), (frame, level) => {
        const table = frame << 12n;
        const word = arch.tables.make(level, table);
        expect(arch.tables.decode(level, word)).toMatchObject({ none: false, bad: false, present: true, table });
        expect(arch.tables.decode(level, 0n)).toMatchObject({ none: true, present: false });
      }),
    );
  });

  test('a folded level has no entries to decode', () => {
    for (const level of arch.geometry.folded) expect(() => arch.tables.decode(level, 0n)).toThrow(/folded/);
  });
});

describe('bad upper entries', () => {
  test('i386 and PAE pmd: the low 12 bits but USER must be 0x063', () => {
    fc.assert(
      fc.property(fc.nat(0xfff), fc.nat(0xfffff), (low, frame) => {
        const word = (BigInt(frame) << 12n) | BigInt(low);
        fc.pre(word !== 0n);
        const bad = (low & 0xffb) !== 0x063;
        expect(i386.tables.decode('pgd', word).bad).toBe(bad);
        expect(i386Pae.tables.decode('pmd', word).bad).toBe(bad);
      }),
    );
  });

  test('PAE pmd: an entry with only its high half is none', () => {
    expect(i386Pae.tables.decode('pmd', 0x1_0000_0000n)).toMatchObject({ none: true, present: false });
  });

  test('PAE pgd: never bad', () => {
    expect(i386Pae.tables.decode('pgd', 0x37f1afffn).bad).toBe(false);
  });

  test('x86_64 pgd and pud tolerate missing flags, the pmd does not', () => {
    const oldTable = 0x12345041n;
    expect(['pgd', 'pud', 'pmd'].map((l) => x86_64.tables.decode(l as 'pgd', oldTable).bad)).toEqual([
      false,
      false,
      true,
    ]);
    fc.assert(
      fc.property(below(64n), (word) => {
        fc.pre(word !== 0n);
        const flags = word & ~0x3ffffffff000n;
        expect(x86_64.tables.decode('pgd', word).bad).toBe((flags & ~0x067n) !== 0n);
        expect(x86_64.tables.decode('pud', word).bad).toBe((flags & ~0x067n) !== 0n);
        expect(x86_64.tables.decode('pmd', word).bad).toBe((flags & ~0x004n) !== 0x063n);
      }),
    );
  });
});

describe('execution', () => {
  test('pte_exec is USER on i386 and x86_64, USER without NX on PAE; the processor looks at NX', () => {
    const word = 0x8000000012345025n;
    expect(x86_64.pte.decode(word).exec).toBe(true);
    expect(i386Pae.pte.decode(word).exec).toBe(false);
    for (const arch of [i386Pae, x86_64]) {
      expect(arch.pteFormat.hardwareRights(highWord(word), lowWord(word))).toBe(2);
      expect(arch.pteFormat.hardwareRights(0, lowWord(word))).toBe(3);
    }
  });

  test('without NX no protection has bit 63', () => {
    for (const arch of [createI386Pae({ nx: false }), createX86_64({ nx: false })]) {
      for (let i = 0; i < 16; i++) expect(arch.pte.protection(i) & NX).toBe(0n);
      expect(arch.pte.make(1n, NX | 0x25n)).toBe(0x1025n);
    }
  });
});

describe('layouts', () => {
  test('i386 searches down from 0xB8000000, x86_64 up from a third of its space', () => {
    for (const arch of [i386, i386Pae]) {
      expect(arch.layout).toMatchObject({ topDownBase: 0xb8000, unmappedBase: 0x40000, taskSizePages: 0xc0000 });
    }
    expect(x86_64.layout).toMatchObject({
      topDownBase: -1,
      unmappedBase: 0x2aaaaaaab,
      taskSizePages: 0x7ffffffff,
      stackTop: 0x7ffffffff,
    });
  });

  test('gate areas lie above the tasks', () => {
    for (const arch of x86Arches) {
      const { gate, taskSize } = arch.layout.spec;
      expect((gate?.start ?? 0n) > taskSize).toBe(true);
    }
  });
});

function bit(word: bigint, at: number): boolean {
  return ((word >> BigInt(at)) & 1n) === 1n;
}

/** Bits that are not covered exactly once in a state. */
function coverage(fields: readonly BitField[], state: 'present' | 'absent', wordBits: bigint): number[] {
  const times = new Array<number>(Number(wordBits)).fill(0);
  for (const f of fields) {
    if (f.when !== undefined && f.when !== state) continue;
    for (let i = f.bit; i < f.bit + (f.bits ?? 1); i++) times[i] = (times[i] ?? 0) + 1;
  }
  return times.flatMap((n, i) => (n === 1 ? [] : [i]));
}
