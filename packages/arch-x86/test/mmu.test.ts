/** The walker, the flushes and the context switch, on page tables built by hand. */
import {
  type AccessKind,
  type ArchDescriptor,
  EXEC,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RIGHTS,
  LOAD,
  type Mm,
  RIGHT_EXEC,
  RIGHT_LOAD,
  RIGHT_STORE,
  STORE,
  TLB_CLEAN,
} from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { createI386Pae, createX86_64, i386, i386Pae, x86_64, x86Arches } from '../src/index.js';
import { TestHost } from './host.js';

const VPN = 0x8048;
const PFN = 0x77;
const SHARED_EXEC = 15;
const READONLY_EXEC = 5;
const NONE = 0;
const ACCESSED = 0x20n;
const DIRTY = 0x40n;
const RW = 2n;
const USER = 4n;
const PSE = 0x80n;
const GLOBAL = 0x100n;
const NX = 1n << 63n;
const ALL_RIGHTS = RIGHT_EXEC | RIGHT_LOAD | RIGHT_STORE;

/** Entries a walk reads: PAE keeps its first level in registers. */
const REFERENCES = { i386: 2, 'i386-pae': 2, x86_64: 4 } as const;
/** Data units that take a base page. */
const DATA_LEVELS = { i386: 1, 'i386-pae': 1, x86_64: 2 } as const;
/** Whether a walk sets A in the first entry of the path. */
const ROOT_IN_REGISTERS = { i386: false, 'i386-pae': true, x86_64: false } as const;

