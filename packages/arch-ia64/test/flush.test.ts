import { type Cpu, type Mm, MmError } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { ContextAllocator, createIa64, floorLog2, ia64_16k, regionBase } from '../src/index.js';
import { type HostOptions, pageOf, TestHost } from './host.js';

const LOAD = 1;
const SHARED_RW = 11;
const BASE = pageOf(ia64_16k, regionBase(1));
const PTES = 2048;

interface SetUp {
  readonly host: TestHost;
  readonly mm: Mm;
}

/** A machine whose first CPUs run `mm`, with pages loaded into the TLB of each. */
function setUp(options: HostOptions, pages: readonly number[], runs = 1): SetUp {
  const host = new TestHost(ia64_16k, { pages: 256, ...options });
  const mm = host.newMm();
  for (const vpn of pages) host.setPte(mm, vpn, ia64_16k.pte.make(host.pfnOf(host.takePage()), SHARED_RW));
  for (const cpu of host.cpus.slice(0, runs)) {
    host.mmu.switchMm(cpu, null, mm);
    for (const vpn of pages) host.access(LOAD, vpn, cpu);
  }
  return { host, mm };
}

function held(host: TestHost, mm: Mm, pages: readonly number[], cpu?: Cpu): boolean[] {
  return pages.map((vpn) => host.holds(vpn, mm.context, cpu));
}

describe('purges', () => {
  const pages = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => BASE + i);

  test('a page', () => {
    const { host, mm } = setUp({ cpus: 2 }, pages, 2);
    host.mmu.flushPage(mm, BASE + 1);
    for (const cpu of host.cpus) expect(held(host, mm, pages.slice(0, 3), cpu)).toEqual([true, false, true]);
    expect(host.counters.get('flushPage')).toBe(1);
  });

  test('two pages go with the four of their 64 KiB', () => {
    const { host, mm } = setUp({}, pages);
    host.mmu.flushRange(mm, BASE + 1, BASE + 3);
    expect(held(host, mm, pages)).toEqual([false, false, false, false, true, true, true, true]);
  });

  test('five pages take two purges of 64 KiB, not one of 256', () => {
    const { host, mm } = setUp({}, [...pages, BASE + 8]);
    host.mmu.flushRange(mm, BASE + 3, BASE + 8);
    expect(held(host, mm, [...pages, BASE + 8])).toEqual([...pages.map(() => false), true]);
  });

  test('other regions and contexts stay', () => {
    const region2 = pageOf(ia64_16k, regionBase(2));
    const { host, mm } = setUp({}, [BASE, region2]);
    const other = host.newMm();
    host.setPte(other, BASE, ia64_16k.pte.make(host.pfnOf(host.takePage()), SHARED_RW));
    host.mmu.switchMm(host.cpu, mm, other);
    host.access(LOAD, BASE);
    host.mmu.switchMm(host.cpu, other, mm);
    host.mmu.flushRange(mm, BASE, BASE + 2 ** 20);
    expect(held(host, mm, [BASE, region2])).toEqual([false, true]);
    expect(host.holds(BASE, other.context)).toBe(true);
  });

  test('on SMP a mm that does not run here costs every TLB', () => {
    const { host, mm } = setUp({ cpus: 2 }, pages, 2);
    const other = host.newMm();
    host.mmu.switchMm(host.cpu, mm, other);
    host.mmu.flushPage(mm, BASE);
    expect(host.cpus.map((cpu) => host.used(cpu))).toEqual([0, 0]);
    expect(host.counters.get('flushAll')).toBe(1);
  });

  for (const defectsKept of [false, true]) {
    test(`on one CPU it loses its number${defectsKept ? ', for ever (port defect)' : ''}`, () => {
      const { host, mm } = setUp({ defectsKept }, pages);
      const number = mm.context;
      host.mmu.switchMm(host.cpu, mm, host.newMm());
      host.mmu.flushPage(mm, BASE);
      expect(mm.context).toBe(0);
      expect(host.holds(BASE, number)).toBe(true);
      const { contexts } = host.mmu;
      contexts.abandon(400); // so that the wrap finds one
      while (contexts.wraps === 0) contexts.allocate();
      expect(contexts.isUsed(number)).toBe(defectsKept);
    });
  }
});

describe('the gather', () => {
  /** Page of the linear table of a page. */
  const linear = (host: TestHost, vpn: number): number => {
    const table = host.mmu.linear;
    const hi = (vpn / 2 ** 32) | 0;
    return (table.pageHi(hi) >>> 0) * 2 ** 32 + (table.pageLo(hi, vpn | 0) >>> 0);
  };

  test('purges the range and the part of the linear table that holds its ptes', () => {
    const pages = [BASE, BASE + 8 * PTES, BASE + 16 * PTES];
    const { host, mm } = setUp({}, pages);
    host.mmu.gatherFlush(mm, false, BASE + 8 * PTES, BASE + 8 * PTES + 1);
    expect(held(host, mm, pages)).toEqual([true, false, true]);
    expect(pages.map((vpn) => host.holds(linear(host, vpn), mm.context))).toEqual([true, false, true]);
    expect(host.counters.get('flushRange')).toBe(2);
  });

  test('of a range over many tables purges all their linear pages', () => {
    const pages = Array.from({ length: 12 }, (_, i) => BASE + i * PTES);
    const { host, mm } = setUp({}, pages);
    host.mmu.gatherFlush(mm, false, BASE + PTES, BASE + 9 * PTES);
    for (let i = 1; i < 9; i++) expect(host.holds(linear(host, BASE + i * PTES), mm.context)).toBe(false);
  });

  test.each([
    ['over two regions', BASE, 2 * BASE + 1],
    ['of 2^40 bytes', BASE, BASE + 2 ** 26],
    ['of unknown range', Infinity, 0],
  ])('%s flushes all', (_what, start, end) => {
    const { host, mm } = setUp({ cpus: 2 }, [BASE], 2);
    host.mmu.gatherFlush(mm, false, start, end);
    expect(host.cpus.map((cpu) => host.used(cpu))).toEqual([0, 0]);
    expect(host.counters.get('flushAll')).toBe(1);
  });

  test('of a dying mm purges nothing and gives the number up', () => {
    const { host, mm } = setUp({}, [BASE]);
    const { context } = mm;
    host.mmu.gatherFlush(mm, true, Infinity, 0);
    expect([mm.context, host.cpu.context]).toEqual([0, context]);
    expect(host.holds(BASE, context)).toBe(true);
    expect(host.mmu.mmOfSlot(host.cpu, host.cpu.tlb.find(LOAD, (BASE / 2 ** 32) | 0, BASE | 0, context))).toBe(null);
  });
});

