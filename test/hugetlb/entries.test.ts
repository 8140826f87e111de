/** What a huge page is in the tables of each machine: where its entry lies, what the word is, what its end costs. */
import { createSparc64 } from '@fourfold/arch-sparc64';
import { hugePteWord } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { HugeWorld } from '../support/huge.js';
import { MACHINES, type MachineName } from '../support/machines.js';

/** Shared, readable, writable: the word before anything but the fault handler has touched it, for a frame. */
const WORD: Record<MachineName, (pfn: bigint) => bigint> = {
  i386: (pfn) => (pfn << 12n) | 0xe7n,
  'i386-pae': (pfn) => (pfn << 12n) | 0xe7n,
  x86_64: (pfn) => 0x8000_0000_0000_0000n | (pfn << 12n) | 0xe7n,
  'ppc64-4k': (pfn) => (pfn << 17n) | 0x393n,
  'ppc64-64k': (pfn) => (pfn << 32n) | 0x393n, // no COMBO: set_huge_pte_at does not or it in
  'ia64-4k': (pfn) => 0x0010_0000_0000_0000n | (pfn << 12n) | 0x5e1n,
  'ia64-8k': (pfn) => 0x0010_0000_0000_0000n | (pfn << 13n) | 0x5e1n,
  'ia64-16k': (pfn) => 0x0010_0000_0000_0000n | (pfn << 14n) | 0x5e1n,
  'ia64-64k': (pfn) => 0x0010_0000_0000_0000n | (pfn << 16n) | 0x5e1n,
  'sparc64-8k': (pfn) => 0xe000_0000_0000_0000n | (pfn << 13n) | 0xfb2n,
  'sparc64-64k': (pfn) => 0xe000_0000_0000_0000n | (pfn << 16n) | 0xfb2n,
};

/** log2 of the bytes, the level of the entry, entries, index of huge page 3 of the base in its table, nr_ptes of one. */
const PLACE: Record<MachineName, readonly [number, string, number, number, number]> = {
  i386: [22, 'pgd', 1, 259, 0],
  'i386-pae': [21, 'pmd', 1, 3, 0],
  x86_64: [21, 'pmd', 1, 3, 0],
  'ppc64-4k': [24, 'pmd', 1, 24, 0],
  'ppc64-64k': [24, 'pte', 1, 768, 1],
  'ia64-4k': [28, 'pte', 1, 3, 1],
  'ia64-8k': [28, 'pte', 1, 3, 1],
  'ia64-16k': [28, 'pte', 1, 3, 1],
  'ia64-64k': [28, 'pte', 1, 3, 1],
  'sparc64-8k': [22, 'pte', 512, 512, 1],
  'sparc64-64k': [22, 'pte', 64, 192, 1],
};

/** Batch entries that unmapping one touched huge page queues, and the flushes of the batch it takes. */
const QUEUED: Record<MachineName, readonly [number, number]> = {
  i386: [0, 0],
  'i386-pae': [0, 0],
  x86_64: [0, 0],
  'ppc64-4k': [1, 1],
  'ppc64-64k': [1, 1],
  'ia64-4k': [0, 0],
  'ia64-8k': [0, 0],
  'ia64-16k': [0, 0],
  'ia64-64k': [0, 0],
  'sparc64-8k': [512, 3], // two that are full, and the rest
  'sparc64-64k': [64, 1],
};

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  function mapped() {
    const world = new HugeWorld(arch, 4);
    const { file, inode } = world.open('h1');
    const process = world.machine.spawn();
    world.map(process, file, 0, 4);
    return { world, process, inode, k: world.machine.kernel };
  }

  test('the entry: its level, its place, its word', () => {
    const { world, process, inode, k } = mapped();
    const { huge, machine } = world;
    const vpn = Number(world.at(3) >> BigInt(k.memory.pageShift));
    process.load8(world.at(3) + world.size / 2n);
    const at = k.tables.lookupHuge(process.mm, vpn);
    const pageOfTable = k.memory.slot.findIndex(
      (first) => first !== 0 && at >= first && at < first + k.memory.pageWords,
    );
    const words = (arch.geometry.entryBytes[huge.level] as number) / 4;
    // A table may be smaller than a page, or larger: its own bytes count.
    const tableWords = Math.min(arch.geometry.tableBytes[huge.level] as number, machine.pageSize) / 4;
    const index = ((at - (k.memory.slot[pageOfTable] as number)) % tableWords) / words;
    const want = PLACE[name];
    expect([huge.shift, arch.geometry.names[huge.level], huge.entries, index, process.mm.nrPtes]).toEqual(want);
    const pfn = BigInt(k.memory.pageToPfn(inode.mapping.pages.get(3) as number));
    // Where the page is in a hash table is nothing that counts.
    const ignored = arch.pteFormat.spec.ignore ?? 0n;
    expect(hugePteWord(k, at) & ~ignored).toBe(WORD[name](pfn));
    for (const i of huge.entries > 1 ? [1, huge.entries - 1] : []) {
      expect(hugePteWord(k, at + i * k.tables.pteWords)).toBe(WORD[name](pfn + BigInt(i)));
    }
    expect(huge.pageOfSlot(huge.slotPage(vpn + 1))).toBe(vpn);
  });

  test('what the end of one page costs', () => {
    const { world, process, k } = mapped();
    process.store8(world.at(1), 1);
    const counts = (): number[] => ['pendingQueued', 'flushPending'].map((which) => k.counters.get(which as never));
    const before = counts();
    process.munmap(world.at(1), world.size);
    // Freed page tables may have translations of their own, which wait in the same batch.
    const [queued, flushes] = counts().map((n, i) => n - (before[i] as number)) as [number, number];
    const tables = name === 'sparc64-8k' || name === 'sparc64-64k' ? k.counters.get('flushTables') : 0;
    expect([queued - tables, flushes - tables]).toEqual([...QUEUED[name]]);
    world.machine.check();
  });

  test('explain shows the entry and stops there', () => {
    const { world, process } = mapped();
    process.store8(world.at(2), 1);
    const { levels, pte, mapcount, count } = process.explain(world.at(2) + 5n);
    expect(levels.map(({ level }) => level)).toEqual(arch.geometry.names.slice(0, world.huge.level + 1));
    expect([pte?.kind, mapcount, count]).toEqual(['present', 0, 2]);
  });
});

test('sparc64 can be configured for huge pages of 512 and 64 KiB', () => {
  for (const [hugeShift, pte] of [
    [19, 0xc000_0000_0000_0fb2n],
    [16, 0xa000_0000_0000_0fb2n],
  ] as const) {
    const world = new HugeWorld(createSparc64({ hugeShift }), 2);
    const { file, inode } = world.open('h1');
    const process = world.machine.spawn();
    const at = world.map(process, file, 0, 2);
    process.store8(at + world.size, 5);
    const k = world.machine.kernel;
    const entry = k.tables.lookupHuge(process.mm, Number((at + world.size) >> 13n));
    const pfn = BigInt(k.memory.pageToPfn(inode.mapping.pages.get(1) as number));
    expect(hugePteWord(k, entry)).toBe(pte | (pfn << 13n));
    expect(process.load8(at + world.size)).toBe(5);
    world.machine.check();
  }
});
