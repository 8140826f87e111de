import { FAULT_ABSENT, FAULT_RIGHTS, type Mm } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { groupOf, hashOf, LinuxWalk, ppc64_4k, ppc64_64k, userVsid, virtualAddress } from '../src/index.js';
import { TestHost } from './host.js';

const EXEC = 0;
const LOAD = 1;
const STORE = 2;
const NONE = 0;
const READ = 1;
const READ_EXEC = 5;
const SHARED = 11;
const EA = 0x2000_0000n;
const VPN = Number(EA >> 12n);

function setUp(cpus = 1, defectsKept = false): { host: TestHost; mm: Mm } {
  const host = new TestHost(ppc64_4k, { cpus, defectsKept });
  return { host, mm: host.run() };
}

function map(host: TestHost, mm: Mm, vpn: number, flags: number): void {
  host.setPte(mm, vpn, host.arch.pte.make(host.pfnOf(host.takePage()), flags));
}

/** Both groups of an address. */
function groups(host: TestHost, mm: Mm, ea: bigint): [number, number] {
  const hash = hashOf(virtualAddress(userVsid(mm.context, Number(ea >> 28n)), ea), 12);
  return [groupOf(hash, host.mmu.table.mask, false), groupOf(hash, host.mmu.table.mask, true)];
}

describe('translation', () => {
  test('a miss reads the hash table before any Linux table', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, READ);
    const slot = host.access(LOAD, EA);
    expect(host.cpu.tlb.frameOf(slot)).toBe(1); // taken behind the root
    host.cpu.tlb.dropAll(false);
    host.store(host.lookup(mm, VPN), 0n); // behind the machine's back
    expect(host.access(LOAD, EA)).toBeGreaterThanOrEqual(0);
    expect(host.counters.get('softwareFills')).toBe(1);
  });

  test('a segment miss fills slot 4 first, then the next, and wraps to 3', () => {
    const { host, mm } = setUp();
    const { slb } = host.cpu.registers as { slb: { slotOf: Int8Array; cursor: number } };
    const first = slb.cursor;
    for (let esid = 100; esid < 100 + 62; esid++) {
      map(host, mm, esid * 65536, READ);
      host.access(LOAD, BigInt(esid) << 28n);
    }
    expect(first).toBe(4); // the switch has preloaded segment 0
    expect(slb.slotOf[100]).toBe(-1);
    expect(slb.slotOf[158]).toBe(63);
    expect(slb.slotOf[159]).toBe(3);
    expect(slb.slotOf[161]).toBe(5);
    expect(host.counters.get('nestedFills')).toBe(62);
  });

  test('a store to a clean writable page makes it dirty below the fault handler', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, SHARED);
    const slot = host.access(LOAD, EA);
    expect(host.cpu.tlb.rightsOf(slot)).toBe(2);
    expect(host.pte(mm, VPN) & 0x80n).toBe(0n);
    expect(host.cpu.tlb.rightsOf(host.access(STORE, EA))).toBe(6);
    expect(host.pte(mm, VPN) & 0x80n).toBe(0x80n);
    expect(host.hashed()).toBe(1);
  });

  test('what the pte refuses is a fault: absent without an entry, rights with one', () => {
    const { host, mm } = setUp();
    expect(host.access(LOAD, EA)).toBe(FAULT_ABSENT);
    map(host, mm, VPN, NONE);
    expect(host.access(LOAD, EA)).toBe(FAULT_ABSENT);
    map(host, mm, VPN, READ);
    expect(host.access(STORE, EA)).toBe(FAULT_ABSENT);
    expect(host.access(LOAD, EA)).toBeGreaterThanOrEqual(0);
    expect(host.access(STORE, EA)).toBe(FAULT_RIGHTS);
    expect(host.access(EXEC, EA)).toBe(FAULT_RIGHTS);
    host.cpu.tlb.dropAll(false);
    expect(host.access(STORE, EA)).toBe(FAULT_RIGHTS);
  });

  test('an address of 2^44 and above is absent', () => {
    const { host } = setUp();
    expect(host.access(LOAD, 2n ** 44n)).toBe(FAULT_ABSENT);
    expect(host.access(LOAD, 0xc000_0000_0000_0000n)).toBe(FAULT_ABSENT);
  });

  test('a full primary group sends an entry to the secondary one, two full groups throw one out', () => {
    const { host, mm } = setUp();
    const [first, second] = groups(host, mm, EA);
    map(host, mm, VPN, READ_EXEC);
    host.occupy(first, 8);
    host.access(EXEC, EA);
    expect(host.pte(mm, VPN) & 0xf400n).toBe(0x8400n);
    expect(host.hpte(second, 0).v & 3n).toBe(3n);
    host.setPte(mm, VPN, 0n);
    host.occupy(second, 8);
    map(host, mm, VPN, READ_EXEC);
    expect(host.access(LOAD, EA)).toBeGreaterThanOrEqual(0);
    expect(host.mmu.table.evictions).toBe(1);
    host.cpu.tlb.dropAll(false);
    expect(host.access(EXEC, EA)).toBeGreaterThanOrEqual(0);
    expect(host.mmu.table.evictions).toBe(1); // found again, wherever it is
  });

  test('the same accesses evict the same entries', () => {
    const run = (): bigint[] => {
      const host = new TestHost(ppc64_4k, { groups: 2048, pages: 1024 });
      const mm = host.run();
      const frame = host.takePage();
      for (let i = 0; i < 40; i++) {
        const vpn = i * 65536 * 16;
        // The page of each segment whose hash is group 77.
        const inSegment = (userVsid(mm.context, i * 16) ^ 77) & 2047;
        host.setPte(mm, vpn + inSegment, host.arch.pte.make(host.pfnOf(frame), READ));
        host.access(LOAD, BigInt(vpn + inSegment) << 12n);
      }
      expect(host.mmu.table.evictions).toBe(24);
      return Array.from({ length: 8 }, (_, slot) => host.hpte(77, slot).v);
    };
    expect(run()).toEqual(run());
  });

  test('after eviction the slot in the pte is stale: the next store inserts anew', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, SHARED);
    host.access(LOAD, EA);
    const [first] = groups(host, mm, EA);
    expect(host.mmu.table.evict(first, 0)).toBe(0);
    expect(host.holdsAddress(EA, 1)).toBe(true); // no tlbie
    host.occupy(first, 1);
    host.access(STORE, EA);
    expect(host.pte(mm, VPN) & 0x7000n).toBe(0x1000n);
    expect(host.mmu.auditExtra()).toEqual([]);
  });
});

