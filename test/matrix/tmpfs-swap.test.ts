/** tmpfs pages in swap: there and back, truncated there, lost there (D2, D3), swapped off (generic-mm 14.2, 14.4, 14.5). */
import { Machine, runToEnd, SHM_LOCK, SteppedOp } from '@fourfold/core';
import { type ShmemInode, tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';
import { emptySwapCache, pageOut } from '../support/page-out.js';

const AT = 0x2000_0000n;
const SLOTS = 255;

function setUp(arch: (typeof MACHINES)[number], pages: number, defects: 'mended' | 'kept' = 'mended') {
  const { pageShift, pageSize } = arch.geometry;
  const machine = new Machine({
    arch,
    memory: 2 ** (pageShift + 9),
    swap: (SLOTS + 1) * pageSize,
    defects,
    mounts: { '/tmp': tmpfs({ nr_blocks: 100 }) },
  });
  const file = machine.open('/tmp/f', { create: true });
  const inode = file.inode as ShmemInode;
  machine.truncate(file, pages * pageSize);
  const process = machine.spawn();
  /** Maps `n` file pages from page `from` at AT. */
  const map = (n: number, from = 0): void => {
    process.mmap({ addr: AT, length: n * pageSize, prot: 'rw', flags: 'shared|fixed', file, offset: from * pageSize });
  };
  const page = (n: number): bigint => AT + BigInt(n * pageSize);
  const free = (): number => machine.swapPages.free;
  const out = (n: number): void => {
    pageOut(process, AT, n);
    emptySwapCache(machine);
    machine.check();
  };
  return { machine, file, inode, process, map, page, pageSize, free, out };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  const entries = (arch.geometry.pageSize * 8) / arch.wordBits;
  const triple = 16 + (entries * entries) / 2;

  test('pages go to swap and come back with their contents, by a major fault or by read', () => {
    const { machine, inode, process, map, page, pageSize, free, out } = setUp(arch, 24);
    machine.kernel.swap.pageCluster = 0;
    map(24);
    for (let n = 0; n < 24; n++) process.store8(page(n), n + 1);
    out(24);
    expect([inode.swapped, inode.alloced, inode.mapping.pages.size, free()]).toEqual([24, 24, 0, SLOTS - 24]);
    const { majFlt } = process;
    expect([0, 15, 16, 23].map((n) => process.load8(page(n)))).toEqual([1, 16, 17, 24]);
    expect(process.majFlt - majFlt).toBe(4);
    const bytes = new Uint8Array(2 * pageSize);
    expect(runToEnd(inode.read(20 * pageSize, bytes))).toBe(2 * pageSize);
    expect([bytes[0], bytes[pageSize]]).toEqual([21, 22]);
    expect([inode.swapped, inode.mapping.pages.size, free()]).toEqual([18, 6, SLOTS - 18]);
    machine.check();
    // Out again, into new slots; but for the two that were only read and that nobody maps.
    out(24);
    expect([inode.swapped, process.load8(page(15))]).toEqual([22, 16]);
    machine.check();
  });

  test('truncation frees slots, brings the page in that it cuts, and the end of the file frees the rest', () => {
    const { machine, file, inode, process, map, page, pageSize, free, out } = setUp(arch, 24);
    map(24);
    for (let n = 0; n < 24; n++) process.write(page(n), new Uint8Array(8).fill(n + 1));
    out(24);
    machine.truncate(file, 20 * pageSize + 3);
    expect([inode.allocatedPages, inode.swapped, inode.nextIndex]).toEqual([21, 20, 21]);
    machine.check();
    machine.truncate(file, 24 * pageSize);
    expect([...process.read(page(20), 5)]).toEqual([21, 21, 21, 0, 0]);
    expect(process.load8(page(21))).toBe(0);
    process.madvise(page(2), 15 * pageSize, arch.madvRemove);
    machine.check();
    expect([inode.swapped, process.load8(page(1)), process.load8(page(2)), process.load8(page(17))]).toEqual([
      5, 2, 0, 18,
    ]);
    machine.unlink('/tmp/f');
    machine.close(file);
    process.exit();
    machine.check();
    expect([free(), machine.kernel.committed]).toEqual([SLOTS, 0]);
  });

  test('swapoff gives every page back to its file', () => {
    const { machine, inode, process, map, page, out } = setUp(arch, 24);
    map(24);
    for (let n = 0; n < 24; n++) process.store8(page(n), n + 1);
    out(24);
    machine.swapOff(0);
    expect([inode.swapped, inode.mapping.pages.size, inode.vector.entry(20)]).toEqual([0, 24, 0]);
    expect(process.load8(page(20))).toBe(21);
    machine.check();
  });

  test('more shared memory than RAM: two processes write and read all of it, and swap is empty at the end', () => {
    const { pageShift, pageSize } = arch.geometry;
    const machine = new Machine({
      arch,
      memory: 2 ** (pageShift + 9),
      swap: 2048 * pageSize,
      overcommit: 1,
      mounts: { '/tmp': tmpfs() },
    });
    const pages = 1200;
    const one = machine.spawn();
    const va = one.mmap({ length: pages * pageSize, prot: 'rw', flags: 'shared|anonymous' });
    const two = one.fork();
    const page = (n: number): bigint => va + BigInt(n * pageSize);
    for (let n = 0; n < pages; n++) (n % 3 === 0 ? two : one).store8(page(n), n & 255);
    machine.check();
    const seen: number[] = [];
    for (let n = 0; n < pages; n++) seen.push((n % 2 === 0 ? two : one).load8(page(n)));
    expect(seen).toEqual(Array.from({ length: pages }, (_, n) => n & 255));
    expect(machine.counters.get('pswpout')).toBeGreaterThan(pages - 512);
    machine.check();
    one.exit();
    two.exit();
    machine.check();
    machine.drainBatches();
    expect(machine.swapPages).toEqual({ total: 2047, free: 2047, cached: 0 });
    expect(machine.kernel.committed).toBe(0);
  });

  test('SHM_LOCK keeps the pages of a segment in memory', () => {
    const { machine, process, pageSize } = setUp(arch, 1);
    const id = process.shmget(0, 4 * pageSize);
    const va = process.shmat(id);
    process.shmctl(id, SHM_LOCK);
    for (let n = 0; n < 4; n++) process.store8(va + BigInt(n * pageSize), 1);
    pageOut(process, va, 4);
    machine.check();
    expect(machine.swapPages.free).toBe(SLOTS);
  });

  test('a hole that ends inside a middle index page spares what lies behind it; originally it is lost (D2)', () => {
    for (const [defects, left] of [
      ['mended', 9],
      ['kept', 0],
    ] as const) {
      const { machine, file, process, map, page, pageSize, out } = setUp(arch, triple + 3 * entries, defects);
      map(1, triple);
      process.store8(page(0), 8);
      out(1);
      map(1, triple + entries);
      process.store8(page(0), 9);
      out(1);
      process.mmap({
        addr: page(8),
        length: pageSize,
        prot: 'rw',
        flags: 'shared|fixed',
        file,
        offset: triple * pageSize,
      });
      process.madvise(page(8), pageSize, arch.madvRemove);
      expect([process.load8(page(0)), process.load8(page(8))]).toEqual([left, 0]);
      machine.check();
    }
  });

  test('a hole against a read of one of its swapped pages: the slot is freed once; originally twice (D3)', () => {
    const race = (defects: 'mended' | 'kept'): void => {
      const { machine, inode, process, map, page, pageSize, out } = setUp(arch, 8, defects);
      map(8);
      for (let n = 0; n < 8; n++) process.store8(page(n), n + 1);
      out(8);
      // The hole lets others run wherever it may; the read then takes page 3 out of swap.
      machine.kernel.inject.needResched = (where) => where === 'shmem_truncate_range';
      const punch = new SteppedOp('punch', process.ops.madvise(page(1), BigInt(6 * pageSize), arch.madvRemove));
      punch.step();
      expect(punch.done).toBe(defects === 'mended');
      expect(runToEnd(inode.read(3 * pageSize, new Uint8Array(1)))).toBe(1);
      while (!punch.done) punch.step();
      machine.kernel.inject.clear();
      machine.check();
      expect([0, 3, 7].map((n) => process.load8(page(n)))).toEqual([1, 0, 8]);
    };
    race('mended');
    expect(() => race('kept')).toThrow(/freed with count 0/);
  });
});
