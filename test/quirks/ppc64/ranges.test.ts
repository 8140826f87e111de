/** Flush calls and what they are asked for. */
import { Machine } from '@fourfold/core';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

export default quirks({
  port: 'ppc64',
  about: 'Flush calls that ignore their arguments',
  quirks: {
    'flush_tlb_page with nothing pending sends no tlbie: the translation stays': {
      source: 'asm-powerpc/tlbflush.h: flush_tlb_page',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const page = process.mmap({ length: machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(page, 1);
        process.load8(page);
        const misses = machine.counters.get('tlbDataMisses2');
        machine.kernel.mmu.flushPage(process.mm, Number(page / BigInt(machine.pageSize)));
        process.load8(page);
        expect(machine.counters.get('tlbDataMisses2')).toBe(misses);
      },
    },
  },
});
