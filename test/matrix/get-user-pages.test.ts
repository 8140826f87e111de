/** get_user_pages, follow_page, gate areas and a debugger's access, on every machine. */
import {
  DevMem,
  ERRNO,
  FOLL_ANON,
  FOLL_GET,
  FOLL_TOUCH,
  FOLL_WRITE,
  FOLLOW_BUSY,
  FOLLOW_NONE,
  followPage,
  getUserPages,
  Machine,
  type MappedFile,
  runToEnd,
  VM_IO,
  type Vma,
} from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';

const AT = 0x2000_0000n;
const PG_DIRTY = 1 << 4;
const PG_REFERENCED = 1 << 6;

/** The gate area's first page, and how many of its pages are there to be got of how many; null: the machine has none. */
const GATE: Record<MachineName, { at: bigint; there: number; of: number } | null> = {
  i386: { at: 0xffff_e000n, there: 1, of: 1 },
  'i386-pae': { at: 0xffff_e000n, there: 1, of: 1 },
  x86_64: { at: 0xffff_ffff_ff60_0000n, there: 1, of: 2048 },
  'ppc64-4k': null,
  'ppc64-64k': null,
  'ia64-4k': { at: 0xa000_0000_0000_0000n, there: 32, of: 32 },
  'ia64-8k': { at: 0xa000_0000_0000_0000n, there: 16, of: 16 },
  'ia64-16k': { at: 0xa000_0000_0000_0000n, there: 8, of: 8 },
  'ia64-64k': { at: 0xa000_0000_0000_0000n, there: 2, of: 2 },
  'sparc64-8k': null,
  'sparc64-64k': null,
};

/** A store of the program's own into read-only memory that a debugger wrote before. */
const STORE_AFTER_POKE: Record<MachineName, 'refused' | 'stored'> = {
  i386: 'refused',
  'i386-pae': 'refused',
  x86_64: 'refused',
  'ppc64-4k': 'refused',
  'ppc64-64k': 'refused',
  'ia64-4k': 'refused',
  'ia64-8k': 'refused',
  'ia64-16k': 'refused',
  'ia64-64k': 'refused',
  'sparc64-8k': 'stored',
  'sparc64-64k': 'stored',
};