describe.each(x86Arches.map((arch) => [arch.name as keyof typeof REFERENCES, arch] as const))('%s', (name, arch) => {
  test('a load sets A on the way, caches the clean page without the right to store, and counts the walk', () => {
    const { m, at } = mapped(arch, clear(leaf(arch, SHARED_EXEC), ACCESSED));
    for (const entry of at) m.write(entry, clear(m.read(entry), ACCESSED));
    const slot = miss(m, LOAD);
    const { tlb } = cpuOf(m);
    expect(slot).toBeGreaterThanOrEqual(0);
    expect([tlb.frameOf(slot), tlb.rightsOf(slot), tlb.attrsOf(slot), tlb.spanOf(slot)]).toEqual([
      PFN,
      RIGHT_EXEC | RIGHT_LOAD,
      TLB_CLEAN,
      0,
    ]);
    const accessed = at.map((entry) => (m.read(entry) & ACCESSED) !== 0n);
    expect(accessed).toEqual(at.map((_, level) => level > 0 || !ROOT_IN_REGISTERS[name]));
    expect(m.read(at.at(-1) as number) & DIRTY).toBe(0n);
    expect([m.counters.get('walks'), m.counters.get('walkReferences')]).toEqual([1, REFERENCES[name]]);
    expect(tlb.find(LOAD, 0, VPN, 0)).toBe(slot);
  });

  test('a store sets D and caches all rights', () => {
    const { m, at } = mapped(arch, leaf(arch, SHARED_EXEC));
    const slot = miss(m, STORE);
    const { tlb } = cpuOf(m);
    expect([tlb.rightsOf(slot), tlb.attrsOf(slot)]).toEqual([ALL_RIGHTS, 0]);
    expect(m.read(at.at(-1) as number)).toBe(leaf(arch, SHARED_EXEC) | DIRTY);
  });

  test('a load of a dirty page caches all rights', () => {
    const { m } = mapped(arch, leaf(arch, SHARED_EXEC) | DIRTY);
    expect(cpuOf(m).tlb.rightsOf(miss(m, LOAD))).toBe(ALL_RIGHTS);
  });

  test('a store to a page cached as clean sets D in an assist and replaces the translation', () => {
    const { m, at } = mapped(arch, leaf(arch, SHARED_EXEC));
    const cpu = cpuOf(m);
    const clean = miss(m, LOAD);
    const slot = m.mmu.denied(cpu, STORE, clean, 0, VPN);
    expect([cpu.tlb.rightsOf(slot), cpu.tlb.attrsOf(slot)]).toEqual([ALL_RIGHTS, 0]);
    expect(m.read(at.at(-1) as number) & DIRTY).toBe(DIRTY);
    expect([m.counters.get('dirtyAssists'), m.counters.get('walks')]).toEqual([1, 2]);
    expect(cpu.tlb.dropPage(0, VPN, 0)).toBe(DATA_LEVELS[name]);
  });

  test('an assist that finds the page write-protected is a rights fault and leaves nothing cached', () => {
    const { m, at } = mapped(arch, leaf(arch, SHARED_EXEC));
    const cpu = cpuOf(m);
    const clean = miss(m, LOAD);
    m.write(at.at(-1) as number, leaf(arch, READONLY_EXEC));
    expect(m.mmu.denied(cpu, STORE, clean, 0, VPN)).toBe(FAULT_RIGHTS);
    expect(cpu.tlb.find(LOAD, 0, VPN, 0)).toBe(-1);
    expect(m.read(at.at(-1) as number)).toBe(leaf(arch, READONLY_EXEC));
  });

  test('a store to a read-only page is a rights fault that changes no leaf', () => {
    const old = clear(leaf(arch, READONLY_EXEC), ACCESSED);
    const { m, at } = mapped(arch, old);
    expect(miss(m, STORE)).toBe(FAULT_RIGHTS);
    expect(m.read(at.at(-1) as number)).toBe(old);
    const slot = miss(m, LOAD);
    expect(m.mmu.denied(cpuOf(m), STORE, slot, 0, VPN)).toBe(FAULT_RIGHTS);
    expect(m.counters.get('dirtyAssists')).toBe(0);
  });

  test('entries that are not present are never cached', () => {
    for (const word of [0n, leaf(arch, NONE), arch.pte.makeSwap(1, 0x1234), arch.pte.makeFile(5)]) {
      const { m } = mapped(arch, word);
      expect(miss(m, LOAD)).toBe(FAULT_ABSENT);
      expect(cpuOf(m).tlb.dropAll(false)).toBe(0);
    }
  });

  test('a missing table is an absent page', () => {
    const m = new TestHost(arch);
    m.mmu.switchMm(cpuOf(m), null, m.newMm());
    expect(miss(m, LOAD)).toBe(FAULT_ABSENT);
    expect(m.counters.get('walks')).toBe(1);
  });

  test('the rights to store and of user mode need every level', () => {
    const levels = arch.geometry.depth;
    for (let level = ROOT_IN_REGISTERS[name] ? 1 : 0; level < levels; level++) {
      const { m, at } = mapped(arch, leaf(arch, SHARED_EXEC));
      const entry = at[level] as number;
      m.write(entry, clear(m.read(entry), RW));
      expect(miss(m, STORE)).toBe(FAULT_RIGHTS);
      expect(cpuOf(m).tlb.rightsOf(miss(m, LOAD))).toBe(RIGHT_EXEC | RIGHT_LOAD);
      m.mmu.flushPage(cpuOf(m).mm as Mm, VPN);
      m.write(entry, clear(m.read(entry), USER));
      expect(miss(m, LOAD)).toBe(FAULT_RIGHTS);
    }
  });

  test('a walk under a table that was walked before reads one entry, until a flush of a page under it or of all', () => {
    const { m } = mapped(arch, leaf(arch, SHARED_EXEC));
    const cpu = cpuOf(m);
    const read = (vpn: number): number => {
      const before = m.counters.get('walkReferences');
      m.mmu.miss(cpu, LOAD, 0, vpn);
      return m.counters.get('walkReferences') - before;
    };
    expect([read(VPN), read(VPN), read(VPN + 1)]).toEqual([REFERENCES[name], 1, 1]);
    m.mmu.flushPage(cpu.mm as Mm, 0x1234);
    expect(read(VPN)).toBe(1);
    m.mmu.flushPage(cpu.mm as Mm, VPN + 1);
    expect([read(VPN), read(VPN)]).toEqual([REFERENCES[name], 1]);
    for (let generation = 0; generation < 70; generation++) {
      m.mmu.flushMm(cpu.mm as Mm);
      expect([read(VPN), read(VPN)]).toEqual([REFERENCES[name], 1]);
    }
  });

  test('a walk that finds no table is not remembered', () => {
    const m = new TestHost(arch);
    const mm = m.newMm();
    m.mmu.switchMm(cpuOf(m), null, mm);
    expect(miss(m, LOAD)).toBe(FAULT_ABSENT);
    m.storeLeaf(mm, VPN, leaf(arch, SHARED_EXEC));
    if (ROOT_IN_REGISTERS[name]) m.mmu.flushMm(mm);
    expect(miss(m, LOAD)).toBeGreaterThanOrEqual(0);
  });

  test('the audit finds a cached directory whose table was taken away without a flush', () => {
    const { m, at } = mapped(arch, leaf(arch, SHARED_EXEC));
    miss(m, LOAD);
    expect(m.mmu.auditExtra()).toEqual([]);
    m.write(at.at(-2) as number, 0n);
    expect(m.mmu.auditExtra()).toEqual([expect.stringContaining('the pte table of page')]);
    m.mmu.flushMm(cpuOf(m).mm as Mm);
    expect(m.mmu.auditExtra()).toEqual([]);
  });

  test('a page number beyond user addresses is absent without a walk', () => {
    const { m } = mapped(arch, leaf(arch, SHARED_EXEC));
    const beyond: readonly [number, number] = arch === x86_64 ? [8, VPN] : [0, 0x100000 + VPN];
    expect(m.mmu.miss(cpuOf(m), LOAD, ...beyond)).toBe(FAULT_ABSENT);
    expect(m.counters.get('walks')).toBe(0);
    // The upper half of x86_64 is walked: the vsyscall page is there.
    expect(m.mmu.miss(cpuOf(m), LOAD, 0xfffff, 0xffe00000 | 0)).toBe(FAULT_ABSENT);
    expect(m.counters.get('walks')).toBe(arch === x86_64 ? 1 : 0);
  });

  test('nothing answers at a frame in no bank', () => {
    const { m } = mapped(arch, arch.pte.make(0xfee00, SHARED_EXEC));
    expect(miss(m, LOAD)).toBe(FAULT_BUS);
  });

  test('with several banks a slot holds the page, not the frame number', () => {
    const banks = [
      { base: 0x10000, size: 0x20000 },
      { base: 0x400000, size: 0x20000 },
    ];
    for (const [pfn, page] of [
      [0x10, 0],
      [0x2f, 0x1f],
      [0x400, 0x20],
      [0x41f, 0x3f],
    ] as const) {
      const { m } = mapped(arch, arch.pte.make(pfn, SHARED_EXEC), banks);
      expect(cpuOf(m).tlb.frameOf(miss(m, LOAD))).toBe(page);
    }
    for (const pfn of [0xf, 0x30, 0x3ff, 0x420]) {
      expect(miss(mapped(arch, arch.pte.make(pfn, SHARED_EXEC), banks).m, LOAD)).toBe(FAULT_BUS);
    }
  });

  test('a large page is one translation for all its pages, and any of them flushes it', () => {
    const m = new TestHost(arch, 1, [{ base: 0x3000, size: 16 << 20 }]);
    const mm = m.newMm();
    const span = arch.geometry.shift[arch.geometry.depth - 2] as number;
    const first = 3 * 2 ** span;
    m.storeLeaf(mm, first, 0n);
    const at = m.entryAt(mm, first, arch.geometry.depth - 2);
    m.write(at, arch.pte.change(arch.pte.make(2 ** span, SHARED_EXEC), 'mkhuge'));
    m.mmu.switchMm(cpuOf(m), null, mm);
    const { tlb } = cpuOf(m);
    const slot = m.mmu.miss(cpuOf(m), STORE, 0, first + 5);
    expect([tlb.frameOf(slot), tlb.spanOf(slot), tlb.pageOf(slot)]).toEqual([2 ** span - 3, span, first]);
    expect(m.read(at) & (DIRTY | PSE)).toBe(DIRTY | PSE);
    expect(m.counters.get('walkReferences')).toBe(REFERENCES[name] - 1);
    m.mmu.flushPage(mm, first + 9);
    expect(tlb.wideSlots).toBe(0);
  });

  test('a global page survives a CR3 load, not invlpg', () => {
    const { m } = mapped(arch, leaf(arch, SHARED_EXEC) | GLOBAL);
    const cpu = cpuOf(m);
    miss(m, LOAD);
    m.mmu.flushMm(cpu.mm as Mm);
    expect(cpu.tlb.find(LOAD, 0, VPN, 0)).toBeGreaterThanOrEqual(0);
    m.mmu.flushPage(cpu.mm as Mm, VPN);
    expect(cpu.tlb.find(LOAD, 0, VPN, 0)).toBe(-1);
  });

  test('every flush leaves the CPUs that run the mm without it, and the others alone', () => {
    const flushes: [string, (m: TestHost, mm: Mm) => void][] = [
      ['flushPage', (m, mm) => m.mmu.flushPage(mm, VPN)],
      ['flushRange', (m, mm) => m.mmu.flushRange(mm, VPN, VPN + 1)],
      ['flushMm', (m, mm) => m.mmu.flushMm(mm)],
      ['flushMm', (m, mm) => m.mmu.gatherFlush(mm, true, 0, 0)],
    ];
    for (const [counter, flush] of flushes) {
      const m = new TestHost(arch, 3);
      const [mine, other] = [m.newMm(), m.newMm()];
      for (const mm of [mine, other]) m.storeLeaf(mm, VPN, leaf(arch, SHARED_EXEC));
      m.cpus.forEach((cpu, id) => {
        m.mmu.switchMm(cpu, null, id === 2 ? other : mine);
        m.mmu.miss(cpu, LOAD, 0, VPN);
      });
      flush(m, mine);
      expect(m.cpus.map((cpu) => cpu.tlb.find(LOAD, 0, VPN, 0) >= 0)).toEqual([false, false, true]);
      expect(m.counters.get(counter as 'flushPage')).toBe(1);
      expect(m.counters.get('purgedEntries')).toBe(2 * DATA_LEVELS[name]);
    }
  });

  test('flush_tlb_page of a page keeps the others, flush_tlb_range does not', () => {
    const { m } = mapped(arch, leaf(arch, SHARED_EXEC));
    const cpu = cpuOf(m);
    const mm = cpu.mm as Mm;
    m.storeLeaf(mm, VPN + 1, leaf(arch, SHARED_EXEC));
    miss(m, LOAD);
    m.mmu.miss(cpu, LOAD, 0, VPN + 1);
    m.mmu.flushPage(mm, VPN);
    expect(cpu.tlb.find(LOAD, 0, VPN + 1, 0)).toBeGreaterThanOrEqual(0);
    m.mmu.flushRange(mm, VPN, VPN + 1);
    expect(cpu.tlb.find(LOAD, 0, VPN + 1, 0)).toBe(-1);
  });

  test('freeing page tables flushes nothing', () => {
    const { m } = mapped(arch, leaf(arch, SHARED_EXEC));
    miss(m, LOAD);
    m.mmu.flushTables(cpuOf(m).mm as Mm, 0, VPN + 1);
    expect(cpuOf(m).tlb.find(LOAD, 0, VPN, 0)).toBeGreaterThanOrEqual(0);
  });

  test('a switch moves the mask bit and drops the old translations; to the same mm it does nothing', () => {
    const m = new TestHost(arch, 2);
    const [a, b] = [m.newMm(), m.newMm()];
    m.storeLeaf(a, VPN, leaf(arch, SHARED_EXEC));
    m.storeLeaf(b, VPN, arch.pte.make(PFN + 1, SHARED_EXEC));
    const cpu = m.cpus[1] as TestHost['cpus'][number];
    m.mmu.switchMm(cpu, null, a);
    const slot = m.mmu.miss(cpu, LOAD, 0, VPN);
    expect([a.cpuVmMask, cpu.context, m.mmu.mmOfSlot(cpu, slot)]).toEqual([2, 0, a]);
    m.mmu.switchMm(cpu, a, a);
    expect(cpu.tlb.find(LOAD, 0, VPN, 0)).toBeGreaterThanOrEqual(0);
    m.mmu.switchMm(cpu, a, b);
    expect(cpu.tlb.find(LOAD, 0, VPN, 0)).toBe(-1);
    expect([a.cpuVmMask, b.cpuVmMask, cpu.mm]).toEqual([0, 2, b]);
    expect(cpu.tlb.frameOf(m.mmu.miss(cpu, LOAD, 0, VPN))).toBe(PFN + 1);
  });
});

