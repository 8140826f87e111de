/** The TLB against a list of what was filled and dropped: it may forget, it must never make anything up. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TlbShape } from '../../src/arch/mmu-data.js';
import { RIGHT_LOAD, TLB_GLOBAL, TLB_TABLE } from '../../src/tlb/record.js';
import { Tlb } from '../../src/tlb/tlb.js';

const SHAPES: Record<string, TlbShape> = {
  'one associative unit, shared': { units: [{ name: 'u', sets: 1, ways: 8 }], exec: [0], data: [0] },
  'two units of sets': {
    units: [
      { name: 'i', sets: 8, ways: 4 },
      { name: 'd', sets: 16, ways: 4 },
    ],
    exec: [0],
    data: [1],
  },
  'two levels, second shared': {
    units: [
      { name: 'i', sets: 1, ways: 5 },
      { name: 'd', sets: 1, ways: 5 },
      { name: 'l2', sets: 16, ways: 2 },
    ],
    exec: [0, 2],
    data: [1, 2],
  },
  'two levels of many ways': {
    units: [
      { name: 'i', sets: 1, ways: 3 },
      { name: 'd', sets: 1, ways: 4 },
      { name: 'i2', sets: 1, ways: 12 },
      { name: 'd2', sets: 2, ways: 9 },
    ],
    exec: [0, 2],
    data: [1, 3],
  },
  'three levels, the last one shared': {
    units: [
      { name: 'i', sets: 1, ways: 3 },
      { name: 'd', sets: 2, ways: 2 },
      { name: 'i2', sets: 4, ways: 2 },
      { name: 'd2', sets: 1, ways: 12 },
      { name: 'l3', sets: 16, ways: 4 },
    ],
    exec: [0, 2, 4],
    data: [1, 3, 4],
  },
  'sets that are no power of two': { units: [{ name: 'u', sets: 12, ways: 3 }], exec: [0], data: [0] },
};

const kind = fc.constantFrom(0, 1, 2);
const vpn = fc.oneof(fc.nat(60), fc.constantFrom(0x1_0000_0005, 2 ** 51 + 5, 0xffff_ffff, 0x8000_0000));
const context = fc.nat(2);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('fill' as const), kind, vpn, context, fc.nat(9)) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('find' as const), kind, vpn, context) },
  fc.tuple(fc.constant('dropPage' as const), vpn, context),
  fc.tuple(fc.constant('dropContext' as const), context),
  fc.tuple(fc.constant('dropRange' as const), vpn, fc.nat(20), context),
  fc.tuple(fc.constant('dropAll' as const), fc.boolean()),
);

interface Entry {
  frame: number;
  global: boolean;
}

function halves(page: number): [number, number] {
  return [Math.floor(page / 4294967296) | 0, page | 0];
}

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`${name}: what is found was filled last and not dropped since`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const tlb = new Tlb(shape);
        const model = new Map<string, Entry>();
        let frame = 1;
        for (const s of steps) {
          switch (s[0]) {
            case 'fill': {
              const [hi, lo] = halves(s[2]);
              const global = s[4] === 0;
              // A port fills only after a miss of that very page, so a second copy never differs.
              if (tlb.find(s[1], hi, lo, s[3]) >= 0) break;
              const known = model.get(`${s[3]}/${s[2]}`);
              const entry = known ?? { frame: frame++, global };
              if (entry.global !== global) break;
              if (!global && [...model].some(([key, e]) => e.global && key.endsWith(`/${s[2]}`))) break;
              if (global && [...model.keys()].some((key) => key.endsWith(`/${s[2]}`) && key !== `${s[3]}/${s[2]}`))
                break;
              model.set(`${s[3]}/${s[2]}`, entry);
              const slot = tlb.fill(s[1], hi, lo, s[3], entry.frame, RIGHT_LOAD, global ? TLB_GLOBAL : 0, 0);
              expect(tlb.frameOf(slot)).toBe(entry.frame);
              expect(tlb.pageOf(slot)).toBe(s[2]);
              expect(tlb.find(s[1], hi, lo, s[3])).toBe(slot);
              break;
            }
            case 'find': {
              const [hi, lo] = halves(s[2]);
              const slot = tlb.find(s[1], hi, lo, s[3]);
              if (slot < 0) break;
              const own = model.get(`${s[3]}/${s[2]}`);
              const global = [...model].find(([key, e]) => e.global && key.endsWith(`/${s[2]}`))?.[1];
              expect([own?.frame, global?.frame]).toContain(tlb.frameOf(slot));
              break;
            }
            case 'dropPage': {
              tlb.dropPage(...halves(s[1]), s[2]);
              forget(model, (page, owner, e) => page === s[1] && (owner === s[2] || e.global));
              expect(tlb.find(1, ...halves(s[1]), s[2])).toBe(-1);
              expect(tlb.find(0, ...halves(s[1]), s[2])).toBe(-1);
              break;
            }
            case 'dropContext':
              tlb.dropContext(s[1]);
              forget(model, (_page, owner, e) => owner === s[1] && !e.global);
              break;
            case 'dropRange':
              tlb.dropRange(s[1], s[1] + s[2], s[3]);
              forget(model, (page, owner, e) => page >= s[1] && page < s[1] + s[2] && (owner === s[3] || e.global));
              break;
            case 'dropAll':
              tlb.dropAll(s[1]);
              forget(model, (_page, _owner, e) => !s[1] || !e.global);
              break;
          }
        }
      }),
      { numRuns: 200 },
    );
  });
}

function forget(model: Map<string, Entry>, gone: (page: number, owner: number, e: Entry) => boolean): void {
  for (const [key, e] of [...model]) {
    const [owner, page] = key.split('/').map(Number) as [number, number];
    if (gone(page, owner, e)) model.delete(key);
  }
}

test('a set keeps as many pages as it has ways', () => {
  const tlb = new Tlb(SHAPES['two units of sets'] as TlbShape);
  for (let i = 0; i < 4; i++) tlb.fill(1, 0, i * 16, 0, i, RIGHT_LOAD, 0, 0);
  for (let i = 0; i < 4; i++) expect(tlb.find(1, 0, i * 16, 0)).toBeGreaterThanOrEqual(0);
  tlb.fill(1, 0, 4 * 16, 0, 4, RIGHT_LOAD, 0, 0);
  const kept = [0, 1, 2, 3].filter((i) => tlb.find(1, 0, i * 16, 0) >= 0);
  expect(kept.length).toBe(3);
});

test('a second-level hit refills the first level and says so', () => {
  const tlb = new Tlb(SHAPES['two levels, second shared'] as TlbShape);
  for (let i = 0; i < 8; i++) tlb.fill(1, 0, i, 0, 100 + i, RIGHT_LOAD, 0, 0);
  const slot = tlb.find(1, 0, 0, 0);
  expect([tlb.frameOf(slot), tlb.secondLevelHit]).toEqual([100, 1]);
  expect([tlb.find(1, 0, 0, 0), tlb.secondLevelHit]).toEqual([slot, 0]);
});

test('of three levels each has every fill, and a hit in the last one marks the slot there as used', () => {
  const tlb = new Tlb(SHAPES['three levels, the last one shared'] as TlbShape);
  const fill = (kind: number, page: number): number => tlb.fill(kind, 0, page, 0, 100 + page, RIGHT_LOAD, 0, 0);
  /** Pushes what data accesses have cached out of the first two levels. */
  const others = (): void => {
    for (let page = 1; page < 16; page++) fill(1, page);
  };
  for (const page of [0, 16, 32]) fill(1, page);
  expect(Array.from({ length: tlb.slots }, (_, slot) => tlb.contextOf(slot)).filter((c) => c === 0).length).toBe(8);
  others();
  // One set of four in the last level: page 0 goes, then those that were not used since.
  for (const page of [48, 64]) fill(0, page);
  expect([tlb.frameOf(tlb.find(1, 0, 32, 0)), tlb.secondLevelHit]).toEqual([132, 1]);
  for (const page of [80, 96]) fill(0, page);
  others();
  expect([0, 16, 32, 48].map((page) => tlb.find(1, 0, page, 0) >= 0)).toEqual([false, false, true, false]);
});

test('a walker works with the last data unit alone', () => {
  const tlb = new Tlb(SHAPES['two levels of many ways'] as TlbShape);
  const slot = tlb.fillLast(1, 5, 7, 42, 0, TLB_TABLE);
  expect(tlb.findLast(1, 5, 7)).toBe(slot);
  expect(tlb.findLast(1, 5, 8)).toBe(-1);
  expect(tlb.findLast(0, 5, 7)).toBe(-1);
  expect([tlb.frameOf(slot), tlb.attrsOf(slot), tlb.rightsOf(slot)]).toEqual([42, TLB_TABLE, 0]);
  expect(tlb.find(0, 1, 5, 7)).toBe(-1);
  expect(tlb.dropPage(1, 5, 7)).toBe(1);
  expect(tlb.findLast(1, 5, 7)).toBe(-1);
});