test('the walk of a hash miss finds what the descriptor says', () => {
  for (const arch of [ppc64_4k, ppc64_64k]) {
    const host = new TestHost(arch, { firstPfn: 0x100 });
    const mm = host.run();
    const walk = new LinuxWalk(host);
    const last = 2 ** (44 - arch.geometry.pageShift) - 1;
    const pages = [0, 1, 511, 512, 4095, 4096, 0x20000, last];
    for (const vpn of pages) {
      expect(walk.pteOf(mm, vpn)).toBe(host.lookup(mm, vpn));
      const made = host.lookup(mm, vpn, true);
      expect([walk.pteOf(mm, vpn), walk.pteOf(mm, vpn | 0)]).toEqual([made, made]);
    }
  }
});

describe('preload', () => {
  function faulted(host: TestHost, mm: Mm, kind: 0 | 1 | 2, flags: number): void {
    expect(host.access(kind, EA)).toBe(FAULT_ABSENT);
    map(host, mm, VPN, flags);
    const word = host.pte(mm, VPN);
    host.mmu.updateMmuCache(host.cpu, mm, VPN, Number(word >> 32n), Number(BigInt.asIntN(32, word)));
  }

  test('update_mmu_cache after a fault of the page hashes it; the retried access finds it', () => {
    const { host, mm } = setUp();
    faulted(host, mm, LOAD, READ);
    expect(host.hashed()).toBe(1);
    const before = host.counters.get('softwareFills');
    expect(host.access(LOAD, EA)).toBeGreaterThanOrEqual(0);
    expect(host.counters.get('softwareFills')).toBe(before);
  });

  test('not for another page, and not for an exec fault of a page that is not executable', () => {
    const { host, mm } = setUp();
    faulted(host, mm, EXEC, READ);
    expect(host.hashed()).toBe(0);
    host.mmu.updateMmuCache(host.cpu, mm, VPN + 1, 0, 0x113);
    expect(host.hashed()).toBe(0);
  });
});

