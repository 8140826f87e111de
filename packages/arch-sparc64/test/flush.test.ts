import type { Mm } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sparc64_8k, sparc64Arches, VpteArea, vpteFlushRange } from '../src/index.js';
import { pageOf, TestHost } from './host.js';

const EXEC = 0;
const LOAD = 1;
const READ = 1;
const SHARED_RW = 11;
const SHARED_RWX = 15;

const arch = sparc64_8k;
const VA = pageOf(arch, 0x2000_0000n);

function setUp(cpus = 1, defectsKept = false): { host: TestHost; mm: Mm } {
  const host = new TestHost(arch, { cpus, defectsKept });
  const mm = host.newMm();
  for (const cpu of host.cpus) host.mmu.switchMm(cpu, null, mm);
  return { host, mm };
}

function mapRead(host: TestHost, mm: Mm, vpn: number, flags = READ): bigint {
  const word = arch.pte.make(host.pfnOf(host.takePage()), flags);
  host.setPte(mm, vpn, word);
  return word;
}

describe('the pending batch', () => {
  test('every flush of user pages sends the batch, whatever it is asked for', () => {
    for (const flush of [
      (host: TestHost, mm: Mm) => host.mmu.flushPage(mm, 1),
      (host: TestHost, mm: Mm) => host.mmu.flushRange(mm, 1, 2),
      (host: TestHost, mm: Mm) => host.mmu.flushMm(mm),
      (host: TestHost, mm: Mm) => host.mmu.gatherFlush(mm, false),
    ]) {
      const { host, mm } = setUp();
      mapRead(host, mm, VA);
      mapRead(host, mm, VA + 1);
      host.access(LOAD, VA);
      host.access(LOAD, VA + 1);
      host.setPte(mm, VA, 0n);
      flush(host, mm);
      expect([host.holds(VA, 1), host.holds(VA + 1, 1), host.cpu.batch.nr]).toEqual([false, true, 0]);
      expect(host.counters.get('flushPending')).toBe(1);
      expect(host.counters.get('purgedEntries')).toBe(1);
    }
  });

  test('old words without VALID queue nothing', () => {
    const { host, mm } = setUp();
    const word = mapRead(host, mm, VA);
    host.setPte(mm, VA, arch.pte.change(word, 'mkold'));
    expect(host.cpu.batch.nr).toBe(1);
    host.setPte(mm, VA, 0n);
    expect(host.cpu.batch.nr).toBe(1);
  });

  test('the instruction side is demapped when the old word had EXEC', () => {
    const { host, mm } = setUp();
    mapRead(host, mm, VA, SHARED_RWX);
    host.access(EXEC, VA);
    host.access(LOAD, VA);
    host.setPte(mm, VA, 0n);
    host.mmu.flushPage(mm, VA);
    expect(host.holds(VA, 1)).toBe(false);
    expect(host.counters.get('purgedEntries')).toBe(2);
  });

  test('entries of an mm without a valid context are dropped', () => {
    const { host, mm } = setUp();
    mapRead(host, mm, VA);
    host.access(LOAD, VA);
    host.setPte(mm, VA, 0n);
    host.mmu.destroyContext(mm);
    host.mmu.flushPage(mm, VA);
    expect([host.cpu.batch.nr, host.counters.get('flushPending'), host.counters.get('purgedEntries')]).toEqual([
      0, 1, 0,
    ]);
  });

  test('a dying mm flushes nothing', () => {
    const { host, mm } = setUp();
    mapRead(host, mm, VA);
    host.access(LOAD, VA);
    host.cpu.fullmmGather = true;
    host.setPte(mm, VA, 0n);
    host.mmu.flushTables(mm, VA, VA + 1);
    host.mmu.gatherFlush(mm, true);
    expect(host.holds(VA, 1)).toBe(true);
    expect(host.counters.get('purgedEntries')).toBe(0);
  });

  test('vector 59: 500 valid ptes cleared in one gather flush at 192 and 384 and leave 116', () => {
    const { host, mm } = setUp();
    for (let i = 0; i < 500; i++) host.setPte(mm, VA + i, arch.pte.make(host.pfnOf(0), READ));
    const left: number[] = [];
    for (let i = 0; i < 500; i++) {
      host.setPte(mm, VA + i, 0n);
      if (host.cpu.batch.nr === 0) left.push(i + 1);
    }
    expect(left).toEqual([192, 384]);
    expect(host.cpu.batch.nr).toBe(116);
    host.mmu.gatherFlush(mm, false);
    expect([host.cpu.batch.nr, host.counters.get('flushPending')]).toEqual([0, 3]);
  });
});

