/** The Linux pte, which the hardware never reads, and the tables above it. */
import { Machine } from '@fourfold/core';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const [PRESENT, USER, DIRTY, ACCESSED, RW, HASHPTE, COMBO] = [1n, 2n, 0x80n, 0x100n, 0x200n, 0x400n, 0x1000_0000n];
const SHARED_RW = 11;

export default quirks({
  port: 'ppc64',
  about: 'Entries',
  quirks: {
    'what the hash table left in an entry is not there for pte_none and pte_same': {
      source: 'asm-ppc64/pgtable.h: pte_none, pte_same, _PAGE_HPTEFLAGS',
      holds: ({ pte }) => expect(pte.decode(HASHPTE | 0xf000n).kind).toBe('none'),
    },
    'PROT_NONE is a present entry without USER; there is no bit of its own for it': {
      source: 'asm-ppc64/pgtable.h: PAGE_NONE',
      holds: ({ pte }) => {
        expect(pte.protection(0)).toBe(PRESENT | ACCESSED);
        expect(pte.decode(pte.make(5n, 0))).toMatchObject({ kind: 'present', valid: false });
      },
    },
    'a private writable page begins like a read-only one; RW is there for shared ones alone': {
      source: 'asm-ppc64/pgtable.h: __P010, __S010',
      holds: ({ pte }) => expect([pte.protection(3) & RW, pte.protection(11) & RW]).toEqual([0n, RW]),
    },
    'frames, swap and file entries begin at bit 17 with pages of 4 KiB, at bit 32 with pages of 64 KiB': {
      source: 'asm-ppc64/pgtable-4k.h, pgtable-64k.h: PTE_RPN_SHIFT',
      holds: ({ pte, geometry }) => {
        const shift = geometry.pageShift === 12 ? 17n : 32n;
        expect(pte.make(5n, SHARED_RW) >> shift).toBe(5n);
        expect(pte.makeSwap(3, 7n)).toBe(((3n << 1n) + (7n << 8n)) << shift);
        expect(pte.makeFile(9n)).toBe((9n << shift) + 2n);
      },
    },
    'upper entries hold kernel addresses, without a flag; bad is only a zero': {
      source: 'asm-ppc64/pgtable.h: pmd_populate, pmd_bad',
      holds: ({ tables }) => {
        expect(tables.make('pmd', 0x12_3000n)).toBe(0xc000_0000_0012_3000n);
        expect(tables.decode('pmd', 0x1n).bad).toBe(false);
      },
    },
    'set_pte_at strips what belongs to the hash table, and with pages of 64 KiB sets COMBO in whatever it stores': {
      source: 'asm-ppc64/pgtable.h: set_pte_at',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        process.mprotect(at, arch.pageSize, 'r');
        const value = process.explain(at).pte?.value as bigint;
        expect(value & HASHPTE).toBe(0n);
        expect(value & COMBO).toBe(arch.pageSize === 65536 ? COMBO : 0n);
      },
    },
    'pte_modify keeps dirty and accessed and the place of the HPTE': {
      source: 'asm-ppc64/pgtable.h: _PAGE_CHG_MASK',
      holds: ({ pte }) => {
        const modified = pte.modify(pte.make(5n, SHARED_RW) | DIRTY | HASHPTE, 1);
        expect(modified & (DIRTY | ACCESSED | HASHPTE | RW | USER)).toBe(DIRTY | ACCESSED | HASHPTE | USER);
      },
    },
    'with pages of 64 KiB a pte table is twice as long as its entries: behind each lies the word with its HPTE slots': {
      source: 'asm-ppc64/pgtable-64k.h: PTRS_PER_PTE, __real_pte',
      machines: ['ppc64-64k'],
      holds: ({ geometry }) => {
        const last = geometry.depth - 1;
        expect([geometry.tableBytes[last], geometry.companionBytes[last]]).toEqual([65536, 32768]);
      },
    },
  },
});
