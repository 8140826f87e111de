/** tmpfs on every machine: files, mappings of them, limits, truncation, holes. */
import { ERRNO, Machine, type OpenFile, runToEnd } from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;
const SHARED = 'shared|fixed';

function setUp(arch: (typeof MACHINES)[number], options: Parameters<typeof tmpfs>[0] = {}) {
  const machine = new Machine({ arch, mounts: { '/tmp': tmpfs(options) } });
  const { pageSize } = machine;
  const file = machine.open('/tmp/f', { create: true });
  const process = machine.spawn();
  const page = (n: number): bigint => AT + BigInt(n * pageSize);
  const write = (f: OpenFile, n: number, value: number): number =>
    runToEnd(f.inode.write(n * pageSize, Uint8Array.of(value)));
  const read = (f: OpenFile, n: number): number => {
    const out = new Uint8Array(1);
    return runToEnd(f.inode.read(n * pageSize, out)) === 1 ? (out[0] as number) : -1;
  };
  return { machine, pageSize, file, process, page, write, read };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('holes read as zeros without a page, faults on them get one', () => {
    const { machine, pageSize, file, process, page, write, read } = setUp(arch);
    expect(write(file, 3, 7)).toBe(1);
    expect([read(file, 0), read(file, 3), read(file, 4)]).toEqual([0, 7, -1]);
    expect(file.inode.allocatedPages).toBe(1);
    expect(file.inode.size).toBe(3 * pageSize + 1);
    process.mmap({ addr: AT, length: 5 * pageSize, prot: 'rw', flags: SHARED, file });
    expect(process.load8(page(0))).toBe(0);
    expect(file.inode.allocatedPages).toBe(2);
    expect(() => process.load8(page(4))).toThrow(/BUS_ADRERR/);
    process.store8(page(1), 9);
    expect(read(file, 1)).toBe(9);
    machine.check();
  });

  test('a mount of four blocks gives four pages, SIGBUS to the fifth fault and ENOSPC to the fifth write', () => {
    const { machine, pageSize, file, process, page, write } = setUp(arch, { nr_blocks: 4 });
    runToEnd(file.inode.setSize(8 * pageSize));
    process.mmap({ addr: AT, length: 8 * pageSize, prot: 'rw', flags: SHARED, file });
    for (let n = 0; n < 4; n++) process.store8(page(n), n);
    expect(() => process.store8(page(4), 4)).toThrow(/BUS_ADRERR/);
    expect(write(file, 5, 5)).toBe(-ERRNO.ENOSPC);
    machine.check();
    runToEnd(file.inode.setSize(2 * pageSize));
    runToEnd(file.inode.setSize(8 * pageSize));
    expect(write(file, 5, 5)).toBe(1);
    machine.check();
  });

  test('index pages take blocks and frames, and go with the file', () => {
    const { machine, file, write } = setUp(arch, { nr_blocks: 64 });
    const free = machine.freePages;
    write(file, 15, 1);
    machine.drainBatches();
    expect(free - machine.freePages).toBe(1);
    write(file, 16, 1);
    expect(free - machine.freePages).toBe(4);
    machine.check();
    expect((file.inode as unknown as { blocks: number }).blocks).toBe((4 * machine.pageSize) / 512);
    machine.unlink('/tmp/f');
    machine.check();
    machine.close(file);
    machine.check();
    machine.drainBatches();
    expect(machine.freePages).toBe(free);
  });

  test('shared anonymous memory is one object for parent and child, and goes with the last of them', () => {
    const { machine, pageSize, file } = setUp(arch);
    machine.close(file);
    const free = machine.freePages;
    const committed = machine.kernel.committed;
    const parent = machine.spawn();
    const va = parent.mmap({ length: 3 * pageSize, prot: 'rw', flags: 'shared|anonymous' });
    expect(machine.kernel.committed).toBe(committed + 3);
    const child = parent.fork();
    child.store8(va, 5);
    expect(parent.load8(va)).toBe(5);
    machine.check();
    parent.exit();
    machine.check();
    expect(child.load8(va)).toBe(5);
    child.exit();
    machine.check();
    machine.drainBatches();
    expect(machine.kernel.committed).toBe(committed);
    expect(machine.freePages).toBe(free);
  });

  test('RLIMIT_FSIZE stops writing and growing, on tmpfs and on the disk', () => {
    const { machine, process, pageSize } = setUp(arch);
    for (const path of ['/tmp/g', '/g']) {
      const { inode } = machine.open(path, { create: true });
      process.mm.rlimits.fsize = 2 * pageSize + 1;
      machine.enter(process);
      expect(runToEnd(inode.write(2 * pageSize, new Uint8Array(9).fill(7)))).toBe(1);
      expect(runToEnd(inode.write(2 * pageSize + 1, Uint8Array.of(7)))).toBe(-ERRNO.EFBIG);
      expect(runToEnd(inode.setSize(3 * pageSize))).toBe(-ERRNO.EFBIG);
      expect([inode.size, runToEnd(inode.write(0, new Uint8Array(0)))]).toEqual([2 * pageSize + 1, 0]);
      process.mm.rlimits.fsize = Infinity;
      expect(runToEnd(inode.setSize(3 * pageSize))).toBe(0);
    }
    machine.check();
  });

  test('shared anonymous memory without reserve is charged page by page', () => {
    const { machine, process, pageSize } = setUp(arch);
    const { committed } = machine.kernel;
    const va = process.mmap({ length: 8 * pageSize, prot: 'rw', flags: 'shared|anonymous|noreserve' });
    expect(machine.kernel.committed).toBe(committed);
    process.store8(va, 1);
    process.load8(va + BigInt(5 * pageSize));
    expect(machine.kernel.committed).toBe(committed + 2);
    machine.check();
    process.exit();
    expect(machine.kernel.committed).toBe(committed);
    machine.check();
  });
});
