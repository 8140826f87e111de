/** Nonlinear mappings on every machine: what remap_file_pages leaves in the tables, and who keeps it. */
import { Machine, type MappedFile, type Process, runToEnd, VM_NONLINEAR, vmtruncate } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';

const AT = 0x2000_0000n;
const PAGES = 16;
const MADV_DONTNEED = 4;
const MAP_NONBLOCK = 0x10000;

/** PTE_FILE_MAX_BITS, from the sheets of the machines. */
const FILE_BITS: Record<MachineName, number> = {
  i386: 29,
  'i386-pae': 32,
  x86_64: 46,
  'ppc64-4k': 47,
  'ppc64-64k': 32,
  'ia64-4k': 61,
  'ia64-8k': 61,
  'ia64-16k': 61,
  'ia64-64k': 61,
  'sparc64-8k': 50,
  'sparc64-64k': 47,
};

function setUp(arch: (typeof MACHINES)[number], defects: 'mended' | 'kept' = 'mended') {
  const machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 10), defects });
  const process = machine.spawn();
  const { pageSize } = machine;
  const inode = machine.createFile('f', { size: PAGES * pageSize });
  for (let i = 0; i < PAGES; i++) inode.fillPage(i, i + 1);
  const file: MappedFile = { inode, readable: true, writable: true, refs: 1 };
  const page = (n: number): bigint => AT + BigInt(n * pageSize);
  process.mmap({ addr: AT, length: PAGES * pageSize, prot: 'rw', flags: 'shared|fixed', file });
  return { machine, process, inode, file, page, pageSize };
}

