/** What plugs into core: a file system behind shared anonymous memory, and the answer of a machine without one. */
import { Machine, type MappedFile } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('without a file system for it, shared anonymous memory is ENODEV', () => {
    const process = new Machine({ arch }).spawn();
    expect(() => process.mmap({ length: 4096, prot: 'rw', flags: 'shared|anonymous' })).toThrow(/ENODEV/);
  });

  test('with one, parent and child share what they write, and the last unmapping gives the pages back', () => {
    const machine = new Machine({ arch });
    const free = machine.freePages;
    const files: MappedFile[] = [];
    machine.kernel.sharedAnonymous = (_k, pages) => {
      const inode = machine.createFile('dev/zero', { size: pages * machine.pageSize, warm: true });
      const file = { inode, readable: true, writable: true, refs: 1 };
      files.push(file);
      return file;
    };
    const parent = machine.spawn();
    const va = parent.mmap({ length: 3 * machine.pageSize, prot: 'rw', flags: 'shared|anonymous' });
    const at = (page: number): bigint => va + BigInt(page * machine.pageSize);
    parent.store8(at(0), 1);
    const child = parent.fork();
    child.store8(at(1), 2);
    expect([parent.load8(at(0)), parent.load8(at(1)), child.load8(at(0))]).toEqual([1, 2, 1]);
    expect(machine.counters.get('copyFaults')).toBe(0);
    machine.check();
    child.exit();
    parent.munmap(va, 3 * machine.pageSize);
    expect(files.map((file) => file.refs)).toEqual([0]);
    parent.exit();
    for (const file of files) (file.inode as ReturnType<Machine['createFile']>).destroy();
    machine.check();
    expect(machine.freePages).toBe(free);
  });
});
