/** ptep_set_access_flags, and what else keeps the accessed and dirty bits. */
import { Machine } from '@fourfold/core';
import { expect } from 'vitest';
import { fault, look, map, outcome, pageAt, plantPte, pteOf, run } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { ACCESSED, DIRTY, entry, growth, registers } from './scene.js';

export default quirks({
  port: 'x86',
  about: 'Accessed and dirty',
  quirks: {
    'ptep_set_access_flags of a read does nothing at all: neither entry nor TLB changes': {
      source: 'asm-i386/pgtable.h, asm-x86_64/pgtable.h: ptep_set_access_flags (if (__dirty))',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 1);
        process.store8(pageAt(machine, 0), 1);
        const { hi, lo } = pteOf(process, 0) as { hi: number; lo: number };
        plantPte(process, 0, hi, lo & ~0x20);
        const before = entry(process);
        const flushes = growth(machine, 'flushPage', () =>
          expect(outcome(run(fault(process, 0, false)))).toBe('MINOR'),
        );
        expect([entry(process), flushes]).toEqual([before, 0]);
      },
    },
    'of a store it stores the entry and flushes the page': {
      source: 'asm-i386/pgtable.h: ptep_set_access_flags',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 1);
        process.store8(pageAt(machine, 0), 1);
        const { hi, lo } = pteOf(process, 0) as { hi: number; lo: number };
        plantPte(process, 0, hi, lo & ~0x60);
        const invlpgs = registers(machine).invlpgs;
        run(fault(process, 0, true));
        expect([entry(process) & (ACCESSED | DIRTY), registers(machine).invlpgs - invlpgs]).toEqual([
          ACCESSED | DIRTY,
          1,
        ]);
      },
    },
    'with PAE it stores the low half alone': {
      source: 'asm-i386/pgtable.h: ptep_set_access_flags ((ptep)->pte_low = (entry).pte_low)',
      machines: ['i386-pae'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 1);
        process.store8(pageAt(machine, 0), 1);
        process.mprotect(pageAt(machine, 0), machine.pageSize, 'r');
        process.mprotect(pageAt(machine, 0), machine.pageSize, 'rw');
        let windows = 0;
        machine.inject.tear = () => windows++;
        // The page is the process's own: it is made writable where it is. The one window is that of the fault's own reading.
        expect(growth(machine, 'reuseFaults', () => process.store8(pageAt(machine, 0), 1))).toBe(1);
        expect(windows).toBe(1);
      },
    },
    'no fault is ever taken to set them': {
      source: 'IA-32 manual vol. 3, 3.7.6',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 4);
        for (let i = 0; i < 4; i++) process.store8(pageAt(machine, i), 1);
        for (let i = 0; i < 4; i++) {
          const { hi, lo } = pteOf(process, i) as { hi: number; lo: number };
          plantPte(process, i, hi, lo & ~0x60);
        }
        machine.kernel.mmu.flushMm(process.mm);
        expect(
          growth(machine, 'minorFaults', () => {
            look(process, 4);
            for (let i = 0; i < 4; i++) process.store8(pageAt(machine, i), 2);
          }),
        ).toBe(0);
        expect([0, 1, 2, 3].map((i) => entry(process, i) & (ACCESSED | DIRTY))).toEqual(
          Array(4).fill(ACCESSED | DIRTY),
        );
      },
    },
  },
});
