/** Walks of tables that other kernels write: pages of every size, five levels, rights of all levels, broken entries. */
import { type ArchDescriptor, type Image, type Walk, walk } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { CR4_LA57, i386, i386Pae, x86_64 } from '../src/index.js';

/** An image of the entries given, by physical address. */
function image(entries: Readonly<Record<number, bigint>>): Image {
  return { read: (pa) => (pa < 0x10_0000n ? (entries[Number(pa)] ?? 0n) : null) };
}

const P = 1n;
const RW = 2n;
const US = 4n;
const PS = 0x80n;
const NX = 1n << 63n;
const ALL = P | RW | US;

function verdict({ physical, pageBytes, rights, missing }: Walk): unknown {
  if (physical === null) return missing;
  const may = `${rights.read ? 'r' : '-'}${rights.write ? 'w' : '-'}${rights.exec ? 'x' : '-'}`;
  return [physical, Number(pageBytes), may];
}

function at(
  arch: ArchDescriptor,
  entries: Record<number, bigint>,
  va: bigint,
  roots: object = { cr3: 0x1000n },
): unknown {
  return verdict(walk(arch, image(entries), roots as Record<string, unknown>, va));
}

describe('x86_64', () => {
  const TREE = { 4096: 0x2000n | ALL, 8192: 0x3000n | ALL, 12288: 0x4000n | ALL, 16392: 0x9000n | ALL };

  test('a page of 4 KiB, through four levels', () => {
    expect(at(x86_64, TREE, 0x1234n)).toEqual([0x9234n, 4096, 'rwx']);
  });

  test('rights are those that every level gives, and no execution at one is none', () => {
    expect(at(x86_64, { ...TREE, 8192: 0x3000n | P | US }, 0x1234n)).toEqual([0x9234n, 4096, 'r-x']);
    expect(at(x86_64, { ...TREE, 4096: 0x2000n | ALL | NX }, 0x1234n)).toEqual([0x9234n, 4096, 'rw-']);
    expect(at(x86_64, { ...TREE, 12288: 0x4000n | P | RW }, 0x1234n)).toEqual([0x9234n, 4096, '---']);
  });

  test('pages of 2 MiB and 1 GiB keep the address bits below their size', () => {
    expect(at(x86_64, { ...TREE, 12288: 0x4020_0000n | ALL | PS }, 0x1234n)).toEqual([0x4020_1234n, 2 ** 21, 'rwx']);
    expect(at(x86_64, { ...TREE, 8192: 0x8000_0000n | ALL | PS | NX }, 0x1234n)).toEqual([
      0x8000_1234n,
      2 ** 30,
      'rw-',
    ]);
  });

  test('frames of up to 52 bits, and the kernel half', () => {
    const entries = { ...TREE, 16392: 0x000f_1234_5678_9000n | P | RW | NX, 8184: 0x2000n | ALL };
    expect(at(x86_64, entries, 0xffff_ff80_0000_1234n)).toEqual([0x000f_1234_5678_9234n, 4096, '---']);
  });

  test('where a walk ends', () => {
    expect(at(x86_64, TREE, 0x0000_8000_0000_0000n)).toBe('the address is not canonical');
    expect(at(x86_64, TREE, 0x2000n)).toBe('the pte is empty');
    expect(at(x86_64, TREE, 0x20_0000n)).toBe('the pmd entry is not present');
    expect(at(x86_64, { 4096: 0x2000n | ALL | PS }, 0n)).toBe('the pgd entry has the reserved bit PS set');
    expect(at(x86_64, { 4096: 0x20_0000n | ALL }, 0n)).toBe('the image has no pud at 0x200000');
    expect(at(x86_64, { ...TREE, 16392: 0x2_0102n }, 0x1000n)).toBe('the page is swapped out');
  });

  test('CR4.LA57 puts a level above the pgd', () => {
    const entries = { ...TREE, 32768: 0x1000n | ALL };
    expect(at(x86_64, entries, 0x1234n, { cr3: 0x8000n, cr4: CR4_LA57 })).toEqual([0x9234n, 4096, 'rwx']);
    expect(at(x86_64, entries, 0x0100_0000_0000_0000n, { cr3: 0x8000n, cr4: CR4_LA57 })).toBe(
      'the address is not canonical',
    );
  });

  test('CR3 may carry a PCID', () => {
    expect(at(x86_64, TREE, 0x1234n, { cr3: '0x8000000000001abc' })).toEqual([0x9234n, 4096, 'rwx']);
  });
});

test('i386: 4 KiB, and 4 MiB with bits 35:32 of the address in bits 16:13', () => {
  expect(at(i386, { 4096: 0x2000n | ALL, 8196: 0x9000n | P | US }, 0x1234n)).toEqual([0x9234n, 4096, 'r-x']);
  expect(at(i386, { 4096: 0x0080_0000n | ALL | PS }, 0x1234n)).toEqual([0x0080_1234n, 2 ** 22, 'rwx']);
  expect(at(i386, { 4096: 0x0080_2000n | ALL | PS }, 0x1234n)).toEqual([0x1_0080_1234n, 2 ** 22, 'rwx']);
  expect(at(i386, {}, 0x1_0000_0000n)).toBe('the address has more than 32 bits');
});

test('i386-pae: four pointers without rights at a root of 32 bytes, 2 MiB', () => {
  const entries = { 4136: 0x2000n | P, 8192: 0x4000n | ALL, 16392: 0x9000n | ALL | NX };
  expect(at(i386Pae, entries, 0x4000_1234n, { cr3: 0x1020n })).toEqual([0x9234n, 4096, 'rw-']);
  const large = { 4136: 0x2000n | P, 8192: 0x4_0020_0000n | ALL | PS };
  expect(at(i386Pae, large, 0x4000_1234n, { cr3: 0x1020n })).toEqual([0x4_0020_1234n, 2 ** 21, 'rwx']);
  expect(at(i386Pae, entries, 0x1234n, { cr3: 0x1020n })).toBe('the pgd entry is not present');
});
