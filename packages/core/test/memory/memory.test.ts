/** Frames: the buddy allocator against a plain set of free pages, banks, sparse contents and byte order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MmError } from '../../src/errors.js';
import { Counters } from '../../src/events/counters.js';
import { Injection } from '../../src/events/injection.js';
import { EventRing } from '../../src/events/ring.js';
import { MemMap } from '../../src/memory/mem-map.js';
import { PageAllocator } from '../../src/memory/page-allocator.js';
import { PhysicalMemory } from '../../src/memory/physical.js';

const PAGE = 4096;

function allocator(pages: number): PageAllocator {
  const memory = new PhysicalMemory(12, [{ base: 0, size: pages * PAGE }], false);
  return new PageAllocator(
    memory,
    [{ name: 'Normal', endPfn: pages }],
    new Counters(),
    new EventRing(),
    new Injection(),
  );
}

test('blocks never overlap, lie on their own size, and all come back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 600, max: 1500 }),
      fc.array(fc.tuple(fc.nat(4), fc.nat(30), fc.boolean()), { maxLength: 150, size: 'max' }),
      (pages, steps) => {
        const a = allocator(pages);
        const zone = a.zones[0] as NonNullable<(typeof a.zones)[0]>;
        const held: { page: number; order: number }[] = [];
        const used = new Set<number>();
        for (const [order, pick, gives] of steps) {
          if (gives && held.length > 0) {
            const [block] = held.splice(pick % held.length, 1) as [{ page: number; order: number }];
            a.free(block.page, block.order);
            for (let i = 0; i < 2 ** block.order; i++) used.delete(block.page + i);
          } else {
            const page = a.alloc(order);
            if (page < 0) continue;
            expect(page % 2 ** order).toBe(0);
            for (let i = 0; i < 2 ** order; i++) {
              expect(used.has(page + i)).toBe(false);
              used.add(page + i);
            }
            held.push({ page, order });
          }
          expect(a.freePages).toBe(pages - used.size);
          expect(zone.recountFree()).toBe(a.freePages);
        }
        for (const block of held) a.free(block.page, block.order);
        expect(zone.recountFree()).toBe(pages);
      },
    ),
    { numRuns: 60 },
  );
});

test('an allocation stops at the watermark and leaves the reserve alone', () => {
  const a = allocator(1024);
  const zone = a.zones[0] as NonNullable<(typeof a.zones)[0]>;
  let taken = 0;
  while (a.alloc(0) >= 0) taken++;
  expect(taken).toBe(1024 - zone.pagesMin);
  expect([zone.pagesMin, zone.pagesLow, zone.pagesHigh]).toEqual([64, 80, 96]); // sqrt(16 x 4096 kB) = 256 kB
});

describe('banks', () => {
  const memory = new PhysicalMemory(
    12,
    [
      { base: 0x10000, size: 0x20000 },
      { base: 0x40_0000_0000, size: 0x10000 },
    ],
    false,
  );

  test('pages count through all banks, frame numbers say where they lie', () => {
    expect(memory.nrPages).toBe(48);
    expect([memory.pageToPfn(0), memory.pageToPfn(31), memory.pageToPfn(32)]).toEqual([0x10, 0x2f, 0x400_0000]);
    for (let page = 0; page < memory.nrPages; page++) expect(memory.pfnToPage(memory.pageToPfn(page))).toBe(page);
    expect([memory.pfnToPage(0xf), memory.pfnToPage(0x30), memory.pfnToPage(0x400_0010)]).toEqual([-1, -1, -1]);
  });

  test('banks out of order are refused with what came', () => {
    expect(
      () =>
        new PhysicalMemory(
          12,
          [
            { base: 4096, size: 4096 },
            { base: 0, size: 4096 },
          ],
          false,
        ),
    ).toThrow(MmError);
    expect(() => new PhysicalMemory(12, [{ base: 1, size: 4096 }], false)).toThrow(/MM_BANK.*base 1/);
  });
});

test('a frame takes room when it is first written, reads as zero before, and gives the room back', () => {
  const memory = new PhysicalMemory(12, [{ base: 0, size: 64 * PAGE }], false);
  expect(memory.loadByte(5, 100)).toBe(0);
  expect(memory.framesWithContents).toBe(0);
  memory.storeByte(5, 100, 0x1ab);
  expect([memory.loadByte(5, 100), memory.loadByte(5, 101), memory.framesWithContents]).toEqual([0xab, 0, 1]);
  memory.copyFrame(6, 5);
  memory.dropContents(5);
  expect([memory.loadByte(6, 100), memory.loadByte(5, 100), memory.framesWithContents]).toEqual([0xab, 0, 1]);
  memory.storeByte(7, 0, 1);
  expect(memory.loadByte(7, 100)).toBe(0); // the room was another frame's before
  memory.check();
});

test('bytes of a word lie where the machine has them, and a dump shows them in that order', () => {
  for (const big of [false, true]) {
    const memory = new PhysicalMemory(12, [{ base: 0, size: 16 * PAGE }], big);
    const at = memory.materialize(2);
    memory.words[at] = 0x11223344;
    const order = big ? [0x11, 0x22, 0x33, 0x44] : [0x44, 0x33, 0x22, 0x11];
    expect([0, 1, 2, 3].map((i) => memory.loadByte(2, i))).toEqual(order);
    expect([...memory.read(2 * PAGE, 4)]).toEqual(order);
  }
});

test('a page descriptor takes at most 40 bytes, its contents slot included', () => {
  const map = new MemMap(1000);
  const arrays = Object.values(map).filter((value): value is Int32Array => ArrayBuffer.isView(value));
  const slot = new PhysicalMemory(12, [{ base: 0, size: 1000 * PAGE }], false).slot;
  const bytes = arrays.reduce((sum, a) => sum + a.byteLength, slot.byteLength) / 1000;
  expect(bytes).toBe(MemMap.BYTES_PER_PAGE);
  expect(bytes).toBeLessThanOrEqual(40);
});
