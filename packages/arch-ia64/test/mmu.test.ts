import { FAULT_ABSENT, FAULT_BUS, FAULT_RIGHTS, type Mm, TLB_ABSENT, TLB_CLEAN, TLB_TABLE } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { createIa64, ia64_16k, ia64Arches, PAGE_KERNEL, regionBase, thash } from '../src/index.js';
import { pageOf, TestHost } from './host.js';

const EXEC = 0;
const LOAD = 1;
const STORE = 2;
const NONE = 0;
const READ = 1;
const EXEC_ONLY = 4;
const SHARED_RW = 11;
const SHARED_RWX = 15;

const NARROW = createIa64({ vaMsb: 50 });
const MACHINES = [...ia64Arches, createIa64({ pageShift: 12, levels: 4 }), createIa64({ levels: 4 }), NARROW];

interface SetUp {
  readonly host: TestHost;
  readonly mm: Mm;
  /** Maps a fresh frame with a protection; answers the frame's page. */
  map(vpn: number, protection: number): number;
}

function setUp(arch = ia64_16k, options = {}): SetUp {
  const host = new TestHost(arch, options);
  const mm = host.newMm();
  host.mmu.switchMm(host.cpu, null, mm);
  const map = (vpn: number, protection: number): number => {
    const frame = host.takePage();
    host.setPte(mm, vpn, arch.pte.make(host.pfnOf(frame), protection));
    return frame;
  };
  return { host, mm, map };
}

function counters(host: TestHost): number[] {
  return (['walks', 'softwareFills', 'nestedFills', 'walkReferences'] as const).map((name) => host.counters.get(name));
}

for (const arch of MACHINES) {
  const { depth } = arch.geometry;
  const page = (address: bigint): number => pageOf(arch, address);
  const last = arch.layout.regionLimitPages - 1;

  describe(`${arch.name}${arch === NARROW ? ', IMPL_VA_MSB 50' : ''}`, () => {
    for (const vpn of [
      0,
      page(0x1000_0000n),
      page(regionBase(1)),
      page(regionBase(1)) + last - 1,
      page(regionBase(3)) + last - 1,
    ]) {
      test(`page 0x${vpn.toString(16)}: the first miss walks in software, the next one of the table in hardware`, () => {
        const { host, map } = setUp(arch);
        const frames = [map(vpn, SHARED_RW), map(vpn + 1, READ)];
        const slot = host.access(LOAD, vpn);
        expect(slot).toBeGreaterThanOrEqual(0);
        expect(host.cpu.tlb.frameOf(slot)).toBe(frames[0]);
        expect(host.cpu.tlb.rightsOf(slot)).toBe(2); // clean: a store traps
        expect(counters(host)).toEqual([0, 1, 0, depth]);
        expect(host.cpu.tlb.frameOf(host.access(LOAD, vpn + 1))).toBe(frames[1]);
        expect(counters(host)).toEqual([1, 1, 0, depth + 1]);
      });
    }

    test('a page of the linear table is a table translation at the place thash gives, which user mode cannot use', () => {
      const { host, mm, map } = setUp(arch);
      const va = regionBase(1) + 0x1234_0000n;
      map(page(va), SHARED_RWX);
      host.access(LOAD, page(va));
      const msb = arch === NARROW ? 50 : 60;
      const tablePage = page(thash(arch.geometry.pageShift, msb, va));
      const slot = host.cpu.tlb.find(LOAD, (tablePage / 2 ** 32) | 0, tablePage | 0, host.cpu.context);
      expect(host.cpu.tlb.attrsOf(slot)).toBe(TLB_TABLE);
      expect(host.cpu.tlb.rightsOf(slot)).toBe(0);
      expect(host.cpu.tlb.frameOf(slot)).toBe(host.pteTablePage(mm, page(va)));
      expect(host.mmu.truth(mm, host.cpu, slot)).toEqual({ frame: host.cpu.tlb.frameOf(slot), rights: 0 });
      for (const kind of [EXEC, LOAD, STORE] as const) expect(host.access(kind, tablePage)).toBeLessThan(0);
      const pmd = host.entryAt(mm, page(va), depth - 2);
      host.write(pmd, 0n, depth - 2);
      expect(host.mmu.truth(mm, host.cpu, slot)).toEqual({ frame: -1, rights: 0 });
    });

    test('nothing is translated past the slice of a region, in the kernel regions, or without tables', () => {
      const { host } = setUp(arch);
      const slice = 1n << BigInt(arch.geometry.coveredBits + arch.geometry.pageShift);
      for (const va of [slice, regionBase(1) - 1n, regionBase(3) + slice, regionBase(7), (1n << 64n) - 1n]) {
        expect(host.access(LOAD, page(va))).toBe(FAULT_ABSENT);
      }
      expect(counters(host)).toEqual([0, 0, 0, 0]);
      expect(host.access(LOAD, page(regionBase(5)))).toBe(FAULT_ABSENT);
      expect(counters(host)).toEqual([0, 1, 0, 0]); // the kernel maps nothing
      expect(host.access(LOAD, 5)).toBe(FAULT_ABSENT);
      expect(counters(host)).toEqual([0, 2, 0, 1]); // the pgd entry is empty
      expect(host.used()).toBe(0);
    });

    test('regions with the same offset are told apart', () => {
      const { host, map } = setUp(arch);
      const frames = [0, 1, 2, 3].map((region) => map(page(regionBase(region)) + 9, READ));
      frames.forEach((frame, region) => {
        const vpn = page(regionBase(region)) + 9;
        expect(host.cpu.tlb.frameOf(host.access(LOAD, vpn))).toBe(frame);
      });
      frames.forEach((frame, region) => {
        expect(host.cpu.tlb.frameOf(host.access(LOAD, page(regionBase(region)) + 9))).toBe(frame);
      });
    });

    test('nothing answers at a frame outside every bank; one of a second bank above 4 GiB is found', () => {
      const { host, mm } = setUp(arch, { banks: [0x100, 2 ** (36 - arch.geometry.pageShift)] });
      host.setPte(mm, 7, arch.pte.make(host.pfnOf(50), SHARED_RW));
      expect(host.cpu.tlb.frameOf(host.access(LOAD, 7))).toBe(50);
      host.setPte(mm, 8, arch.pte.make(1, SHARED_RW));
      expect(host.access(LOAD, 8)).toBe(FAULT_BUS);
    });
  });
}

