/** The pte: rights by value, accessed and dirty that hardware never sets. */
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const [A, D] = [0x20n, 0x40n];
const AR = (value: bigint): number => Number((value >> 9n) & 7n);
const [SHARED_RW, EXEC_ONLY, READONLY] = [11, 4, 1];

export default quirks({
  port: 'ia64',
  about: 'Entries',
  quirks: {
    'rights are a field of three bits read by value: write is ar 2 to 6, exec is an odd ar, read is below 6': {
      source: 'asm-ia64/pgtable.h: pte_read, pte_write, pte_exec',
      holds: ({ pte }) => {
        const said = Array.from({ length: 8 }, (_, ar) => {
          const { read, write, exec } = pte.decode(0x181n | (BigInt(ar) << 9n));
          return `${read ? 'r' : '-'}${write ? 'w' : '-'}${exec ? 'x' : '-'}`;
        });
        expect(said).toEqual(['r--', 'r-x', 'rw-', 'rwx', 'rw-', 'rwx', '-w-', '--x']);
      },
    },
    'what user mode may do is another table: ar 4 and 5 give it no stores, ar 7 no loads': {
      source: 'Itanium manual vol. 2, access rights; asm-ia64/pgtable.h: _PAGE_AR_*',
      holds: ({ pteFormat }) => {
        const rights = Array.from({ length: 8 }, (_, ar) => pteFormat.hardwareRights(0, 0x1e1 | (ar << 9)));
        expect(rights).toEqual([2, 3, 6, 7, 2, 3, 7, 1]);
      },
    },
    'wrprotect of an execute-only entry makes it readable, and writable to the kernel': {
      source: 'asm-ia64/pgtable.h: pte_wrprotect',
      holds: ({ pte }) => {
        const protectedPte = pte.change(pte.make(5n, EXEC_ONLY), 'wrprotect');
        expect([AR(pte.make(5n, EXEC_ONLY)), AR(protectedPte)]).toEqual([7, 5]);
        expect(pte.decode(protectedPte)).toMatchObject({ read: true, write: true });
      },
    },
    'a fresh entry has a set and d clear: no access fault, but one for the first store': {
      source: 'asm-ia64/pgtable.h: __P001 ... __S111',
      holds: ({ pte }) => {
        for (let prot = 0; prot < 16; prot++) expect(pte.protection(prot) & (A | D)).toBe(A);
      },
    },
    'PROT_NONE is bit 63 without p: present to the kernel, not to the hardware, and it keeps its frame': {
      source: 'asm-ia64/pgtable.h: _PAGE_PROTNONE',
      holds: ({ pte }) => {
        const none = pte.make(5n, 0);
        expect(none & ((1n << 63n) | 1n)).toBe(1n << 63n);
        expect(pte.decode(none)).toMatchObject({ kind: 'present', valid: false, pfn: 5n });
      },
    },
    'pte_modify leaves a and d as they are, and replaces p, pl, ar, ed and PROT_NONE': {
      source: 'asm-ia64/pgtable.h: _PAGE_CHG_MASK',
      holds: ({ pte }) => {
        const dirty = pte.change(pte.make(5n, SHARED_RW), 'mkdirty');
        const modified = pte.modify(pte.change(dirty, 'mkold'), READONLY);
        expect([modified & A, modified & D, AR(modified)]).toEqual([0n, D, 0]);
      },
    },
    'swap keeps its type in bits 8:2 and its offset from bit 9; a file entry is bit 1 and 61 bits of page offset': {
      source: 'asm-ia64/pgtable.h: __swp_type, pgoff_to_pte',
      holds: ({ pte }) => {
        expect(pte.makeSwap(3, 7n)).toBe((3n << 2n) | (7n << 9n));
        expect(pte.makeFile((1n << 61n) - 1n)).toBe((((1n << 61n) - 1n) << 2n) | 2n);
      },
    },
    'the pgd is cut into eight slices, one a region; the last page of a slice is never mapped': {
      source: 'asm-ia64/pgtable.h: pgd_index, RGN_MAP_LIMIT',
      holds: ({ geometry }) => {
        const index = (region: bigint): number => {
          const vpn = (region << 61n) >> BigInt(geometry.pageShift);
          return geometry.index(0, Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn)));
        };
        const slice = 2 ** (geometry.pageShift - 6);
        expect([0n, 1n, 3n, 4n].map(index)).toEqual([0, slice, 3 * slice, 4 * slice]);
      },
    },
  },
});
