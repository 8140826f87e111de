/** Flush calls and what they are asked for. */
import { Machine } from '@fourfold/core';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

export default quirks({
  port: 'sparc64',
  about: 'Flush calls that ignore their arguments',
  quirks: {
    'flush_tlb_mm of an mm with nothing pending demaps nothing: its translations stay': {
      source: 'asm-sparc64/tlbflush.h: flush_tlb_mm',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const page = process.mmap({ length: machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(page, 1);
        process.load8(page);
        const before = machine.counters.get('purgedEntries');
        machine.kernel.mmu.flushMm(process.mm);
        expect(machine.counters.get('purgedEntries') - before).toBe(0);
        const misses = machine.counters.get('tlbDataMisses2');
        process.load8(page);
        expect(machine.counters.get('tlbDataMisses2')).toBe(misses);
      },
    },
  },
});