describe('checks in the order of the faults', () => {
  test('the software handler inserts nothing for an entry that is not present', () => {
    const { host, mm } = setUp();
    const words = [0n, ia64_16k.pte.makeSwap(1, 2), ia64_16k.pte.makeFile(3), ia64_16k.pte.make(host.pfnOf(20), NONE)];
    words.forEach((word, i) => {
      host.setPte(mm, 100 + i, word);
      for (const kind of [EXEC, LOAD, STORE] as const) expect(host.access(kind, 100 + i)).toBe(FAULT_ABSENT);
    });
    expect(host.used()).toBe(0);
  });

  test('the walker loads an entry that is not present; the fault purges it, and nothing else', () => {
    const { host, mm, map } = setUp();
    map(7, READ);
    host.access(LOAD, 7);
    const before = host.used();
    host.setPte(mm, 8, ia64_16k.pte.makeSwap(1, 2));
    expect(host.access(LOAD, 8)).toBe(FAULT_ABSENT);
    const slot = host.cpu.tlb.find(LOAD, 0, 8, host.cpu.context);
    expect([host.cpu.tlb.attrsOf(slot), host.cpu.tlb.rightsOf(slot)]).toEqual([TLB_ABSENT, 0]);
    host.mmu.beforeGenericFault(host.cpu, LOAD, 8);
    expect(host.used()).toBe(before);
  });

  test('a stale copy of an entry that is not present costs one fault more, and is gone then', () => {
    const { host, map } = setUp();
    map(7, READ);
    host.access(LOAD, 7);
    host.mmu.miss(host.cpu, LOAD, 0, 8); // a speculative access: no fault, so no purge
    const frame = map(8, READ); // made valid without a flush
    expect(host.access(LOAD, 8)).toBe(FAULT_ABSENT);
    host.mmu.beforeGenericFault(host.cpu, LOAD, 8);
    expect(host.cpu.tlb.frameOf(host.access(LOAD, 8))).toBe(frame);
  });

  test('a rights fault purges nothing', () => {
    const { host, map } = setUp();
    map(7, READ);
    expect(host.access(STORE, 7)).toBe(FAULT_RIGHTS);
    const before = host.used();
    host.mmu.beforeGenericFault(host.cpu, STORE, 7);
    expect(host.used()).toBe(before);
  });

  test('a store to a read-only clean page is a rights fault and sets nothing', () => {
    const { host, mm, map } = setUp();
    map(7, READ);
    const word = host.getPte(mm, 7);
    for (let i = 0; i < 2; i++) expect(host.access(STORE, 7)).toBe(FAULT_RIGHTS);
    expect(host.getPte(mm, 7)).toBe(word);
  });

  test('execute-only can be fetched and nothing else; a kernel page gives nothing', () => {
    const { host, mm, map } = setUp();
    map(7, EXEC_ONLY);
    expect(host.access(EXEC, 7)).toBeGreaterThanOrEqual(0);
    expect([host.access(LOAD, 7), host.access(STORE, 7)]).toEqual([FAULT_RIGHTS, FAULT_RIGHTS]);
    host.setPte(mm, 8, ia64_16k.pte.make(host.pfnOf(host.takePage()), PAGE_KERNEL));
    for (const kind of [EXEC, LOAD, STORE] as const) expect(host.access(kind, 8)).toBe(FAULT_RIGHTS);
  });

  test('instruction and data sides are filled apart', () => {
    const { host, map } = setUp();
    map(7, SHARED_RWX);
    host.access(EXEC, 7);
    expect(host.cpu.tlb.find(LOAD, 0, 7, host.cpu.context)).toBe(-1);
  });
});

