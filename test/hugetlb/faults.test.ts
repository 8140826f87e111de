/** Huge pages on every machine: mapping, demand faults, the TLB, fork, truncation and the way back to the pool. */
import { followHugetlbPages, MmError, runToEnd, type Vma } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { HUGE_MACHINES, HugeWorld, hugeName } from '../support/huge.js';

function errnoOf(run: () => unknown): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    if (error instanceof MmError) return error.code;
    throw error;
  }
}

describe.each(HUGE_MACHINES.map((arch) => [hugeName(arch), arch] as const))('%s', (_name, arch) => {
  test('a huge page comes with its first touch, counts as its base pages, and holds bytes to its last one', () => {
    const world = new HugeWorld(arch, 3);
    const { machine, size, huge } = world;
    const { inode, file } = world.open('h1');
    const process = machine.spawn();
    expect(world.free).toBe(3);
    const at = world.map(process, file, 0, 2);
    expect([inode.size, world.free, process.mm.rss]).toEqual([Number(size) * 2, 3, 0]);
    expect(process.load8(at)).toBe(0);
    expect([world.free, process.mm.fileRss, process.minFlt, process.majFlt]).toEqual([2, huge.pages, 1, 0]);
    process.store8(at + size - 1n, 7);
    process.store8(at + size / 2n, 8);
    process.store32(at + size - 2n, 0x01020304); // across the border of two huge pages
    expect(process.load32(at + size - 2n)).toBe(0x01020304);
    expect([process.load8(at + size / 2n), process.minFlt - process.bitFlt, world.free]).toEqual([8, 2, 1]);
    machine.check();
    process.munmap(at, 2n * size);
    expect([process.mm.rss, process.mm.nrPtes, inode.mapping.pages.size, world.free]).toEqual([0, 0, 2, 1]);
    machine.check();
    const again = world.map(process, file, 4, 1);
    expect([process.load8(again + size / 2n), world.free]).toEqual([8, 1]);
    machine.check();
    process.exit();
    machine.check();
  });

  test('one TLB entry serves the whole huge page, and goes with it', () => {
    const world = new HugeWorld(arch, 1);
    const { machine, size, huge } = world;
    const { file } = world.open('h1');
    const process = machine.spawn();
    const at = world.map(process, file, 0, 1);
    const step = BigInt(machine.pageSize);
    for (let i = 0n; i < 64n && i * step < size; i++) process.store8(at + i * step, Number(i));
    process.store8(at + size - 1n, 99);
    expect(process.minFlt - process.bitFlt).toBe(1);
    const spans = [...Array(machine.kernel.cpu.tlb.slots).keys()].filter(
      (slot) => machine.kernel.cpu.tlb.contextOf(slot) >= 0 && machine.kernel.cpu.tlb.spanOf(slot) !== 0,
    );
    expect(spans.length).toBeGreaterThan(0);
    expect(machine.kernel.cpu.tlb.spanOf(spans[0] as number)).toBe(huge.order + arch.tlbSubShift);
    machine.check();
    process.munmap(at, size);
    machine.check();
    expect(() => process.load8(at + 5n * step)).toThrow(/SEGV_MAPERR/);
  });

  test('fork shares huge pages for reading and writing, and the parent loses no right', () => {
    const world = new HugeWorld(arch, 2);
    const { machine, size, huge } = world;
    const { inode, file } = world.open('h1');
    const parent = machine.spawn();
    const at = world.map(parent, file, 0, 2);
    parent.store8(at, 1);
    const child = parent.fork();
    expect([child.mm.fileRss, parent.mm.fileRss]).toEqual([huge.pages, huge.pages]);
    machine.check();
    child.store8(at, 2);
    child.store8(at + size, 3);
    expect([parent.load8(at), parent.load8(at + size)]).toEqual([2, 3]);
    const head = inode.mapping.pages.get(0) as number;
    expect([machine.kernel.map.count[head], machine.kernel.map.mapcount[head]]).toEqual([3, 0]);
    parent.exit();
    machine.check();
    expect(child.load8(at)).toBe(2);
    child.exit();
    machine.check();
  });

  test('truncation unmaps everywhere and gives the pages back; beyond the end is SIGBUS', () => {
    const world = new HugeWorld(arch, 2);
    const { machine, size } = world;
    const { inode, file } = world.open('h1');
    const process = machine.spawn();
    const at = world.map(process, file, 0, 2);
    process.store8(at, 1);
    process.store8(at + size, 2);
    const other = process.fork();
    expect(world.free).toBe(0);
    const truncate = (bytes: bigint): string => world.truncate(inode, bytes);
    expect([other.load8(at + size), process.load8(at + size)]).toEqual([2, 2]); // both have it in their TLB
    expect(truncate(size / 2n)).toBe('EINVAL');
    expect(truncate(3n * size)).toBe('EINVAL');
    expect(truncate(size)).toBe('ok');
    expect(world.free).toBe(1);
    machine.check();
    for (const one of [process, other]) {
      expect(one.load8(at)).toBe(1);
      expect(() => one.load8(at + size)).toThrow(/BUS_ADRERR/);
    }
    expect(world.free).toBe(1);
    machine.check();
  });

  test('the last name and the last mapping take the pages along', () => {
    const world = new HugeWorld(arch, 2);
    const { machine } = world;
    const { file } = world.open('h1');
    const process = machine.spawn();
    const at = world.map(process, file, 0, 2);
    process.store8(at, 1);
    machine.close(file);
    runToEnd(world.fs.unlink('h1'));
    expect(process.load8(at)).toBe(1);
    process.exit();
    expect([world.free, world.fs.files.size]).toEqual([2, 0]);
    machine.check();
  });

  test('calls on huge areas answer what they did before copy-on-write came', () => {
    const world = new HugeWorld(arch, 4);
    const { machine, size, base } = world;
    const page = BigInt(machine.pageSize);
    const { file } = world.open('h1');
    const process = machine.spawn();
    const mmap = (addr: bigint, length: bigint, prot: string, flags: string, offset = 0n) =>
      errnoOf(() => process.mmap({ addr, length, prot, flags, file, offset }));
    expect(mmap(base, size, 'rw', 'private|fixed')).toBe('EINVAL');
    expect(mmap(base, size - page, 'rw', 'shared|fixed')).toBe('EINVAL');
    expect(mmap(base + page, size, 'rw', 'shared|fixed')).toBe('EINVAL');
    expect(mmap(base, size, 'rw', 'shared|fixed', page)).toBe('EINVAL');
    expect(mmap(base, size, 'r', 'shared|fixed')).toBe('ENOMEM'); // no right to make the file longer
    expect(mmap(base, 5n * size, 'rw', 'shared|fixed')).toBe('ENOMEM');
    expect(mmap(base, 2n * size, 'rw', 'shared|fixed')).toBe('ok');
    machine.check();
    expect(errnoOf(() => process.mprotect(base, size, 'r'))).toBe('EACCES');
    expect(errnoOf(() => process.mremap(base, size, 2n * size, 1))).toBe('EINVAL');
    expect(errnoOf(() => process.madvise(base, size, 4))).toBe('EINVAL');
    expect(errnoOf(() => process.munmap(base + page, size))).toBe('EINVAL');
    expect(errnoOf(() => process.munmap(base, size + page))).toBe('EINVAL');
    expect([process.mm.vmas.size, process.mm.reservedVm]).toEqual([1, 2 * world.huge.pages]);
    expect(process.status().VmSize).toBe(0);
    expect(machine.kernel.committed).toBe(0);
    machine.check();
  });

  test('a private read-only mapping shows the very pages of the file, write-protected', () => {
    const world = new HugeWorld(arch, 1);
    const { machine } = world;
    const { file } = world.open('h1');
    const process = machine.spawn();
    const at = world.map(process, file, 0, 1);
    process.store8(at, 5);
    const view = world.map(process, file, 1, 1, { prot: 'r', flags: 'private|fixed' });
    expect(process.load8(view)).toBe(5);
    process.store8(at, 6);
    expect(process.load8(view)).toBe(6);
    expect(() => process.store8(view, 1)).toThrow(/SEGV_ACCERR/);
    machine.check();
  });

  test('an empty pool is SIGBUS, and locking faults nothing in that is not there', () => {
    const world = new HugeWorld(arch, 1);
    const { machine, size } = world;
    const { file } = world.open('h1');
    const other = world.open('h2');
    const process = machine.spawn();
    const at = world.map(process, file, 0, 1);
    const beside = world.map(process, other.file, 1, 1); // a spot check: both fit while nothing is touched
    process.store8(at, 1);
    expect(() => process.store8(beside, 1)).toThrow(/BUS_ADRERR/);
    process.munmap(beside, size);
    machine.check();
    process.store8(at, 2);
    expect(errnoOf(() => world.map(process, other.file, 1, 1))).toBe('ENOMEM');
    machine.check();
  });

  test('page_table_lock is held across the whole range that is unmapped, and the flush follows', () => {
    const world = new HugeWorld(arch, 3, { config: { nrCpus: 4 } });
    const { machine, size } = world;
    const { file } = world.open('h1');
    const process = machine.spawn();
    const at = world.map(process, file, 0, 3);
    for (let i = 0n; i < 3n; i++) process.store8(at + i * size, 1);
    const spy = machine.spy();
    process.munmap(at, 3n * size);
    const steps: string[] = [];
    for (const event of spy.of('lock', 'unlock', 'setPte', 'addRss', 'flushRange', 'gatherFinish')) {
      if ((event.name === 'lock' || event.name === 'unlock') && event.kind !== 'page_table_lock') continue;
      if (event.name !== 'setPte' || steps[steps.length - 1] !== 'setPte') steps.push(event.name);
    }
    expect(steps).toEqual([
      'lock',
      ...['setPte', 'addRss', 'setPte', 'addRss', 'setPte', 'addRss'],
      'unlock',
      'flushRange',
      'gatherFinish',
    ]);
    machine.check();
  });

  test('get_user_pages faults huge pages in, hands out their parts, and a pin on one keeps all of it', () => {
    const world = new HugeWorld(arch, 2);
    const { machine, size, huge } = world;
    const { kernel: k } = machine;
    const { inode, file } = world.open('h1');
    const process = machine.spawn();
    const at = world.map(process, file, 0, 2);
    const vpn = Number(at >> BigInt(k.memory.pageShift));
    const vma = process.mm.vmas.containing(vpn) as Vma;
    const taken: number[] = [];
    const first = vpn + huge.pages - 2;
    expect(runToEnd(followHugetlbPages(k, vma, first, 3, (page) => taken.push(page)))).toBe(3);
    const heads = [0, 1].map((index) => inode.mapping.pages.get(index) as number) as [number, number];
    expect(taken).toEqual([heads[0] + huge.pages - 2, heads[0] + huge.pages - 1, heads[1]]);
    expect([k.map.count[heads[0]], k.map.count[heads[1]], process.minFlt, world.free]).toEqual([4, 3, 0, 0]);
    world.truncate(inode, 0n);
    expect(world.free).toBe(0); // only the pins are left
    expect(runToEnd(followHugetlbPages(k, vma, vpn, 1, null))).toBe(-14);
    for (const page of taken) k.pages.put(page);
    expect(world.free).toBe(2);
    process.munmap(at, 2n * size);
    machine.check();
  });
});
