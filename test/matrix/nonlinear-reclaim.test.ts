/** Reclaim from nonlinear areas on every machine: pages go by clusters, and their entries say which page it was. */
import { Machine, type MappedFile, pageOutRange, runToEnd, tryToFreePages } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

/** Not on the boundary of a cluster of 32 pages, so the first cluster is a partial one. */
const FIRST_PAGE = 0x1_0008;
const CLUSTER = 32;
const FILE_PAGES = 3 * CLUSTER;

/** A shared mapping of a file whose page n holds n + 1, in reverse order: area page n is file page FILE_PAGES - 1 - n. */
function setUp(arch: (typeof MACHINES)[number], defects: 'mended' | 'kept' = 'mended') {
  const machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 9), defects });
  const process = machine.spawn();
  const { pageSize } = machine;
  const inode = machine.createFile('f', { size: FILE_PAGES * pageSize });
  for (let i = 0; i < FILE_PAGES; i++) inode.fillPage(i, i + 1);
  const file: MappedFile = { inode, readable: true, writable: true, refs: 1 };
  const at = BigInt(FIRST_PAGE * pageSize);
  const page = (n: number): bigint => at + BigInt(n * pageSize);
  process.mmap({ addr: at, length: FILE_PAGES * pageSize, prot: 'rw', flags: 'shared|fixed', file });
  for (let n = 0; n < FILE_PAGES; n++) process.remapFilePages(page(n), pageSize, FILE_PAGES - 1 - n);
  return { machine, process, inode, file, at, page, pageSize };
}

type Setting = ReturnType<typeof setUp>;

/** How many pages of the area are mapped, as runs: `24-55` stands for pages whose entries say where they were. */
function outRuns({ process, page }: Setting): string {
  const out: string[] = [];
  let from = -1;
  for (let n = 0; n <= FILE_PAGES; n++) {
    const pte = n < FILE_PAGES ? process.explain(page(n)).pte : null;
    const isOut = pte !== null && pte.kind === 'file';
    if (isOut) expect(pte.fileOffset, `offset in the entry of page ${n}`).toBe(BigInt(FILE_PAGES - 1 - n));
    if (isOut && from < 0) from = n;
    if (isOut || from < 0) continue;
    out.push(`${from}-${n - 1}`);
    from = -1;
  }
  return out.join(' ');
}

/** Reclaims page n twice: what is young the first time is old the second. */
function reclaim({ machine, process }: Setting, n: number): void {
  runToEnd(pageOutRange(machine.kernel, process.mm, FIRST_PAGE + n, FIRST_PAGE + n + 1));
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('a file of several times the memory can be written through a nonlinear area, and keeps every byte', {
    timeout: 30_000,
  }, () => {
    const machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 8) });
    const process = machine.spawn();
    const { pageSize } = machine;
    const pages = 700;
    const inode = machine.createFile('f', { size: pages * pageSize });
    const file: MappedFile = { inode, readable: true, writable: true, refs: 1 };
    const at = process.mmap({ length: pages * pageSize, prot: 'rw', flags: 'shared', file });
    const page = (n: number): bigint => at + BigInt(n * pageSize);
    for (let n = 0; n < pages; n++) process.remapFilePages(page(n), pageSize, pages - 1 - n);
    for (let n = 0; n < pages; n++) process.store8(page(n) + 9n, (n * 7) & 255);
    machine.check();
    const wrong = Array.from({ length: pages }, (_, n) => n).filter(
      (n) => process.load8(page(n) + 9n) !== ((n * 7) & 255),
    );
    expect(wrong).toEqual([]);
    expect(inode.readByte((pages - 1) * pageSize + 9)).toBe(0);
    expect(inode.readByte(9)).toBe(((pages - 1) * 7) & 255);
    machine.check();
    process.exit();
    machine.check();
  });

  test('pages go a cluster at a time from the cursor of the area, and their entries say which they were', () => {
    const setting = setUp(arch);
    const { machine, process, page } = setting;
    const { rss } = process.mm;
    // The first cluster begins 8 pages below the area.
    reclaim(setting, 3);
    expect(outRuns(setting)).toBe('0-23');
    expect(rss - process.mm.rss).toBe(24);
    machine.check();
    reclaim(setting, 30);
    reclaim(setting, 60);
    expect(outRuns(setting)).toBe('0-87');
    // The cursor counts from the beginning of the area, so what the first cluster lacks is missed at the end.
    reclaim(setting, 95);
    expect(outRuns(setting)).toBe('0-87');
    expect([0, 30, 60, 95].map((n) => process.load8(page(n)))).toEqual([96, 66, 36, 1]);
    machine.check();
  });

  test('a page that was used again outlives its cluster', () => {
    const setting = setUp(arch);
    const { machine, process, page } = setting;
    runToEnd(pageOutRange(machine.kernel, process.mm, FIRST_PAGE + 95, FIRST_PAGE + 96)); // all are old now
    expect(outRuns(setting)).toBe('0-23');
    process.load8(page(30));
    reclaim(setting, 40);
    expect(outRuns(setting)).toBe('0-29 31-55');
    machine.check();
  });

  test('nothing goes out of an area locked in memory', () => {
    const setting = setUp(arch);
    const { machine, process, inode, at, pageSize } = setting;
    expect(runToEnd(process.ops.mlock(at, BigInt(FILE_PAGES * pageSize)))).toBe(0);
    for (let round = 0; round < 5; round++) runToEnd(tryToFreePages(machine.kernel));
    expect(outRuns(setting)).toBe('');
    expect(inode.mapping.pages.size).toBe(FILE_PAGES);
    machine.check();
  });

  test('a page of its own that a debugger left in the area (D8 kept) stays', () => {
    const setting = setUp(arch, 'kept');
    const { machine, process, page, at, pageSize } = setting;
    process.mprotect(at, FILE_PAGES * pageSize, 'r');
    process.poke(page(2), Uint8Array.of(44));
    reclaim(setting, 3);
    expect(outRuns(setting)).toBe('0-1 3-23');
    expect([2, 3].map((n) => process.load8(page(n)))).toEqual([44, 93]);
    machine.check();
  });

  test('a page that two processes map goes out of both, and comes back with what was written', () => {
    const setting = setUp(arch);
    const { machine, process, page, inode } = setting;
    const child = process.fork();
    child.store8(page(0), 200);
    for (let round = 0; round < 60 && inode.mapping.pages.has(FILE_PAGES - 1); round++)
      runToEnd(tryToFreePages(machine.kernel));
    expect(inode.mapping.pages.has(FILE_PAGES - 1)).toBe(false);
    expect([process, child].map((p) => p.explain(page(0)).pte?.kind)).toEqual(['file', 'file']);
    machine.check();
    expect([process, child].map((p) => p.load8(page(0)))).toEqual([200, 200]);
    machine.check();
  });
});
