/** A shared mapping of a file that has no nopage and mapped nothing itself (D9): a driver that has a hole. */
import { Machine, type MappedFile } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

function shared(arch: (typeof MACHINES)[number], defects: 'mended' | 'kept') {
  const machine = new Machine({ arch, defects });
  const inode = Object.assign(machine.createFile('hole', { size: 4 * machine.pageSize }), { nopage: undefined });
  const file: MappedFile = { inode, readable: true, writable: true, refs: 1 };
  const process = machine.spawn();
  const va = process.mmap({ length: 4 * machine.pageSize, prot: 'rw', flags: 'shared', file });
  return { machine, process, va, next: va + BigInt(machine.pageSize) };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('a fault has no page to give: SIGBUS, and no entry', () => {
    const { machine, process, va, next } = shared(arch, 'mended');
    expect(() => process.load8(va)).toThrow(/BUS_ADRERR/);
    expect(() => process.store8(next, 1)).toThrow(/BUS_ADRERR/);
    expect(process.mm.rss).toBe(0);
    machine.check();
  });

  test('originally a read maps the zero page, and a write an anonymous page, which a fork shares', () => {
    const { process, va, next } = shared(arch, 'kept');
    expect(process.load8(va)).toBe(0);
    process.store8(next, 7);
    const child = process.fork();
    process.store8(next, 8);
    expect([child.load8(next), process.load8(next), process.mm.anonRss]).toEqual([8, 8, 1]);
  });
});
