/** Blocks of the buddy allocator are aligned by frame number, and lie in one bank. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemMap } from '../../src/memory/mem-map.js';
import { PhysicalMemory } from '../../src/memory/physical.js';
import { Zone } from '../../src/memory/zone.js';

const PAGE = 4096;

test('whatever the banks: every block is aligned and whole, and in the end all blocks join again', () => {
  const bank = fc.record({ gap: fc.nat(40), pages: fc.integer({ min: 1, max: 200 }) });
  fc.assert(
    fc.property(
      fc.array(bank, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(6), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 4, max: 8 }),
      (shapes, orders, maxOrder) => {
        let base = 0;
        const banks = shapes.map(({ gap, pages }) => {
          const made = { base: (base + gap + 1) * PAGE, size: pages * PAGE };
          base += gap + 1 + pages;
          return made;
        });
        const memory = new PhysicalMemory(12, banks, false);
        const map = new MemMap(memory.nrPages);
        const zone = new Zone('Normal', memory, map, 0, memory.nrPages, maxOrder);
        const before = zone.recountFree();
        expect(before).toBe(memory.nrPages);
        const taken: [number, number][] = [];
        for (const wanted of orders) {
          const order = Math.min(wanted, maxOrder - 1);
          const page = zone.take(order);
          if (page < 0) continue;
          const pfn = memory.pageToPfn(page);
          expect(pfn % 2 ** order).toBe(0);
          expect(memory.pfnToPage(pfn + 2 ** order - 1)).toBe(page + 2 ** order - 1);
          taken.push([page, order]);
        }
        const whole = new Zone('twin', memory, new MemMap(memory.nrPages), 0, memory.nrPages, maxOrder);
        for (const [page, order] of taken) zone.give(page, order);
        expect(zone.recountFree()).toBe(before);
        const largest = (one: Zone): number => {
          let n = 0;
          while (one.take(maxOrder - 1) >= 0) n++;
          return n;
        };
        expect(largest(zone)).toBe(largest(whole));
      },
    ),
  );
});