describe('several CPUs', () => {
  test('a flush reaches every CPU of the mask', () => {
    const { host, mm } = setUp(3);
    mm.users = 3;
    mapRead(host, mm, VA);
    for (const cpu of host.cpus) host.access(LOAD, VA, cpu);
    host.setPte(mm, VA, 0n);
    host.mmu.flushPage(mm, VA);
    for (const cpu of host.cpus) expect(host.holds(VA, 1, cpu)).toBe(false);
    expect(mm.cpuVmMask).toBe(7);
  });

  test('with one user the CPUs that run something else leave the mask, and flush when they come back', () => {
    const { host, mm } = setUp(2);
    host.cpu.task = mm;
    const other = host.cpus[1] as TestHost['cpu'];
    mapRead(host, mm, VA);
    const slot = host.access(LOAD, VA, other);
    const next = host.newMm();
    host.mmu.switchMm(other, mm, next);
    host.setPte(mm, VA, 0n);
    host.mmu.flushPage(mm, VA);
    expect(mm.cpuVmMask).toBe(1);
    expect(host.holds(VA, 1, other)).toBe(true);
    expect(host.mmu.mmOfSlot(other, slot)).toBeNull();
    host.mmu.switchMm(other, next, mm);
    expect(host.holds(VA, 1, other)).toBe(false);
    expect(mm.cpuVmMask).toBe(3);
  });

  test('a CPU that still has the mm loaded, which is lazy then, leaves the mask and flushes when it goes on with it', () => {
    const { host, mm } = setUp(2);
    host.cpu.task = mm;
    const other = host.cpus[1] as TestHost['cpu'];
    mapRead(host, mm, VA);
    host.access(LOAD, VA, other);
    host.setPte(mm, VA, 0n);
    host.mmu.flushPage(mm, VA);
    expect(mm.cpuVmMask).toBe(1);
    host.mmu.switchMm(other, mm, mm);
    expect(mm.cpuVmMask).toBe(3);
    expect(host.access(LOAD, VA, other)).toBe(-1);
  });

  test('with more users every CPU of the mask is interrupted, once a batch', () => {
    const { host, mm } = setUp(2);
    const other = host.cpus[1] as TestHost['cpu'];
    mm.users = 2;
    mapRead(host, mm, VA);
    host.access(LOAD, VA, other);
    host.setPte(mm, VA, 0n);
    host.mmu.flushPage(mm, VA);
    expect([host.counters.get('ipiFlushPage'), mm.cpuVmMask]).toEqual([1, 3]);
    expect(host.access(LOAD, VA, other)).toBe(-1);
  });

  test('the batch belongs to the CPU that queued', () => {
    const { host, mm } = setUp(2);
    mapRead(host, mm, VA);
    host.setPte(mm, VA, 0n);
    host.cpu = host.cpus[1] as TestHost['cpu'];
    host.mmu.flushPage(mm, VA);
    expect(host.cpus[0]?.batch.nr).toBe(1);
  });
});