describe('64 KiB pages over 4 KiB entries', () => {
  const BASE = Number(EA >> 16n);
  function wide(): { host: TestHost; mm: Mm } {
    const host = new TestHost(ppc64_64k);
    const mm = host.run();
    host.setPte(mm, BASE, ppc64_64k.pte.make(host.pfnOf(host.takePage()), SHARED));
    return { host, mm };
  }

  test('each sub-page has an entry, a bit and a nibble of its own, and all map the one frame', () => {
    const { host, mm } = wide();
    for (let i = 0n; i < 16n; i++) expect(host.cpu.tlb.frameOf(host.access(LOAD, EA + (i << 12n)))).toBe(1);
    expect(host.pte(mm, BASE) & 0x1ffff000n).toBe(0x1ffff000n);
    expect(host.hashed()).toBe(16);
    expect(host.mmu.auditExtra()).toEqual([]);
  });

  test('one entry in the batch takes every sub-page out', () => {
    const { host, mm } = wide();
    for (const i of [0n, 7n, 8n, 15n]) host.access(STORE, EA + (i << 12n));
    host.changePte(mm, BASE, 0n);
    expect(host.cpu.batch.nr).toBe(1);
    host.mmu.flushPage(mm, BASE);
    expect(host.hashed()).toBe(0);
    for (const i of [0n, 7n, 8n, 15n]) expect(host.holdsAddress(EA + (i << 12n), 1)).toBe(false);
  });

  test('a store to one sub-page makes the page dirty; another still has its old entry until it stores', () => {
    const { host, mm } = wide();
    host.access(LOAD, EA);
    host.access(LOAD, EA + 0x1000n);
    host.access(STORE, EA);
    expect(host.pte(mm, BASE) & 0x80n).toBe(0x80n);
    const slot = host.access(LOAD, EA + 0x1000n);
    expect(host.cpu.tlb.rightsOf(slot)).toBe(2);
    expect(host.cpu.tlb.rightsOf(host.access(STORE, EA + 0x1000n))).toBe(6);
    expect(host.hashed()).toBe(2);
  });
});

describe('contexts', () => {
  test('ids are the lowest free ones, and an exit gives its own back at once', () => {
    const host = new TestHost(ppc64_4k);
    const mms = [host.newMm(), host.newMm(), host.newMm()];
    expect(mms.map((mm) => mm.context)).toEqual([1, 2, 3]);
    host.mmu.destroyContext(mms[0] as Mm);
    host.mmu.destroyContext(mms[1] as Mm);
    expect([host.newMm().context, host.newMm().context, host.newMm().context]).toEqual([1, 2, 4]);
  });

  test('a switch empties the ERATs, keeps the TLB, and flushes what is pending', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, READ);
    host.access(LOAD, EA);
    const other = host.newMm();
    host.changePte(mm, VPN, host.pte(mm, VPN) & ~0x100n);
    expect(host.cpu.batch.nr).toBe(1);
    host.mmu.switchMm(host.cpu, mm, other);
    expect(host.cpu.batch.nr).toBe(0);
    expect(host.access(LOAD, EA)).toBe(FAULT_ABSENT);
    host.mmu.switchMm(host.cpu, other, mm);
    host.access(LOAD, EA);
    host.mmu.switchMm(host.cpu, mm, other);
    host.mmu.switchMm(host.cpu, other, mm);
    const walks = host.counters.get('walks');
    host.access(LOAD, EA);
    expect(host.cpu.tlb.secondLevelHit).toBe(1);
    expect(host.counters.get('walks')).toBe(walks);
  });

  test('a CPU never leaves the mask, and a flush reaches all CPUs once two have run the mm', () => {
    const { host, mm } = setUp(2);
    const [cpu0, cpu1] = host.cpus as [TestHost['cpu'], TestHost['cpu']];
    host.mmu.switchMm(cpu1, null, mm);
    map(host, mm, VPN, READ);
    host.access(LOAD, EA, cpu0);
    host.access(LOAD, EA, cpu1);
    host.mmu.switchMm(cpu1, mm, host.newMm());
    expect(mm.cpuVmMask).toBe(3);
    host.changePte(mm, VPN, 0n);
    host.mmu.flushMm(mm);
    expect([host.holdsAddress(EA, 1, cpu0), host.holdsAddress(EA, 1, cpu1)]).toEqual([false, false]);
  });

  test('a slot belongs to the mm that has its context, and to nobody after the exit', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, READ);
    const slot = host.access(LOAD, EA);
    expect(host.mmu.mmOfSlot(host.cpu, slot)).toBe(mm);
    host.mmu.destroyContext(mm);
    expect(host.mmu.mmOfSlot(host.cpu, slot)).toBeNull();
  });

  test('a fork takes the huge-page areas over', () => {
    const host = new TestHost(ppc64_4k);
    const parent = host.newMm();
    (parent.archState as { low: number }).low = 0x8000;
    expect((host.newMm(parent).archState as { low: number }).low).toBe(0x8000);
  });
});

