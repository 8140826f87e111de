/** Context numbers. */
import { Machine } from '@fourfold/core';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

export default quirks({
  port: 'ia64',
  about: 'Context numbers',
  quirks: {
    'flush_tlb_mm purges nothing: the mm takes another context number and what was cached under the old one stays': {
      source: 'asm-ia64/tlbflush.h: flush_tlb_mm, local_finish_flush_tlb_mm',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const page = process.mmap({ length: machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(page, 1);
        const context = process.mm.context;
        const purged = machine.counters.get('purgedEntries');
        machine.kernel.mmu.flushMm(process.mm);
        expect(process.mm.context).not.toBe(context);
        expect(machine.counters.get('purgedEntries')).toBe(purged);
        const { tlb } = machine.kernel.cpu;
        const slots = Array.from({ length: tlb.slots }, (_, slot) => tlb.contextOf(slot));
        expect(slots).toContain(context);
      },
    },
  },
});
