/** The pte: rights by value, accessed and dirty that hardware never sets. */
import { createIa64, createKernelGeometry, regionBase, vmallocEnd } from '@fourfold/arch-ia64';
import type { UpperFormat } from '@fourfold/core/arch';
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
    'the pgd is cut into eight slices, one a region: three bits of its index are the number of the region': {
      source: 'asm-ia64/pgtable.h: pgd_index',
      holds: ({ geometry }) => {
        const index = (region: bigint): number => {
          const vpn = (region << 61n) >> BigInt(geometry.pageShift);
          return geometry.index(0, Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn)));
        };
        const slice = 2 ** (geometry.pageShift - 6);
        expect([0n, 1n, 3n, 4n].map(index)).toEqual([0, slice, 3 * slice, 4 * slice]);
      },
    },
    "the kernel's own tables are not cut: the whole index comes from the address, and region 5 begins at entry 0": {
      source: 'asm-ia64/pgtable.h: pgd_offset_k',
      holds: ({ geometry: { pageShift } }) => {
        const kernel = createKernelGeometry(pageShift as 12, 3);
        const index = (va: bigint): number => {
          const vpn = va >> BigInt(pageShift);
          return kernel.index(0, Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn)));
        };
        const gate = regionBase(5);
        const last = vmallocEnd(pageShift) - 1n;
        expect([index(gate), index(last)]).toEqual([0, 2 ** (pageShift - 3) - 1]);
      },
    },
    'an upper entry is an address without flags: present when it is not 0, bad only with a bit beyond the physical ones, of which bit 63 is none':
      {
        source:
          'asm-ia64/pgtable.h: pmd_bad, pmd_present; arch/ia64/kernel/setup.c: ia64_phys_addr_valid (unimpl_pa_mask)',
        holds: (arch) => {
          const format = arch.upper[0] as UpperFormat;
          const says = (word: bigint): boolean[] => {
            const [hi, lo] = [Number(BigInt.asIntN(32, word >> 32n)), Number(BigInt.asIntN(32, word))];
            return [format.isNone(hi, lo), format.isBad(hi, lo)];
          };
          const table = 1n << BigInt(arch.geometry.pageShift);
          expect([0n, table, table | (1n << 63n), table | (1n << 50n), table | 1n].map(says)).toEqual([
            [true, false],
            [false, false],
            [false, false],
            [false, true],
            [false, false],
          ]);
        },
      },
    'where the firmware does not tell the physical address bits 44 are taken, and an upper entry with a higher one is bad':
      {
        source: 'arch/ia64/kernel/setup.c: cpu_init (PAL_VM_SUMMARY, unimpl_pa_mask)',
        holds: ({ geometry }) => {
          const pageShift = geometry.pageShift as 12;
          const isBad = (bit: bigint, physicalBits: 44 | 50): boolean =>
            createIa64({ pageShift, physicalBits }).tables.decode('pmd', 1n << bit).bad;
          expect([isBad(43n, 44), isBad(44n, 44), isBad(44n, 50), isBad(50n, 50), isBad(63n, 44)]).toEqual([
            false,
            true,
            false,
            true,
            false,
          ]);
          expect(createIa64({ pageShift, physicalBits: 44 }).physicalBits).toBe(44);
        },
      },
    'pte_mkhuge sets p and no size: the region has that': {
      source: 'asm-ia64/pgtable.h before 2.6.19: pte_mkhuge',
      holds: ({ pte }) => {
        expect(pte.change(0n, 'mkhuge')).toBe(1n);
        expect(pte.change(pte.make(1n, 11), 'mkhuge')).toBe(pte.make(1n, 11));
      },
    },
    'bit 1 means a file offset only where neither p nor PROT_NONE is set: with p it is reserved, and says nothing': {
      source: 'asm-ia64/pgtable.h: pte_present, pte_file',
      holds: ({ pte }) => {
        const kinds = [2n, 3n, (1n << 63n) | 2n, 4n].map((word) => pte.decode(word).kind);
        expect(kinds).toEqual(['file', 'present', 'present', 'swap']);
      },
    },
    'execute-only is ar 7, which no other protection has; a private page that may be written starts without the right':
      {
        source: 'asm-ia64/pgtable.h: __P100, __P010 ... __P111, __S100',
        holds: ({ pte }) => {
          const rights = Array.from({ length: 16 }, (_, prot) => AR(pte.protection(prot)));
          expect(rights).toEqual([0, 0, 0, 0, 7, 1, 1, 1, 0, 0, 2, 2, 7, 1, 3, 3]);
        },
      },
  },
});