describe('NX and reserved bits', () => {
  test('NX at any level forbids fetches', () => {
    for (const arch of [i386Pae, x86_64]) {
      for (let level = arch === i386Pae ? 1 : 0; level < arch.geometry.depth; level++) {
        const { m, at } = mapped(arch, leaf(arch, SHARED_EXEC) | DIRTY);
        const entry = at[level] as number;
        m.write(entry, m.read(entry) | NX);
        expect(miss(m, EXEC)).toBe(FAULT_RIGHTS);
        expect(cpuOf(m).tlb.rightsOf(miss(m, LOAD))).toBe(RIGHT_LOAD | RIGHT_STORE);
      }
    }
  });

  test('i386 fetches from every readable page', () => {
    expect(miss(mapped(i386, i386.pte.make(PFN, 1)).m, EXEC)).toBeGreaterThanOrEqual(0);
  });

  test('a reserved bit in a present entry is a rights fault; bit 63 is one without NX', () => {
    const cases: [ArchDescriptor, bigint][] = [
      [i386Pae, 1n << 36n],
      [i386Pae, 1n << 62n],
      [x86_64, 1n << 40n],
      [x86_64, 1n << 51n],
      [createI386Pae({ nx: false }), NX],
      [createX86_64({ nx: false }), NX],
    ];
    for (const [arch, reserved] of cases) {
      for (let level = 1; level < arch.geometry.depth; level++) {
        const { m, at } = mapped(arch, leaf(arch, SHARED_EXEC));
        const entry = at[level] as number;
        m.write(entry, m.read(entry) | reserved);
        expect(miss(m, LOAD)).toBe(FAULT_RIGHTS);
        expect(cpuOf(m).tlb.dropAll(false)).toBe(0);
      }
    }
  });

  test('bits that x86_64 leaves to software do not fault', () => {
    expect(miss(mapped(x86_64, leaf(x86_64, SHARED_EXEC) | (1n << 52n)).m, LOAD)).toBeGreaterThanOrEqual(0);
  });

  test('PSE in an x86_64 pgd or pud entry is reserved', () => {
    for (const level of [0, 1]) {
      const { m, at } = mapped(x86_64, leaf(x86_64, SHARED_EXEC));
      const entry = at[level] as number;
      m.write(entry, m.read(entry) | PSE);
      expect(miss(m, LOAD)).toBe(FAULT_RIGHTS);
    }
  });
});

