/** What entries hold, and what the port's functions do to them. */

import { createI386Pae, createX86_64 } from '@fourfold/arch-x86';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';
import { DIRTY, NX, P_R, P_RW, P_RX, S_R, S_RW, S_RWX, S_RX } from './scene.js';

const PFN = 0x12345;
const FRAME = 0x1234_5000n;

export default quirks({
  port: 'x86',
  about: 'Entries',
  quirks: {
    'with PAE a shared writable mapping can be executed: its protection has no NX, where read-only ones have it': {
      source: 'asm-i386/pgtable.h: PAGE_SHARED, __S011',
      machines: ['i386-pae'],
      holds: ({ pte }) => {
        expect(pte.protection(S_RW)).toBe(0x027n);
        expect([pte.protection(S_R), pte.protection(P_R), pte.protection(P_RW)]).toEqual([
          NX | 0x25n,
          NX | 0x25n,
          NX | 0x25n,
        ]);
      },
    },
    'a shared writable mapping that may not be executed has NX': {
      source: 'asm-x86_64/pgtable.h: PAGE_SHARED_NOEXEC',
      machines: ['x86_64'],
      holds: ({ pte }) => {
        expect([pte.protection(S_RW), pte.protection(S_RWX)]).toEqual([NX | 0x27n, 0x27n]);
      },
    },
    'without NX every readable page can be executed, and PROT_EXEC alone can be read': {
      source: 'asm-i386/pgtable.h: __P000 to __S111',
      machines: ['i386'],
      holds: ({ pte }) => {
        expect([P_R, P_RW, P_RX, 4, S_R, S_RX, 12].map((index) => pte.protection(index))).toEqual(Array(7).fill(0x25n));
      },
    },
    'protections lose bit 63 when the processor has no NX: __supported_pte_mask': {
      source: 'arch/i386/mm/init.c: set_nx; arch/x86_64/mm/init.c: check_efer',
      machines: ['i386-pae', 'x86_64'],
      holds: ({ name }) => {
        const { pte } = name === 'x86_64' ? createX86_64({ nx: false }) : createI386Pae({ nx: false });
        expect(pte.make(PFN, P_RW)).toBe(FRAME | 0x25n);
        expect(pte.modify(pte.make(PFN, S_RWX), P_R)).toBe(FRAME | 0x25n);
      },
    },
    'pte_modify keeps the frame, A and D, and drops all else that the new protection has not': {
      source: 'asm-i386/pgtable.h, asm-x86_64/pgtable.h: _PAGE_CHG_MASK, pte_modify',
      holds: ({ pte }) => {
        const noncached = pte.make(PFN, S_RWX) | 0x18n | DIRTY;
        expect(pte.modify(noncached, P_RX)).toBe(FRAME | 0x65n);
      },
    },
    'pte_modify of PAE keeps the high half but NX, bits that no frame has among them': {
      source: 'asm-i386/pgtable.h: pte_modify (CONFIG_X86_PAE)',
      machines: ['i386-pae'],
      holds: ({ pte }) => {
        expect(pte.modify(0x8000_0010_0000_0025n, S_RX)).toBe(0x0000_0010_0000_0025n);
        expect(pte.modify(0x0000_0001_2345_6067n, P_R)).toBe(0x8000_0001_2345_6065n);
      },
    },
    'a dirty PROT_NONE page has the bit of a file entry: it is present, because bit 7 is asked first': {
      source: 'asm-i386/pgtable.h: pte_present, pte_file, _PAGE_PROTNONE',
      holds: ({ pte }) => {
        const word = pte.modify(pte.make(PFN, S_RWX) | DIRTY, 0);
        expect(word).toBe(FRAME | 0xe0n);
        expect(pte.decode(word)).toMatchObject({ kind: 'present', valid: false, dirty: true, pfn: BigInt(PFN) });
        expect(pte.modify(word, P_RX)).toBe(FRAME | 0x65n);
      },
    },
    'taking away the right to execute takes the right to read too, and never touches NX': {
      source: 'asm-i386/pgtable.h, asm-x86_64/pgtable.h: pte_exprotect, pte_mkexec',
      holds: ({ pte }) => {
        const word = pte.make(PFN, S_RWX);
        const protectedWord = pte.change(word, 'exprotect');
        expect(protectedWord).toBe(word & ~4n);
        expect(pte.decode(protectedWord)).toMatchObject({ read: false, exec: false });
        expect(pte.change(protectedWord, 'mkexec')).toBe(word);
      },
    },
    'pte_exec of x86_64 looks at USER and not at NX: a page that no fetch can use counts as executable': {
      source: 'asm-x86_64/pgtable.h: pte_exec',
      machines: ['x86_64'],
      holds: ({ pte }) => {
        expect(pte.decode(pte.make(PFN, P_R)).exec).toBe(true);
      },
    },
    'pte_mkhuge sets PRESENT with PSE, so a PROT_NONE large page becomes present to the processor': {
      source: 'asm-i386/pgtable.h, asm-x86_64/pgtable.h before 2.6.18: pte_mkhuge, _PAGE_PSE | _PAGE_PRESENT',
      holds: ({ pte }) => {
        const word = pte.change(pte.make(0x12400, 0), 'mkhuge');
        expect(word).toBe(0x1240_00a1n);
        expect(pte.decode(word)).toMatchObject({ kind: 'present', read: false });
      },
    },
    'pte_pfn takes the low 12 bits of the high half, four more than the processor has address lines, and not NX': {
      source: 'asm-i386/pgtable-3level.h: pte_pfn',
      machines: ['i386-pae'],
      holds: ({ pte }) => {
        expect(pte.pfn(0x8000_0fff_ffff_f025n)).toBe(0xff_ffff_ffn);
        expect(pte.pfn(0x8000_f000_0000_0025n)).toBe(0n);
      },
    },
    'frames end at bit 45: PTE_MASK is that of the 46-bit physical mask of 2.6.15-rc2': {
      source: 'asm-x86_64/pgtable.h: PTE_MASK, __PHYSICAL_MASK_SHIFT',
      machines: ['x86_64'],
      holds: ({ pte }) => {
        expect(pte.pfn(0x8fff_ffff_ffff_ffffn)).toBe(0x3_ffff_ffffn);
      },
    },
    'an entry of the page directory or a pmd is bad unless it is 0x063 but for USER: a large page is, and so is an entry never used':
      {
        source: 'asm-i386/pgtable.h: pmd_bad, _KERNPG_TABLE',
        machines: ['i386', 'i386-pae'],
        holds: ({ tables, geometry }) => {
          const level = geometry.names.at(-2) as 'pgd' | 'pmd';
          const bad = (word: bigint): boolean => tables.decode(level, word).bad;
          expect([0x067n, 0x063n, 0x0e7n, 0x047n, 0x167n].map((flags) => bad(FRAME | flags))).toEqual([
            false,
            false,
            true,
            true,
            true,
          ]);
        },
      },
    'pgd_bad and pud_bad forgive missing flags, pmd_bad does not': {
      source: 'asm-x86_64/pgtable.h: pgd_bad, pud_bad, pmd_bad',
      machines: ['x86_64'],
      holds: ({ tables }) => {
        const bad = (level: 'pgd' | 'pud' | 'pmd', flags: bigint): boolean => tables.decode(level, FRAME | flags).bad;
        for (const level of ['pgd', 'pud'] as const) {
          expect([0x067n, 0x041n, 0x0e7n].map((flags) => bad(level, flags))).toEqual([false, false, true]);
        }
        expect([0x067n, 0x063n, 0x041n, 0x0e7n].map((flags) => bad('pmd', flags))).toEqual([false, false, true, true]);
      },
    },
    'pmd_none looks at the low half alone, so that an entry half written counts as none': {
      source: 'asm-i386/pgtable.h: pmd_none (CONFIG_X86_PAE)',
      machines: ['i386-pae'],
      holds: ({ tables }) => {
        expect(tables.decode('pmd', 0x0000_0001_0000_0000n).none).toBe(true);
      },
    },
    'a page directory pointer has P alone, where tables elsewhere are linked with P, RW, US, A and D': {
      source: 'arch/i386/mm/pgtable.c: pgd_alloc (1 + __pa(pmd)); asm-i386/pgalloc.h: pmd_populate',
      machines: ['i386-pae'],
      holds: ({ tables }) => {
        expect(tables.make('pgd', 0x37f1_a000)).toBe(0x37f1_a001n);
        expect(tables.make('pmd', 0x1_2345_6000)).toBe(0x1_2345_6067n);
      },
    },
  },
});
