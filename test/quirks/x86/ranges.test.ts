/** Flushing ranges. */
import { Machine } from '@fourfold/core';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

export default quirks({
  port: 'x86',
  about: 'Flushing ranges',
  quirks: {
    'flush_tlb_range takes no notice of the range: a page of the same mm far away has to be walked again': {
      source: 'asm-i386/tlbflush.h, asm-x86_64/tlbflush.h: flush_tlb_range',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const { pageSize } = machine;
        const near = process.mmap({ length: 2 * pageSize, prot: 'rw', flags: 'private|anonymous' });
        const far = process.mmap({ length: pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(near, 1);
        process.store8(far, 1);
        process.load8(far);
        const before = machine.counters.get('tlbDataMisses2');
        process.load8(far);
        expect(machine.counters.get('tlbDataMisses2') - before).toBe(0);
        process.mprotect(near, pageSize, 'r');
        process.load8(far);
        expect(machine.counters.get('tlbDataMisses2') - before).toBe(1);
      },
    },
  },
});
