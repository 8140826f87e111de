/** The TTE as a pte, and the compressed entries above it. */

import { Machine } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const VALID = 1n << 63n;
const [MODIFIED, ACCESSED, READ, WRITE, W] = [0x800n, 0x400n, 0x200n, 0x100n, 2n];
const SHARED_RW = 11;
const NONE = 0;

/** A shared writable page, young and dirty. */
function dirty({ pte }: ArchDescriptor): bigint {
  return pte.change(pte.make(5n, SHARED_RW), 'mkdirty');
}

export default quirks({
  port: 'sparc64',
  about: 'Entries',
  quirks: {
    'pte_mkold takes VALID away with ACCESSED, so that the next access traps': {
      source: 'asm-sparc64/pgtable.h: pte_mkold',
      holds: ({ pte, pteFormat }) => {
        const old = pte.change(pte.make(5n, SHARED_RW), 'mkold');
        expect(old & (VALID | ACCESSED)).toBe(0n);
        expect(pte.decode(old).kind).toBe('present');
        expect(pteFormat.hardwareRights(Number(old >> 32n), Number(old & 0xffff_ffffn))).toBe(0);
        expect(pte.change(old, 'mkyoung') & (VALID | ACCESSED)).toBe(VALID | ACCESSED);
      },
    },
    'a writable page that is clean is read-only to the hardware: mkwrite sets no W, mkdirty does': {
      source: 'asm-sparc64/pgtable.h: pte_mkwrite, pte_mkdirty, pte_mkclean',
      holds: (arch) => {
        const clean = arch.pte.make(5n, SHARED_RW);
        expect([clean & WRITE, clean & W]).toEqual([WRITE, 0n]);
        expect(dirty(arch) & (W | MODIFIED)).toBe(W | MODIFIED);
        expect(arch.pte.change(dirty(arch), 'mkclean') & (W | MODIFIED)).toBe(0n);
      },
    },
    'pte_mkdirty sets W even where the software bit WRITE is clear': {
      source: 'asm-sparc64/pgtable.h: pte_mkdirty',
      holds: ({ pte }) => {
        const readOnly = pte.change(pte.make(5n, SHARED_RW), 'wrprotect');
        expect(pte.change(readOnly, 'mkdirty') & (WRITE | W)).toBe(W);
      },
    },
    'pte_modify never carries W over: a dirty page faults on its next store after mprotect': {
      source: 'asm-sparc64/pgtable.h: pte_modify',
      holds: (arch) => {
        const modified = arch.pte.modify(dirty(arch), SHARED_RW);
        expect(modified & (MODIFIED | WRITE | W)).toBe(MODIFIED | WRITE);
      },
    },
    'pte_modify makes an old entry valid again and leaves it old': {
      source: 'asm-sparc64/pgtable.h: pte_modify',
      holds: ({ pte }) => {
        const modified = pte.modify(pte.change(pte.make(5n, SHARED_RW), 'mkold'), SHARED_RW);
        expect(modified & (VALID | ACCESSED)).toBe(VALID);
      },
    },
    'pte_mkyoung of a PROT_NONE entry makes it usable': {
      source: 'asm-sparc64/pgtable.h: pte_mkyoung',
      holds: ({ pte }) => {
        const none = pte.make(5n, NONE);
        expect(pte.decode(none)).toMatchObject({ kind: 'present', valid: false });
        expect(pte.change(none, 'mkyoung') & VALID).toBe(VALID);
      },
    },
    'pte_rdprotect takes VALID with READ': {
      source: 'asm-sparc64/pgtable.h: pte_rdprotect',
      holds: ({ pte }) => expect(pte.change(pte.make(5n, SHARED_RW), 'rdprotect') & (VALID | READ)).toBe(0n),
    },
    'a private writable mapping begins read-only, a write-only one can be read': {
      source: 'asm-sparc64/pgtable.h: __P011, __S010',
      holds: ({ pte }) => {
        expect(pte.protection(3) & (READ | WRITE)).toBe(READ);
        expect(pte.protection(10) & (READ | WRITE)).toBe(READ | WRITE);
      },
    },
    'an upper entry is four bytes, the physical address shifted right by 11; nothing is ever bad': {
      source: 'asm-sparc64/pgtable.h: pmd_set, pud_set, pmd_bad',
      holds: ({ geometry, tables }) => {
        expect([...geometry.entryBytes].slice(0, 2)).toEqual([4, 4]);
        expect(tables.make('pmd', 0x123_4000n << 8n)).toBe((0x123_4000n << 8n) >> 11n);
        for (const word of [1n, 0xffff_ffffn, 0x8000_0001n]) {
          expect(tables.decode('pgd', word)).toMatchObject({ bad: false, present: true, table: word << 11n });
        }
      },
    },
    'with pages of 8 KiB the low half of user space has root entries 0 to 0x1ff, the high half 0x600 to 0x7ff': {
      source: 'asm-sparc64/pgtable.h: pgd_index',
      machines: ['sparc64-8k'],
      holds: ({ geometry }) => {
        const index = (va: bigint): number => {
          const vpn = va >> 13n;
          return geometry.index(0, Number(BigInt.asIntN(32, vpn >> 32n)), Number(BigInt.asIntN(32, vpn)));
        };
        expect([index(0n), index(0x7ff_ffff_ffffn)]).toEqual([0, 0x1ff]);
        expect([index(0xffff_f800_0000_0000n), index(0xffff_fffb_ffff_ffffn)]).toEqual([0x600, 0x7fe]);
      },
    },
    'a swap entry keeps its type above the page shift, a file entry uses the bit of MODIFIED': {
      source: 'asm-sparc64/pgtable.h: __swp_type, pte_file',
      holds: ({ pte, geometry }) => {
        expect(pte.makeSwap(3, 7n)).toBe((3n << BigInt(geometry.pageShift)) | (7n << BigInt(geometry.pageShift + 8)));
        expect(pte.makeFile(9n)).toBe((9n << BigInt(geometry.pageShift)) | MODIFIED);
      },
    },
    'pte_modify drops all sizes but the base page, and G, L, NFO and IE': {
      source: 'asm-sparc64/pgtable.h: pte_modify',
      holds: ({ pte, pageSize }) => {
        const sizes = 0x6000_0000_0000_0000n;
        const others = 0x1800_0000_0000_0041n;
        const modified = pte.modify(pte.make(8n, SHARED_RW) | sizes | others, SHARED_RW);
        expect(modified & (sizes | others)).toBe(pageSize === 8192 ? 0n : 0x2000_0000_0000_0000n);
      },
    },
    'a forced write makes a PROT_NONE page usable by the program where the page is reused, not where it is copied': {
      source: 'asm-sparc64/pgtable.h: pte_mkyoung; mm/memory.c: do_wp_page',
      holds: (arch) => {
        const usable = (shared: boolean): boolean => {
          const machine = new Machine({ arch });
          const process = machine.spawn();
          const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
          process.store8(at, 1);
          if (shared) process.fork();
          process.mprotect(at, arch.pageSize, '-');
          process.poke(at, Uint8Array.of(2));
          const value = process.explain(at).pte?.value as bigint;
          return (value & VALID) !== 0n;
        };
        expect([usable(false), usable(true)]).toEqual([true, false]);
      },
    },
  },
});