describe('flush of page tables', () => {
  const table = arch.geometry.entryPages(1);

  test('drops the VPTE pages of the range and no others, and counts the batch of the kernel', () => {
    const { host, mm } = setUp();
    const area = new VpteArea(13);
    const at = [0, table, 2 * table];
    for (const vpn of at) mapRead(host, mm, vpn);
    for (const vpn of at) host.access(LOAD, vpn);
    host.setPte(mm, 0, 0n);
    host.mmu.flushTables(mm, table, table + 1);
    expect(at.map((vpn) => host.holds(area.pageOf(vpn), 1))).toEqual([true, false, true]);
    expect(at.map((vpn) => host.holds(vpn, 1))).toEqual([false, true, true]); // what was pending went too
    expect(host.cpu.batch.nr).toBe(0);
    const counted = (['flushTables', 'flushPending', 'pendingQueued'] as const).map((name) => host.counters.get(name));
    expect(counted).toEqual([1, 1, 1]);
  });

  test('entries of another mm are flushed first', () => {
    const { host, mm } = setUp();
    mapRead(host, mm, VA);
    host.setPte(mm, VA, 0n);
    const other = host.newMm();
    host.mmu.flushTables(other, 0, 1);
    expect(host.counters.get('flushPending')).toBe(2);
  });

  test('vector 57 on a machine: 256 entries are two flushes', () => {
    const { host, mm } = setUp();
    host.mmu.flushTables(mm, 0, pageOf(arch, 0x8000_0000n));
    expect([host.counters.get('pendingQueued'), host.counters.get('flushPending')]).toEqual([256, 2]);
  });

  test('a thousand ranges of a terabyte take no loop over VPTE pages', () => {
    const { host, mm } = setUp();
    const pages = 2 ** 40 / 2 ** 13;
    for (let i = 0; i < 1000; i++) host.mmu.flushTables(mm, 0, pages);
    expect(host.counters.get('pendingQueued')).toBe(1000 * 131072);
  });

  const low = pageOf(arch, 0x7ff_ff00_0000n);
  const high = pageOf(arch, 0xffff_f800_0000_0000n);

  test('a range across the hole drops the whole area; the counters are those of the complement (vector 60)', () => {
    const { host, mm } = setUp();
    const area = new VpteArea(13);
    for (const vpn of [0, low, high]) {
      mapRead(host, mm, vpn);
      host.access(LOAD, vpn);
    }
    host.mmu.flushTables(mm, low, high + table);
    expect(host.counters.get('pendingQueued')).toBe(2097149);
    expect([0, low, high].some((vpn) => host.holds(area.pageOf(vpn), 1))).toBe(false);
  });

  test('with defects kept it drops the complement and leaves the VPTE pages of the range', () => {
    const { host, mm } = setUp(1, true);
    const area = new VpteArea(13);
    for (const vpn of [0, low, high]) {
      mapRead(host, mm, vpn);
      host.access(LOAD, vpn);
    }
    host.mmu.flushTables(mm, low, high + table);
    expect([0, low, high].map((vpn) => host.holds(area.pageOf(vpn), 1))).toEqual([false, true, true]);
  });

  test('a range that ends at the hole is not swapped, but for the wrapping arithmetic of the kernel', () => {
    const end = 2 ** 30;
    const area = new VpteArea(13);
    const last = area.spacePages - 1;
    expect(vpteFlushRange(area, end - 1, end, false)).toEqual({ first: last, end: last + 1, swapped: false });
    expect(vpteFlushRange(area, end - 1, end, true)).toEqual({ first: 0, end: last, swapped: true });
  });

  for (const machine of sparc64Arches) {
    test(`${machine.name}: a range inside one half names exactly the VPTE pages of its tables`, () => {
      const area = new VpteArea(machine.geometry.pageShift);
      const ptes = machine.geometry.entryPages(1);
      const half = 2 ** area.halfShift;
      fc.assert(
        fc.property(fc.nat(half - 1), fc.nat(half - 1), fc.boolean(), (a, b, inHigh) => {
          const base = inHigh ? area.spacePages - half : 0;
          const start = base + Math.min(a, b);
          const end = base + Math.max(a, b) + 1;
          fc.pre(!inHigh || end <= area.windowPage);
          const range = vpteFlushRange(area, start, end, false);
          expect(range.swapped).toBe(false);
          expect(range.first).toBe(area.pageOf(start));
          expect(range.end - 1).toBe(area.pageOf(end - 1));
          expect(range.end - range.first).toBe(Math.ceil(end / ptes) - Math.floor(start / ptes));
        }),
      );
    });
  }
});

test('a dirty page made read-only loses its store right at the next flush', () => {
  const { host, mm } = setUp();
  const word = arch.pte.change(arch.pte.make(host.pfnOf(host.takePage()), SHARED_RW), 'mkdirty');
  host.setPte(mm, VA, word);
  expect(host.access(2, VA)).toBeGreaterThanOrEqual(0);
  host.setPte(mm, VA, arch.pte.change(word, 'wrprotect'));
  host.mmu.flushPage(mm, VA);
  expect(host.access(2, VA)).toBe(-2);
});
