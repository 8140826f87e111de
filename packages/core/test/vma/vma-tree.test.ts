import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KernelBug } from '../../src/errors.js';
import { EventRing } from '../../src/events/ring.js';
import { Mm } from '../../src/vma/mm.js';
import { Vma } from '../../src/vma/vma.js';
import type { VmaTree } from '../../src/vma/vma-tree.js';

const mm = new Mm(0, 0, false, new EventRing());

function area(start: number, end: number): Vma {
  return new Vma(mm, start, end, 0, 0, null);
}

/** The slow twin: a sorted array. */
class SortedAreas {
  readonly list: Vma[] = [];
  insert(vma: Vma): void {
    this.list.push(vma);
    this.list.sort((a, b) => a.start - b.start);
  }
  remove(vma: Vma): void {
    this.list.splice(this.list.indexOf(vma), 1);
  }
  find(vpn: number): Vma | null {
    return this.list.find((vma) => vma.end > vpn) ?? null;
  }
  before(vpn: number): Vma | null {
    return this.list.filter((vma) => vma.start < vpn).at(-1) ?? null;
  }
}

function same(tree: VmaTree, twin: SortedAreas): void {
  expect([...tree]).toEqual(twin.list);
  expect(tree.size).toBe(twin.list.length);
  expect(tree.first).toBe(twin.list[0] ?? null);
  expect(tree.last).toBe(twin.list.at(-1) ?? null);
  twin.list.forEach((vma, i) => {
    expect(vma.prev).toBe(twin.list[i - 1] ?? null);
    expect(vma.next).toBe(twin.list[i + 1] ?? null);
  });
}

test('looks areas up as a sorted array does, whatever is inserted and removed', () => {
  const step = fc.record({
    start: fc.nat(400),
    pages: fc.integer({ min: 1, max: 12 }),
    ask: fc.nat(420),
    remove: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const tree = new Mm(0, 0, false, new EventRing()).vmas;
      const twin = new SortedAreas();
      for (const { start, pages, ask, remove } of steps) {
        const hit = tree.containing(start);
        if (remove && hit !== null) {
          tree.remove(hit);
          twin.remove(hit);
        } else if (tree.intersecting(start, start + pages) === null) {
          const vma = area(start, start + pages);
          tree.insert(vma);
          twin.insert(vma);
        }
        expect(tree.find(ask)).toBe(twin.find(ask));
        expect(tree.before(ask)).toBe(twin.before(ask));
      }
      same(tree, twin);
    }),
    { numRuns: 200 },
  );
});

test('keeps its order over many blocks, filled from either end and emptied from the middle', () => {
  for (const ascending of [true, false]) {
    const tree = new Mm(0, 0, false, new EventRing()).vmas;
    const twin = new SortedAreas();
    const starts = Array.from({ length: 1500 }, (_, i) => 3 * (ascending ? i : 1499 - i));
    for (const start of starts) {
      const vma = area(start, start + 2);
      tree.insert(vma);
      twin.list.push(vma);
    }
    twin.list.sort((a, b) => a.start - b.start);
    for (const vma of twin.list.splice(300, 900)) tree.remove(vma);
    same(tree, twin);
    for (let vpn = 0; vpn < 4510; vpn += 7) expect(tree.find(vpn)).toBe(twin.find(vpn));
  }
});

test('page numbers up to 2^52 are exact', () => {
  const tree = new Mm(0, 0, false, new EventRing()).vmas;
  const top = 2 ** 52;
  const vma = area(top - 2, top - 1);
  tree.insert(vma);
  expect(tree.find(top - 2)).toBe(vma);
  expect(tree.containing(top - 1)).toBeNull();
});

test('an overlap, an empty area and a stranger are refused as defects of ours', () => {
  const tree = new Mm(0, 0, false, new EventRing()).vmas;
  tree.insert(area(10, 20));
  expect(() => tree.insert(area(19, 21))).toThrow(KernelBug);
  expect(() => tree.insert(area(5, 11))).toThrow(KernelBug);
  expect(() => tree.insert(area(30, 30))).toThrow(KernelBug);
  expect(() => tree.remove(area(10, 20))).toThrow(KernelBug);
});
