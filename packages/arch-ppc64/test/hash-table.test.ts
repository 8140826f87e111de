import { MmError } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressOf,
  HashTable,
  kernelVsid,
  ppc64_4k,
  ppc64_64k,
  scramble,
  unscramble,
  userVsid,
  VSID_MODULUS,
  VSID_MULTIPLIER,
  vWordHi,
  vWordLo,
} from '../src/index.js';
import { TestHost } from './host.js';

describe('insert, evict, update, invalidate', () => {
  const setUp = (defectsKept = false): HashTable => new HashTable(new TestHost(ppc64_4k, { defectsKept }), 2048);

  test('a group takes eight entries in order, and the ninth does not fit', () => {
    const table = setUp();
    for (let i = 0; i < 8; i++) expect(table.insert(5, i, 0x81, 0, i)).toBe(i);
    expect(table.insert(5, 9, 0x81, 0, 9)).toBe(-1);
    expect(table.insert(6, 9, 0x81, 0, 9)).toBe(0);
    expect(table.search(5, 3, 0x81)).toBe(table.entryAt(5, 3));
    expect(table.search(6, 3, 0x81)).toBe(0);
  });

  test('a search compares VSID, AVPN, LARGE and SECONDARY, not the two bits of software', () => {
    const table = setUp();
    table.insert(1, 7, 0x81 | 0x18, 0, 0);
    expect(table.search(1, 7, 0x81)).toBe(table.entryAt(1, 0));
    for (const other of [0x83, 0x85, 0x101]) expect(table.search(1, 7, other)).toBe(0);
    expect(table.search(1, 6, 0x81)).toBe(0);
  });

  test('eviction starts at the time base and goes up around the group, past bolted entries', () => {
    const table = setUp();
    for (let i = 0; i < 8; i++) table.insert(0x123, i, i === 6 || i === 7 ? 0x91 : 0x81, 0, 0);
    expect(table.evict(0x123, 14)).toBe(0);
    expect(table.evict(0x123, 14)).toBe(1);
    expect(table.evict(0x123, 5)).toBe(5);
    expect(table.insert(0x123, 9, 0x81, 0, 0)).toBe(0);
    expect(table.evictions).toBe(3);
  });

  test('a group of bolted entries evicts nothing', () => {
    const table = setUp();
    for (let i = 0; i < 8; i++) table.insert(0, i, 0x91, 0, 0);
    expect(table.evict(0, 3)).toBe(-1);
  });

  test('updatepp changes PP and N of the right entry alone', () => {
    const table = setUp();
    table.insert(9, 1, 0x81, 0, 0x12345117);
    const entry = table.entryAt(9, 0);
    expect(table.updatePp(entry, 1, 0x101, 0x196)).toBe(false);
    expect(table.updatePp(entry, 1, 0x81, 0x196)).toBe(true);
    expect(table.search(9, 1, 0x81)).toBe(entry);
    expect(table.invalidate(entry, 2, 0x81)).toBe(false);
    expect(table.invalidate(entry, 1, 0x81)).toBe(true);
    expect(table.search(9, 1, 0x81)).toBe(0);
    expect(table.invalidate(entry, 1, 0x81)).toBe(false);
  });

  test("the era's match test takes a secondary entry for a primary one; mended it does not", () => {
    for (const kept of [true, false]) {
      const table = setUp(kept);
      table.insert(9, 1, 0x83, 0, 0);
      expect(table.invalidate(table.entryAt(9, 0), 1, 0x81)).toBe(kept);
    }
  });

  test('a machine without room says so', () => {
    expect(() => new TestHost(ppc64_4k, { pages: 64 })).toThrow(MmError);
    expect(() => new TestHost(ppc64_4k, { pages: 64 })).toThrow('262144 bytes');
  });

  test('SDR1 holds the address and the size', () => {
    const { table } = new TestHost(ppc64_4k, { groups: 4096 }).mmu;
    expect(table.sdr1).toBe(BigInt(table.pa) + 1n);
    expect(table.pa % (4096 * 128)).toBe(0);
  });
});

describe('VSIDs', () => {
  const protos = fc.oneof(
    fc.maxSafeNat().map((n) => n % 2 ** 36),
    fc.constantFrom(0, 1, 2 ** 18 - 1, 2 ** 18, 2 ** 36 - 1),
  );

  test('the scramble is the plain modulus, exactly', () => {
    fc.assert(
      fc.property(protos, (proto) => {
        expect(BigInt(scramble(proto))).toBe((BigInt(proto) * BigInt(VSID_MULTIPLIER)) % BigInt(VSID_MODULUS));
      }),
      { numRuns: 2000 },
    );
  });

  test('it can be undone', () => {
    fc.assert(
      fc.property(protos, (proto) => {
        fc.pre(proto !== VSID_MODULUS);
        expect(unscramble(scramble(proto))).toBe(proto);
      }),
    );
  });

  test('context, segment and page come back from V and the group, from both groups', () => {
    const mask = 2047;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 19 - 1 }),
        fc.nat(2 ** 32 - 1),
        fc.boolean(),
        (context, page, second) => {
          const vsid = userVsid(context, Math.floor(page / 65536));
          const lo = vsid | 0;
          const inSegment = page % 65536;
          const group = ((lo ^ inSegment) & mask) ^ (second ? mask : 0);
          const word =
            (BigInt(vWordHi((vsid / 2 ** 32) | 0, lo) >>> 0) << 32n) |
            BigInt((vWordLo(lo, inSegment) | (second ? 2 : 0)) >>> 0);
          expect(addressOf(word, 0n, group)).toEqual({ context, page });
        },
      ),
    );
  });

  test('a context of 2^19 would have the VSIDs of kernel segments', () => {
    expect(userVsid(2 ** 19, 0)).toBe(scramble(2 ** 35));
    expect(kernelVsid(2n ** 63n)).toBe(scramble(2 ** 35));
  });
});

test('the linear map is bolted at boot: one entry for each 16 MiB, kernel text executable', () => {
  const host = new TestHost(ppc64_64k, { pages: 1024 }); // 64 MiB
  const bolted: bigint[] = [];
  for (let group = 0; group < host.mmu.table.groups; group++) {
    for (let slot = 0; slot < 8; slot++) {
      const { v, r } = host.hpte(group, slot);
      if ((v & 0x11n) === 0x11n) bolted.push(r);
    }
  }
  expect(new Set(bolted)).toEqual(new Set([0x190n, 0x1000194n, 0x2000194n, 0x3000194n]));
  expect(bolted).toHaveLength(4);
});