describe('dirty and accessed are kept by handlers of their own', () => {
  test('the first store to a clean page sets d and a, on the miss', () => {
    const { host, mm, map } = setUp();
    map(7, SHARED_RW);
    const slot = host.access(STORE, 7);
    expect(host.cpu.tlb.rightsOf(slot)).toBe(6);
    expect(host.getPte(mm, 7) & 0x60n).toBe(0x60n);
    expect(host.counters.get('dirtyAssists')).toBe(1);
    expect(counters(host)).toEqual([0, 1, 0, 4]); // the table's page is in the TLB by then
  });

  test('and on a hit of a translation that a load filled; it is replaced in both levels', () => {
    const { host, mm, map } = setUp();
    map(7, SHARED_RW);
    const loaded = host.access(LOAD, 7);
    expect(host.cpu.tlb.attrsOf(loaded) & TLB_CLEAN).toBe(TLB_CLEAN);
    const stored = host.access(STORE, 7);
    expect(host.cpu.tlb.rightsOf(stored)).toBe(6);
    expect(host.used()).toBe(3); // the page in two levels, the table in the second
    expect(host.getPte(mm, 7) & 0x60n).toBe(0x60n);
    expect(host.access(STORE, 7)).toBe(stored);
    expect(host.counters.get('dirtyAssists')).toBe(1);
  });

  for (const kind of [EXEC, LOAD, STORE] as const) {
    test(`an old page is made young by an access of kind ${kind}`, () => {
      const { host, mm } = setUp();
      const made = ia64_16k.pte.change(ia64_16k.pte.make(host.pfnOf(20), SHARED_RWX), 'mkdirty');
      host.setPte(mm, 7, ia64_16k.pte.change(made, 'mkold'));
      expect(host.access(kind, 7)).toBeGreaterThanOrEqual(0);
      expect(host.getPte(mm, 7)).toBe(made);
      expect(host.counters.get('dirtyAssists')).toBe(0);
    });
  }

  test('rights come before a: a denied access leaves an old page old', () => {
    const { host, mm } = setUp();
    host.setPte(mm, 7, ia64_16k.pte.change(ia64_16k.pte.make(host.pfnOf(20), READ), 'mkold'));
    expect(host.access(STORE, 7)).toBe(FAULT_RIGHTS);
    expect(host.access(EXEC, 7)).toBe(FAULT_RIGHTS);
    expect(host.getPte(mm, 7) & 0x20n).toBe(0n);
  });

  test('the nested handler walks where the table page has left the TLB, and inserts nothing', () => {
    const { host, map } = setUp();
    map(7, SHARED_RW);
    host.access(LOAD, 7);
    const { tlb } = host.cpu;
    for (let slot = 0; slot < tlb.slots; slot++) if ((tlb.attrsOf(slot) & TLB_TABLE) !== 0) tlb.drop(slot);
    expect(host.access(STORE, 7)).toBeGreaterThanOrEqual(0);
    expect(host.counters.get('nestedFills')).toBe(1);
    expect(host.used()).toBe(2);
  });

  test('an entry that another CPU cleared meanwhile is left alone', () => {
    const { host, mm, map } = setUp();
    map(7, SHARED_RW);
    host.access(LOAD, 7);
    host.setPte(mm, 7, 0n);
    expect(host.access(STORE, 7)).toBe(FAULT_ABSENT);
    expect(host.getPte(mm, 7)).toBe(0n);
  });

  test('a translation keeps the rights it was loaded with until it is flushed', () => {
    const { host, mm, map } = setUp();
    map(7, READ);
    host.access(LOAD, 7);
    host.setPte(mm, 7, ia64_16k.pte.change(host.getPte(mm, 7), 'mkwrite'));
    expect(host.access(STORE, 7)).toBe(FAULT_RIGHTS);
    host.mmu.flushPage(mm, 7);
    expect(host.access(STORE, 7)).toBeGreaterThanOrEqual(0);
  });
});