/** The kind of each entry: `.` none, P present, f file entry with its offset. */
function entries(process: Process, page: (n: number) => bigint, n = PAGES): string[] {
  return Array.from({ length: n }, (_, i) => {
    const { pte } = process.explain(page(i));
    if (pte === null || pte.kind === 'none') return '.';
    return pte.kind === 'present' ? 'P' : `${pte.kind}${pte.fileOffset}`;
  });
}

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  test('an offset that an entry cannot hold is refused, one that it can is only beyond the file', () => {
    const { machine, process, page, pageSize } = setUp(arch);
    const bits = FILE_BITS[name];
    const isTested = bits < arch.wordBits;
    const call = (pgoff: bigint): unknown => runToEnd(process.ops.remapFilePages(AT, BigInt(pageSize), 0, pgoff, 0));
    expect(call((1n << BigInt(bits)) - 1n)).toBe(-22);
    expect([...process.mm.vmas].map((vma) => vma.flags & VM_NONLINEAR)).toEqual([isTested ? 0 : VM_NONLINEAR]);
    // One less passes the test: the area bends, and only then is the page found to be beyond the end.
    expect(call((1n << BigInt(bits)) - 2n)).toBe(-22);
    expect([...process.mm.vmas].map((vma) => vma.flags & VM_NONLINEAR)).toEqual([VM_NONLINEAR]);
    expect(entries(process, page)).toEqual(Array(PAGES).fill('.'));
    machine.check();
  });

  test('pages show the file in the new order, take no fault, and are shared with linear mappings', () => {
    const { machine, process, inode, file, page, pageSize } = setUp(arch);
    const linear = process.mmap({ length: PAGES * pageSize, prot: 'rw', flags: 'shared', file });
    process.remapFilePages(page(0), 4 * pageSize, 8);
    process.remapFilePages(page(4), pageSize, 3);
    const before = process.minFlt + process.majFlt;
    expect([0, 1, 2, 3, 4].map((n) => process.load8(page(n)))).toEqual([9, 10, 11, 12, 4]);
    expect(process.minFlt + process.majFlt).toBe(before);
    process.store8(page(1), 77);
    expect(process.load8(linear + BigInt(9 * pageSize))).toBe(77);
    expect(inode.mapping.nonlinear.size).toBe(1);
    machine.check();
    process.munmap(AT, PAGES * pageSize);
    expect(inode.mapping.nonlinear.size).toBe(0);
    machine.check();
  });

  test('thrown-away pages leave their offsets, and come back by a major fault that is no file read', () => {
    const { machine, process, page, pageSize } = setUp(arch);
    process.remapFilePages(page(0), 2 * pageSize, 6);
    process.load8(page(5));
    process.madvise(AT, PAGES * pageSize, MADV_DONTNEED);
    expect(entries(process, page, 6)).toEqual(['file6', 'file7', '.', '.', '.', '.']);
    expect(process.mm.rss).toBe(0);
    machine.check();
    const { majFlt } = process;
    expect(process.load8(page(1))).toBe(8);
    expect(process.majFlt - majFlt).toBe(1);
    expect(machine.counters.get('pgmajfault')).toBe(0);
    // A page that was where a linear area has it needs no entry.
    expect(process.load8(page(5))).toBe(6);
    machine.check();
  });

  test('fork copies present and file entries', () => {
    const { machine, process, page, pageSize } = setUp(arch);
    process.remapFilePages(page(0), 4 * pageSize, 6);
    process.madvise(page(0), 2 * pageSize, MADV_DONTNEED);
    const child = process.fork();
    expect(entries(child, page, 5)).toEqual(['file6', 'file7', 'P', 'P', '.']);
    expect([0, 1, 2, 3, 4].map((n) => child.load8(page(n)))).toEqual([7, 8, 9, 10, 5]);
    child.store8(page(0), 99);
    expect(process.load8(page(0))).toBe(99);
    machine.check();
    child.exit();
    process.exit();
    machine.check();
  });

  test('mprotect leaves file entries alone, mremap carries them along', () => {
    const { machine, process, page, pageSize } = setUp(arch);
    process.remapFilePages(page(0), 2 * pageSize, 6);
    process.madvise(page(0), pageSize, MADV_DONTNEED);
    process.mprotect(page(0), 4 * pageSize, 'r');
    expect(entries(process, page, 2)).toEqual(['file6', 'P']);
    process.mprotect(page(0), 4 * pageSize, 'rw');
    const to = process.mremap(page(0), PAGES * pageSize, PAGES * pageSize, 3, page(64));
    expect(entries(process, (n) => to + BigInt(n * pageSize), 3)).toEqual(['file6', 'P', '.']);
    expect([0, 1, 2].map((n) => process.load8(to + BigInt(n * pageSize)))).toEqual([7, 8, 3]);
    machine.check();
  });

  test('a truncation finds cut-off pages wherever they are, and the next access is SIGBUS', () => {
    const { machine, process, inode, page, pageSize } = setUp(arch);
    process.remapFilePages(page(0), 2 * pageSize, 10);
    process.remapFilePages(page(2), 2 * pageSize, 1);
    runToEnd(vmtruncate(machine.kernel, inode, 8 * pageSize));
    expect(entries(process, page, 4)).toEqual(['file10', 'file11', 'P', 'P']);
    expect(() => process.load8(page(0))).toThrow('BUS_ADRERR');
    expect(process.load8(page(2))).toBe(2);
    machine.check();
  });

  test('nonblock leaves entries for what is not cached, where the area is nonlinear', () => {
    const { machine, process, inode, page, pageSize } = setUp(arch);
    inode.sync();
    inode.dropCache();
    inode.fillPage(9, 50);
    process.remapFilePages(page(0), 3 * pageSize, 8, MAP_NONBLOCK);
    expect(entries(process, page, 3)).toEqual(['file8', 'P', 'file10']);
    expect([0, 1, 2].map((n) => process.load8(page(n)))).toEqual([9, 50, 11]);
    machine.check();
  });

  test('a file entry in a linear area is reported, and the process has to go', () => {
    const { machine, process, page } = setUp(arch);
    process.load8(page(0));
    process.load8(page(1));
    const k = machine.kernel;
    const f = arch.pteFormat;
    const at = k.tables.lookupPage(process.mm, Number(page(2) >> BigInt(arch.geometry.pageShift)));
    k.memory.words[at + k.tables.loAt] = f.fileEntryLo(5);
    if (k.tables.pteWords === 2) k.memory.words[at + k.tables.hiAt] = f.fileEntryHi(5);
    const { rss } = process.mm;
    const spy = machine.spy();
    expect(() => process.load8(page(2))).toThrow('OOM');
    spy.stop();
    expect(machine.counters.get('badPtes')).toBe(1);
    expect(process.mm.rss).toBe(rss);
    expect(entries(process, page, 3)).toEqual(['P', 'P', 'file5']);
    expect(machine.audit().map((finding) => finding.invariant)).toEqual(['F15']);
  });

  test('what cannot be made nonlinear', () => {
    const { process, file, inode, page, pageSize } = setUp(arch);
    const call = (addr: bigint, bytes: number, pgoff = 1, prot = 0): unknown =>
      runToEnd(process.ops.remapFilePages(addr, BigInt(bytes), prot, BigInt(pgoff), 0));
    process.mmap({ addr: page(32), length: 4 * pageSize, prot: 'rw', flags: 'private|fixed', file });
    process.mmap({ addr: page(40), length: 4 * pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    const readOnly: MappedFile = { inode, readable: true, writable: false, refs: 1 };
    process.mmap({ addr: page(48), length: 4 * pageSize, prot: 'r', flags: 'shared|fixed', file: readOnly });
    expect({
      private: call(page(32), pageSize),
      anonymous: call(page(40), pageSize),
      'shared but read-only': call(page(48), pageSize),
      'a protection': call(page(0), pageSize, 1, 1),
      nothing: call(page(0), 0),
      'less than a page': call(page(0), pageSize - 1),
      'past the area': call(page(14), 3 * pageSize),
      'an end inside the page past the area': call(page(15), pageSize + 1),
      unmapped: call(page(100), pageSize),
      'a wrap': call(page(0), Number.MAX_SAFE_INTEGER * 4096, 0),
    }).toEqual({
      private: -22,
      anonymous: -22,
      'shared but read-only': -22,
      'a protection': -22,
      nothing: -22,
      'less than a page': -22,
      'past the area': -22,
      'an end inside the page past the area': -22,
      unmapped: -22,
      'a wrap': -22,
    });
    // Rounded down to whole pages, inside the area: allowed.
    expect(call(page(0) + 5n, pageSize + 7, 3)).toBe(0);
    expect(process.load8(page(0))).toBe(4);
  });
});