describe('contexts', () => {
  test('flush_tlb_mm purges nothing: the mm takes the next number, on every CPU that runs it', () => {
    const { host, mm } = setUp({ cpus: 3 }, [BASE], 2);
    const old = mm.context;
    mm.users = 2;
    host.mmu.flushMm(mm);
    expect(mm.context).toBe(old + 1);
    expect(host.cpus.map((cpu) => cpu.context)).toEqual([old + 1, old + 1, 0]);
    expect(mm.cpuVmMask).toBe(0b11);
    expect(host.holds(BASE, old)).toBe(true);
    const slot = host.cpu.tlb.find(LOAD, (BASE / 2 ** 32) | 0, BASE | 0, old);
    expect(host.mmu.mmOfSlot(host.cpu, slot)).toBe(null);
  });

  test('a wrap flushes this CPU at once and the others before they load a context', () => {
    const arch = createIa64({ ridBits: 12 }); // numbers 1 to 510
    const host = new TestHost(arch, { cpus: 2 });
    const [a, b] = [host.newMm(), host.newMm()];
    for (const mm of [a, b]) host.setPte(mm, BASE, arch.pte.make(host.pfnOf(host.takePage()), SHARED_RW));
    const [cpu0, cpu1] = host.cpus as [Cpu, Cpu];
    host.mmu.switchMm(cpu1, null, b);
    host.access(LOAD, BASE, cpu1);
    host.mmu.switchMm(cpu0, null, a);
    while (host.mmu.contexts.wraps === 0) {
      host.access(LOAD, BASE, cpu0);
      host.mmu.flushMm(a);
    }
    expect(a.context).toBe(300);
    expect(host.used(cpu0)).toBe(0);
    expect(host.holds(BASE, b.context, cpu1)).toBe(true);
    expect(host.mmu.mmOfSlot(cpu1, cpu1.tlb.find(LOAD, (BASE / 2 ** 32) | 0, BASE | 0, b.context))).toBe(b);
    host.mmu.switchMm(cpu1, b, a);
    expect(host.used(cpu1)).toBe(0);
  });

  test('what a CPU that has yet to flush holds under a number given anew is nobody’s', () => {
    const arch = createIa64({ ridBits: 12 });
    const host = new TestHost(arch, { cpus: 2 });
    const [a, b] = [host.newMm(), host.newMm()];
    host.setPte(a, BASE, arch.pte.make(host.pfnOf(host.takePage()), SHARED_RW));
    const [cpu0, cpu1] = host.cpus as [Cpu, Cpu];
    host.mmu.switchMm(cpu0, null, b);
    b.users = 2;
    while (b.context < 299) host.mmu.flushMm(b);
    host.mmu.switchMm(cpu1, null, a);
    expect(a.context).toBe(300);
    host.access(LOAD, BASE, cpu1);
    host.mmu.switchMm(cpu1, a, b);
    host.mmu.gatherFlush(a, true, Infinity, 0); // 300 is given up, and cpu1 keeps what it holds under it
    while (host.mmu.contexts.wraps === 0) host.mmu.flushMm(b);
    expect(b.context).toBe(300);
    // CPU 1 runs b too and was loaded anew, which flushed it.
    expect(host.holds(BASE, 300, cpu1)).toBe(false);
  });

  test('when every number from 300 up is live, numbers below are taken; kept, one is given twice', () => {
    const full = (exhausts: boolean): ContextAllocator => {
      const allocator = new ContextAllocator(511, exhausts);
      for (let i = 0; i < 510; i++) allocator.allocate();
      allocator.abandon(17);
      return allocator;
    };
    const mended = full(false);
    expect(mended.allocate()).toBe(17);
    expect(() => mended.allocate()).toThrow(MmError);
    const kept = full(true);
    expect([kept.allocate(), kept.allocate()]).toEqual([511, 511]);
  });

  test('an exit without pages gives the number up too, unless the defects are kept', () => {
    for (const defectsKept of [false, true]) {
      const { host, mm } = setUp({ defectsKept }, []);
      const { context } = mm;
      host.mmu.destroyContext(mm);
      host.mms.delete(mm);
      host.mmu.contexts.abandon(400); // so that the wrap finds one
      while (host.mmu.contexts.wraps === 0) host.mmu.contexts.allocate();
      expect(host.mmu.contexts.isUsed(context)).toBe(defectsKept);
    }
  });
});

test('floorLog2', () => {
  for (let bit = 0; bit < 60; bit++) {
    expect(floorLog2(2 ** bit)).toBe(bit);
    if (bit > 0 && bit < 53) expect(floorLog2(2 ** bit - 1)).toBe(bit - 1);
  }
});