describe('huge pages of 256 MiB in region 4', () => {
  const arch = createIa64({ hugeShift: 28 });
  const base = pageOf(arch, regionBase(4) + 0x1000_0000n);
  const scaledPage = pageOf(arch, regionBase(4)) + 1;

  function hugeSetUp(options = {}): SetUp {
    const s = setUp(arch, { pages: 2 ** 15, banks: [0, 2 ** 14], ...options });
    while (s.host.takePage() < 16);
    s.host.setPte(s.mm, scaledPage, arch.pte.make(2 ** 14, SHARED_RW));
    return s;
  }

  test('one pte in the slot of the scaled address translates all of it', () => {
    const { host } = hugeSetUp();
    const slot = host.access(LOAD, base + 300);
    const { tlb } = host.cpu;
    expect([tlb.spanOf(slot), tlb.pageOf(slot), tlb.frameOf(slot)]).toEqual([14, base, 2 ** 14]);
    expect(host.access(LOAD, base + 2 ** 14 - 1)).toBe(slot);
    expect(host.access(LOAD, base + 2 ** 14)).toBe(FAULT_ABSENT);
    expect(counters(host)).toEqual([1, 1, 0, 4]);
  });

  for (const defectsKept of [false, true]) {
    test(`a nested miss ${defectsKept ? 'takes the address as it is (port defect)' : 'scales the address'}`, () => {
      const { host, mm } = hugeSetUp({ defectsKept });
      host.access(LOAD, base);
      const { tlb } = host.cpu;
      for (let slot = 0; slot < tlb.slots; slot++) if ((tlb.attrsOf(slot) & TLB_TABLE) !== 0) tlb.drop(slot);
      const slot = host.access(STORE, base);
      if (defectsKept) expect(slot).toBe(FAULT_ABSENT);
      else expect(tlb.rightsOf(slot)).toBe(6);
      expect(host.getPte(mm, scaledPage) & 0x40n).toBe(defectsKept ? 0n : 0x40n);
    });
  }

  test('the region register keeps the size of huge pages when a context is loaded', () => {
    const { host, mm } = hugeSetUp();
    host.mmu.flushMm(mm);
    const { rr } = host.cpu.registers as { rr: Uint32Array };
    expect([rr[3], rr[4]]).toEqual([(8 * 2 + 3) * 256 + 14 * 4 + 1, (8 * 2 + 4) * 256 + 28 * 4 + 1]);
  });
});

test('the pgd is the one of the mm that runs, and the truth of a user page is its pte', () => {
  const { host, mm, map } = setUp();
  const frame = map(7, SHARED_RW);
  const slot = host.access(STORE, 7);
  expect(host.mmu.truth(mm, host.cpu, slot)).toEqual({ frame, rights: 6 });
  const other = host.newMm();
  host.mmu.switchMm(host.cpu, mm, other);
  expect(host.access(LOAD, 7)).toBe(FAULT_ABSENT);
});
