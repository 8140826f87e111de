/** Entries that are not present: swapped pages and file pages. */
import { MAP_NONBLOCK, Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { AT, map, warmFile } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { entry } from './scene.js';

/** A process with two pages of a file that has all pages there can be, shared. */
function nonlinear(arch: ArchDescriptor): Process {
  const machine = new Machine({ arch });
  const process = machine.spawn();
  map(process, 2, { file: warmFile(machine, 2 ** 32), flags: 'shared|fixed' });
  return process;
}

export default quirks({
  port: 'x86',
  about: 'Swap and file entries',
  quirks: {
    'the offset of a file page is split around the flags: five bits below bit 6, the others from bit 8': {
      source: 'asm-i386/pgtable-2level.h: pte_to_pgoff, pgoff_to_pte',
      machines: ['i386'],
      holds: ({ pte }) => {
        expect([0, 1, 0x1f, 0x20, 0x12345, 0x1fff_ffff].map((offset) => pte.makeFile(offset))).toEqual([
          0x40n,
          0x42n,
          0x7en,
          0x140n,
          0x91a4an,
          0xffff_ff7en,
        ]);
        expect(() => pte.makeFile(2 ** 29)).toThrow('MM_PGOFF_RANGE');
      },
    },
    'swap entries live in the high half, with a low half of 0: only both halves tell them from none': {
      source: 'asm-i386/pgtable-3level.h: __swp_entry, __swp_entry_to_pte',
      machines: ['i386-pae'],
      holds: ({ pte }) => {
        expect(pte.makeSwap(1, 0x1234)).toBe(0x0002_4681_0000_0000n);
        expect(pte.makeSwap(0, 1) & 0xffff_ffffn).toBe(0n);
        expect(pte.decode(pte.makeSwap(0, 1)).kind).toBe('swap');
      },
    },
    'a file entry has the offset in its high half and 0x40 in its low one, exactly': {
      source: 'asm-i386/pgtable-3level.h: pgoff_to_pte, PTE_FILE_MAX_BITS',
      machines: ['i386-pae'],
      holds: ({ pte, pteFormat }) => {
        expect(pte.makeFile(0xffff_ffffn)).toBe(0xffff_ffff_0000_0040n);
        expect(pteFormat.fileMaxBits).toBe(32);
      },
    },
    'the swap type has a sixth bit, which is the flag of file entries: only 32 areas keep it clear': {
      source: 'asm-x86_64/pgtable.h: __swp_type (0x3f); linux/swap.h: MAX_SWAPFILES',
      machines: ['x86_64'],
      holds: ({ pte }) => {
        expect(pte.makeSwap(31, 0x123456789)).toBe(0x0000_0123_4567_893en);
        expect(pte.decode(pte.makeSwap(32, 1)).kind).toBe('file');
      },
    },
    'a file offset is stored whole and read back through PTE_MASK: from 2^34 pages on its top bits are lost, though 46 are allowed':
      {
        source: 'asm-x86_64/pgtable.h: pgoff_to_pte, pte_to_pgoff, PTE_FILE_MAX_BITS',
        machines: ['x86_64'],
        holds: ({ pte, pteFormat }) => {
          expect(pte.decode(pte.makeFile(2n ** 34n - 1n)).fileOffset).toBe(2n ** 34n - 1n);
          expect(pte.makeFile(2n ** 46n - 1n)).toBe(0x03ff_ffff_ffff_f040n);
          expect(pte.decode(pte.makeFile(2n ** 46n - 1n)).fileOffset).toBe(2n ** 34n - 1n);
          expect(pteFormat.fileMaxBits).toBe(46);
        },
      },
    'remap_file_pages refuses an offset that with its length reaches 2^29 pages': {
      source: 'mm/fremap.c: sys_remap_file_pages (#if PTE_FILE_MAX_BITS < BITS_PER_LONG)',
      machines: ['i386'],
      holds: (arch) => {
        const process = nonlinear(arch);
        process.remapFilePages(AT, 4096, 2 ** 29 - 2, MAP_NONBLOCK);
        expect(entry(process)).toBe(arch.pte.makeFile(2 ** 29 - 2));
        expect(() => process.remapFilePages(AT, 4096, 2 ** 29 - 1, MAP_NONBLOCK)).toThrow('EINVAL');
      },
    },
    'with PAE that test is compiled out: every offset of 32 bits has an entry': {
      source: 'mm/fremap.c: sys_remap_file_pages (#if PTE_FILE_MAX_BITS < BITS_PER_LONG)',
      machines: ['i386-pae'],
      holds: (arch) => {
        const process = nonlinear(arch);
        process.remapFilePages(AT, 4096, 0xffff_fffe, MAP_NONBLOCK);
        expect(entry(process)).toBe(0xffff_fffe_0000_0040n);
      },
    },
    'slot 0 is the swap header, so an entry of type 0 is never the empty word': {
      source: 'mm/swapfile.c: sys_swapon; asm-i386/pgtable-2level.h: __swp_entry',
      holds: ({ pte }) => {
        expect(pte.decode(pte.makeSwap(0, 0)).kind).toBe('none');
        expect(pte.decode(pte.makeSwap(0, 1))).toMatchObject({ kind: 'swap', swapType: 0, swapOffset: 1n });
      },
    },
  },
});
