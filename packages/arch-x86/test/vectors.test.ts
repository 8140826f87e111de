import { type ArchDescriptor, lowWord, type PteCodec } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { createI386, createI386Pae, createX86_64, type X86NxOptions } from '../src/index.js';
import { I386_VECTORS } from './vectors/i386.js';
import { I386_PAE_VECTORS } from './vectors/i386-pae.js';
import { PROTECTIONS, type PteVector, type Vectors } from './vectors/types.js';
import { X86_64_VECTORS } from './vectors/x86_64.js';

const MACHINES: readonly [string, (options: X86NxOptions) => ArchDescriptor, Vectors][] = [
  ['7.1 i386', (options) => createI386(options), I386_VECTORS],
  ['7.2 i386-pae', createI386Pae, I386_PAE_VECTORS],
  ['7.3 x86_64', createX86_64, X86_64_VECTORS],
];

describe.each(MACHINES)('vectors %s', (_name, create, vectors) => {
  for (const v of vectors.ptes) {
    test(`pte #${v.id}`, () => {
      const arch = create({ nx: v.nx ?? true });
      const word = build(arch.pte, v);
      expect(word).toBe(v.word);
      expect(arch.pte.decode(v.word)).toMatchObject(expected(v));
      if (v.badUpper) expect(arch.tables.decode(leafTableLevel(arch), v.word).bad).toBe(true);
    });
  }

  for (const v of vectors.tables) {
    test(`upper entry #${v.id}: ${v.level}`, () => {
      const { tables } = create({});
      expect(tables.make(v.level, v.table)).toBe(v.word);
      expect(tables.decode(v.level, v.word)).toMatchObject({ none: false, bad: false, present: true, table: v.table });
    });
  }

  for (const v of vectors.indices) {
    test(`indices #${v.id} of 0x${v.va.toString(16)}`, () => {
      const { geometry } = create({});
      const vpn = v.va >> 12n;
      const indices = geometry.names.map((_, level) => geometry.index(level, Number(vpn >> 32n), lowWord(vpn)));
      expect([...indices, Number(v.va & 0xfffn)]).toEqual(v.indices);
    });
  }

  for (const v of vectors.splitStores ?? []) {
    test(`#${v.id}: ${v.what}`, () => {
      const { pte } = create({});
      expect(pte.format.splitStore).toBe(true);
      const low = 0xffff_ffffn;
      const between = v.first === 'high' ? (v.new & ~low) | (v.old & low) : (v.old & ~low) | (v.new & low);
      expect(between).toBe(v.between);
      expect(pte.decode(between)).toMatchObject(v.decodes);
    });
  }
});

test('only i386-pae stores an entry in two halves', () => {
  expect(MACHINES.map(([, create]) => create({}).pte.format.splitStore)).toEqual([false, true, false]);
});

function build(pte: PteCodec, v: PteVector): bigint {
  let word = start(pte, v);
  for (const step of v.steps ?? []) {
    word = typeof step === 'string' ? pte.change(word, step) : pte.modify(word, PROTECTIONS[step.modify]);
  }
  return word;
}

function start(pte: PteCodec, { from }: PteVector): bigint {
  if ('swap' in from) return pte.makeSwap(...from.swap);
  if ('file' in from) return pte.makeFile(from.file);
  return pte.make(from.pfn, typeof from.prot === 'bigint' ? from.prot : PROTECTIONS[from.prot]);
}

/** What went in comes out again, unless the vector says that it decodes as another kind. */
function expected({ from, decodes }: PteVector): Record<string, unknown> {
  if ('swap' in from && decodes?.kind !== 'file') {
    return { kind: 'swap', swapType: from.swap[0], swapOffset: from.swap[1], ...decodes };
  }
  if ('file' in from) return { kind: 'file', fileOffset: from.file, ...decodes };
  if ('pfn' in from) return { kind: 'present', pfn: from.pfn, ...decodes };
  return { ...decodes };
}

function leafTableLevel(arch: ArchDescriptor): 'pgd' | 'pmd' {
  return arch.geometry.depth === 2 ? 'pgd' : 'pmd';
}