describe('flushes', () => {
  test('every flush sends the batch, whatever it is asked for; only HASHPTE queues', () => {
    for (const flush of [
      (host: TestHost, mm: Mm) => host.mmu.flushPage(mm, 1),
      (host: TestHost, mm: Mm) => host.mmu.flushRange(mm, 1, 2),
      (host: TestHost, mm: Mm) => host.mmu.flushMm(mm),
      (host: TestHost, mm: Mm) => host.mmu.gatherFlush(mm, true),
    ]) {
      const { host, mm } = setUp();
      map(host, mm, VPN, READ);
      map(host, mm, VPN + 1, READ);
      host.access(LOAD, EA);
      host.changePte(mm, VPN, 0n);
      host.changePte(mm, VPN + 1, 0n); // never hashed
      expect(host.cpu.batch.nr).toBe(1);
      flush(host, mm);
      expect([host.holdsAddress(EA, 1), host.cpu.batch.nr, host.hashed()]).toEqual([false, 0, 0]);
      expect(host.counters.get('flushPending')).toBe(1);
    }
  });

  test('set_pte_at over a page flushes at once', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, READ);
    host.access(LOAD, EA);
    map(host, mm, VPN, READ);
    expect([host.cpu.batch.nr, host.hashed(), host.holdsAddress(EA, 1)]).toEqual([0, 0, false]);
  });

  test('a page whose entry was evicted still goes out of the TLBs', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, READ);
    host.access(LOAD, EA);
    host.mmu.table.evict(groups(host, mm, EA)[0], 0);
    host.changePte(mm, VPN, 0n);
    host.mmu.flushPage(mm, VPN);
    expect(host.holdsAddress(EA, 1)).toBe(false);
  });
});

describe('the audit of the hash table', () => {
  const broken: [string, (host: TestHost, mm: Mm, at: number) => void, RegExp][] = [
    ['no pte', (host, _mm, at) => host.store(at, 0n), /has no pte/],
    ['HASHPTE lost', (host, mm, at) => host.store(at, host.pte(mm, VPN) & ~0x400n), /does not know/],
    ['another frame', (host, mm, at) => host.store(at, host.pte(mm, VPN) + (1n << 17n)), /has frame/],
    ['not writable', (host, mm, at) => host.store(at, host.pte(mm, VPN) & ~0x200n), /not writable/],
    ['not executable', (host, mm, at) => host.store(at, host.pte(mm, VPN) & ~0x4n), /not executable/],
    ['not for users', (host, mm, at) => host.store(at, host.pte(mm, VPN) & ~0x2n), /not for user/],
  ];
  for (const [what, damage, message] of broken) {
    test(`finds: ${what}`, () => {
      const { host, mm } = setUp();
      map(host, mm, VPN, 15);
      host.access(STORE, EA);
      expect(host.mmu.auditExtra()).toEqual([]);
      damage(host, mm, host.lookup(mm, VPN));
      expect(host.mmu.auditExtra().join()).toMatch(message);
    });
  }

  test('is silent about pages that wait in a batch and about contexts that are gone', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, 15);
    host.access(STORE, EA);
    host.changePte(mm, VPN, 0n);
    expect(host.mmu.auditExtra()).toEqual([]);
    host.cpu.batch.nr = 0;
    expect(host.mmu.auditExtra()).toHaveLength(1);
    host.mmu.destroyContext(mm);
    expect(host.mmu.auditExtra()).toEqual([]);
  });

  test('finds two entries for one page', () => {
    const { host, mm } = setUp();
    map(host, mm, VPN, READ);
    host.access(LOAD, EA);
    const [first] = groups(host, mm, EA);
    const at = host.mmu.table.entryAt(first, 0);
    const words = host.memory.words;
    host.mmu.table.insert(
      first,
      words[at] as number,
      words[at + 1] as number,
      words[at + 2] as number,
      words[at + 3] as number,
    );
    expect(host.mmu.auditExtra().join()).toMatch(/a second entry/);
  });
});