function setUp(arch: (typeof MACHINES)[number], defects: 'mended' | 'kept' = 'mended') {
  const { pageShift, pageSize } = arch.geometry;
  const machine = new Machine({ arch, memory: 2 ** (pageShift + 10), defects });
  const process = machine.spawn();
  const page = (n: number): bigint => AT + BigInt(n * pageSize);
  const vpn = (n: number): number => Number(page(n) >> BigInt(pageShift));
  const area = (n: number): Vma => process.mm.vmas.containing(vpn(n)) as Vma;
  const anon = (n: number, pages: number, prot = 'rw'): bigint =>
    process.mmap({ addr: page(n), length: pages * pageSize, prot, flags: 'private|anonymous|fixed' });
  const file = (pages: number, writable = true): MappedFile => {
    const inode = machine.createFile('f', { size: pages * pageSize });
    for (let i = 0; i < pages; i++) inode.fillPage(i, i + 1);
    return { inode, readable: true, writable, refs: 1 };
  };
  const got = (n: number, count: number, write: boolean, force = false): number | string => {
    const pages: number[] = [];
    const result = runToEnd(process.ops.getUserPages(page(n), count, write, force, pages));
    machine.check();
    machine.unpin(pages);
    return result;
  };
  return { machine, k: machine.kernel, process, page, vpn, area, anon, file, got, pageSize };
}

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  test('reading untouched anonymous memory takes the zero page and makes no table', () => {
    const { machine, process, page, anon, k } = setUp(arch);
    anon(0, 100);
    const before = k.map.count[k.zeroPage] as number;
    const pages = process.pin(page(0), 100, false);
    expect(pages).toEqual(Array(100).fill(k.zeroPage));
    expect([process.mm.nrPtes, process.minFlt, k.map.count[k.zeroPage]]).toEqual([0, 0, before + 100]);
    machine.check();
    machine.unpin(pages);
    // With a table there, an absent entry has to be faulted in.
    process.store8(page(0), 1);
    const faults = process.minFlt;
    machine.unpin(process.pin(page(0), 3, false));
    expect([process.minFlt - faults, process.mm.fileRss]).toEqual([2, 2]);
    expect(machine.kernel.map.count[k.zeroPage]).toBe(before + 2);
    machine.check();
  });

  test('writing breaks copy-on-write first, and the pages are the ones the process sees', () => {
    const { machine, process, page, anon, k } = setUp(arch);
    anon(0, 4);
    for (let n = 0; n < 4; n++) process.store8(page(n), n + 1);
    const child = process.fork();
    const faults = process.minFlt;
    const pages = process.pin(page(0), 4, true);
    expect(process.minFlt - faults).toBe(4);
    k.memory.storeByte(pages[2] as number, 0, 99);
    expect([process.load8(page(2)), child.load8(page(2))]).toEqual([99, 3]);
    machine.check();
    machine.unpin(pages);
    child.exit();
    machine.check();
  });

  test('what stops it, alone and behind pages that can be had', () => {
    const { machine, process, page, anon, file, got, k, area, pageSize } = setUp(arch);
    anon(0, 3);
    const mem = new DevMem(k);
    process.mmap({ addr: page(3), length: pageSize, prot: 'rw', flags: 'shared|fixed', file: mem.open() });
    anon(10, 3);
    anon(13, 1, '-');
    anon(20, 2, 'r');
    process.mmap({ addr: page(30), length: 3 * pageSize, prot: 'r', flags: 'private|fixed', file: file(2) });
    expect({
      'a raw area': [got(3, 1, false), got(0, 4, false), got(3, 1, false, true)],
      'nothing there': [got(5, 1, false), got(11, 4, false)],
      'no right': [got(13, 1, false), got(10, 4, true), got(20, 1, true)],
      'the end of the file': [got(32, 1, false), got(30, 3, false)],
    }).toEqual({
      'a raw area': [-ERRNO.EFAULT, 3, -ERRNO.EFAULT],
      'nothing there': [-ERRNO.EFAULT, 2],
      'no right': [-ERRNO.EFAULT, 3, -ERRNO.EFAULT],
      'the end of the file': [-ERRNO.EFAULT, 2],
    });
    // VM_IO cleared by its driver changes nothing: the area is raw.
    area(3).flags &= ~VM_IO;
    expect([got(3, 1, false), got(0, 4, false)]).toEqual([-ERRNO.EFAULT, 3]);
    area(3).flags |= VM_IO;
    machine.check();
  });

  test('a lack of memory is ENOMEM at the first page, the count after it', () => {
    const { machine, process, page, anon, pageSize } = setUp(arch);
    anon(0, 8);
    process.store8(page(7), 1);
    machine.inject.failPage = () => true;
    const pages: number[] = [];
    expect(runToEnd(process.ops.getUserPages(page(0), 2, true, false, pages))).toBe(-ERRNO.ENOMEM);
    machine.inject.clear();
    process.store8(page(0), 1);
    let left = 1;
    machine.inject.failPage = () => left-- <= 0;
    expect(runToEnd(process.ops.getUserPages(page(0), 4, true, false, pages))).toBe(2);
    machine.inject.clear();
    machine.unpin(pages);
    machine.check();
    expect(pageSize).toBe(machine.pageSize);
  });

  test('a debugger writes into read-only private memory: a copy, and the entry stays read-only', () => {
    const { machine, process, page, file, pageSize } = setUp(arch);
    const text = file(3);
    process.mmap({ addr: page(0), length: 3 * pageSize, prot: 'rx', flags: 'private|fixed', file: text });
    process.poke(page(1) - 1n, Uint8Array.of(0xcc, 0xdd));
    expect([...process.peek(page(1) - 2n, 4)]).toEqual([1, 0xcc, 0xdd, 2]);
    expect(process.load8(page(1))).toBe(0xdd);
    // The port's pte_mkdirty makes what a debugger wrote writable to the hardware.
    const outcome = runToEnd(process.ops.store(page(1), Uint8Array.of(0xdd))).signal === 0 ? 'stored' : 'refused';
    expect(outcome).toBe(STORE_AFTER_POKE[name]);
    expect([process.mm.anonRss, process.explain(page(1)).pte?.write]).toEqual([2, false]);
    // The file keeps its own.
    expect([...process.peek(page(2), 1)]).toEqual([3]);
    machine.check();
    process.mprotect(page(0), 3 * pageSize, '-');
    expect([...process.peek(page(1), 1)]).toEqual([0xdd]);
    expect(() => process.load8(page(1))).toThrow('SEGV_ACCERR');
    machine.check();
  });

  test('a debugger stops where nothing can be had', () => {
    const { machine, process, page, anon, pageSize } = setUp(arch);
    anon(0, 2);
    const bytes = new Uint8Array(3 * pageSize).fill(5);
    expect(runToEnd(process.ops.accessVm(page(0) + 1n, bytes, true))).toBe(2 * pageSize - 1);
    expect(runToEnd(process.ops.accessVm(page(1) + 1n, bytes, false))).toBe(pageSize - 1);
    expect(() => process.peek(page(2), 1)).toThrow('EIO');
    expect(() => process.poke((1n << 64n) - 3n, Uint8Array.of(1, 2, 3, 4))).toThrow('EIO');
    machine.check();
  });

  test('D8: a forced write into shared memory that is not writable is refused; kept, a private copy gets into it', () => {
    for (const defects of ['mended', 'kept'] as const) {
      const { machine, process, page, file, pageSize } = setUp(arch, defects);
      const shared = file(2);
      process.mmap({ addr: page(0), length: 2 * pageSize, prot: 'r', flags: 'shared|fixed', file: shared });
      process.load8(page(0));
      const written = runToEnd(process.ops.accessVm(page(0), Uint8Array.of(9), true));
      expect([written, process.mm.anonRss, process.mm.fileRss]).toEqual(defects === 'kept' ? [1, 1, 0] : [0, 0, 1]);
      machine.check();
      // A descriptor that cannot write at all: not even force helps.
      const readOnly = { ...shared, writable: false, refs: 1 };
      process.mmap({ addr: page(8), length: pageSize, prot: 'r', flags: 'shared|fixed', file: readOnly });
      expect(runToEnd(process.ops.accessVm(page(8), Uint8Array.of(9), true))).toBe(0);
    }
  });

  test('follow_page: what each flag asks for', () => {
    const { machine, process, page, vpn, area, anon, k } = setUp(arch);
    anon(0, 4);
    anon(100_000, 1);
    process.store8(page(0), 1);
    process.load8(page(1));
    const vma = area(0);
    const frame = followPage(k, vma, vpn(0), 0);
    const flagsOf = (): number => k.map.flags[frame] as number;
    k.map.flags[frame] = flagsOf() & ~(PG_REFERENCED | PG_DIRTY);
    const count = k.map.count[frame] as number;
    expect(k.map.isAnon(frame)).toBe(true);
    expect([flagsOf() & PG_REFERENCED, k.map.count[frame]]).toEqual([0, count]);
    expect(followPage(k, vma, vpn(0), FOLL_TOUCH | FOLL_WRITE)).toBe(frame);
    // The entry is dirty already, so the page need not be.
    expect(flagsOf() & (PG_REFERENCED | PG_DIRTY)).toBe(PG_REFERENCED);
    expect(followPage(k, vma, vpn(0), FOLL_GET)).toBe(frame);
    expect(k.map.count[frame]).toBe(count + 1);
    k.pages.put(frame);
    expect({
      absent: followPage(k, vma, vpn(2), 0),
      'the zero page, to be written': followPage(k, vma, vpn(1), FOLL_WRITE),
      'an absent entry is no missing table': followPage(k, vma, vpn(2), FOLL_ANON),
      'no table': followPage(k, area(100_000), vpn(100_000), 0),
      'no table, anonymous': followPage(k, area(100_000), vpn(100_000), FOLL_ANON),
    }).toEqual({
      absent: FOLLOW_NONE,
      'the zero page, to be written': FOLLOW_NONE,
      'an absent entry is no missing table': FOLLOW_NONE,
      'no table': FOLLOW_NONE,
      'no table, anonymous': k.zeroPage,
    });
    process.mm.pageTableLock.tryLock();
    expect(followPage(k, vma, vpn(0), 0)).toBe(FOLLOW_BUSY);
    process.mm.pageTableLock.unlock();
    expect(() => followPage(k, area(100_000), vpn(100_000), FOLL_ANON | FOLL_WRITE)).toThrow('zero page for writing');
    machine.check();
  });

  test('the gate area can be read by everybody, page by page, and never written', () => {
    const { machine, process, k, pageSize } = setUp(arch);
    const gate = GATE[name];
    const shift = BigInt(arch.geometry.pageShift);
    const at = gate?.at ?? 0xffff_e000n;
    const pages: number[] = [];
    const vmas: Vma[] = [];
    const ask = (write: boolean, count: number): number =>
      runToEnd(getUserPages(k, process, process.mm, Number(at >> shift), count, { write, pages, vmas }));
    expect(ask(true, 1)).toBe(-ERRNO.EFAULT);
    expect(ask(false, 1)).toBe(gate === null ? -ERRNO.EFAULT : 1);
    machine.check();
    if (gate !== null) {
      expect([vmas[0]?.start, (vmas[0]?.pages ?? 0) * pageSize]).toEqual([Number(at >> shift), gate.of * pageSize]);
      expect(k.map.count[pages[0] as number]).toBe(2);
      expect(ask(false, gate.of)).toBe(gate.there);
      expect(process.peek(at, 4)).toEqual(new Uint8Array(4));
      expect(process.minFlt).toBe(0);
    }
    machine.unpin(pages);
    process.exit();
    machine.check();
  });

  test('locking read-only untouched memory maps the zero page, however often it is asked', () => {
    const { machine, process, page, anon, pageSize } = setUp(arch);
    anon(0, 4, 'r');
    runToEnd(process.ops.mlock(page(0), BigInt(4 * pageSize)));
    expect([process.mm.fileRss, process.minFlt, process.mm.lockedVm]).toEqual([4, 4, 4]);
    machine.check();
  });
});