describe('i386-pae', () => {
  test('frames and tables above 4 GiB are reached', () => {
    const banks = [{ base: 2 ** 32, size: 1 << 20 }];
    const { m } = mapped(i386Pae, i386Pae.pte.make(0x100077, SHARED_EXEC), banks);
    expect(cpuOf(m).tlb.frameOf(miss(m, LOAD))).toBe(0x77);
  });

  test('a changed page directory pointer is seen after the next CR3 load', () => {
    const { m, at } = mapped(i386Pae, leaf(i386Pae, SHARED_EXEC));
    m.write(at[0] as number, 0n);
    expect(miss(m, LOAD)).toBeGreaterThanOrEqual(0);
    m.mmu.flushMm(cpuOf(m).mm as Mm);
    expect(miss(m, LOAD)).toBe(FAULT_ABSENT);
  });
});

function mapped(
  arch: ArchDescriptor,
  word: bigint,
  banks?: readonly { base: number; size: number }[],
): { m: TestHost; at: number[] } {
  const m = new TestHost(arch, 1, banks);
  const mm = m.newMm();
  const at = m.storeLeaf(mm, VPN, word);
  m.mmu.switchMm(cpuOf(m), null, mm);
  return { m, at };
}

function leaf(arch: ArchDescriptor, protection: number): bigint {
  return arch.pte.make(PFN, protection);
}

function miss(m: TestHost, kind: AccessKind): number {
  return m.mmu.miss(cpuOf(m), kind, 0, VPN);
}

function cpuOf(m: TestHost): TestHost['cpus'][number] {
  return m.cpus[0] as TestHost['cpus'][number];
}

function clear(word: bigint, bits: bigint): bigint {
  return word & ~bits;
}
