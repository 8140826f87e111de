/**
 * `huge`: anonymous memory of a trace on huge pages, by each machine's own rules. A synthetic program that walks over more memory
 * than any TLB reaches shows the gain; the bundled traces must come out with the same accesses, nothing bad, and a sound
 * machine.
 */
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { LackeyParser, type MachineReport, Replayer, reportOf } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';

/** log2 of a huge page, by machine. */
const HUGE_SHIFT = {
  i386: 22,
  'i386-pae': 21,
  x86_64: 21,
  'ppc64-4k': 24,
  'ppc64-64k': 24,
  'ia64-4k': 28,
  'ia64-8k': 28,
  'ia64-16k': 28,
  'ia64-64k': 28,
  'sparc64-8k': 22,
  'sparc64-64k': 22,
} satisfies Record<MachineName, number>;

const START = 0x1000_0000;
const MMAP = `SYSCALL[1,1](9) sys_mmap ( 0x10000000, LENGTH, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x10000000)`;

/** A program that maps `bytes` and, three times, stores into one page after the other in steps of 64 KiB. */
function program(bytes: number, more: readonly string[] = []): string {
  const lines = [MMAP.replace('LENGTH', String(bytes))];
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < Math.min(bytes, 2 ** 25); at += 65536) lines.push(` S ${(START + at).toString(16)},8`);
  }
  return `${[...lines, ...more].join('\n')}\n`;
}

/** @param audit check the machine after each call, and not only at the end */
function replayText(arch: ArchDescriptor, text: string, huge: boolean, audit: boolean = true): MachineReport {
  const replayer = new Replayer({ arch, huge, memory: '2GiB', audit, tmpfs: tmpfs({ nr_blocks: 0 }) });
  const free = replayer.machine.freePages;
  const parser = new LackeyParser(replayer);
  parser.feed(new TextEncoder().encode(text));
  parser.end();
  replayer.machine.check();
  const report = reportOf(replayer, parser.warnings, null);
  replayer.finish();
  replayer.machine.drainBatches();
  expect(replayer.machine.freePages, 'frames back').toBe(free);
  return report;
}

function misses({ tlb }: MachineReport): number {
  return tlb.exec.missesAll + tlb.data.missesAll;
}

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  const page = 2 ** HUGE_SHIFT[name];

  test('an area of whole huge pages lies on them, and misses and references go down', () => {
    const bytes = Math.max(page, 2 ** 25);
    const small = replayText(arch, program(bytes), false);
    const huge = replayText(arch, program(bytes), true);
    expect(small.huge).toBeNull();
    expect(huge.huge).toMatchObject({ pageBytes: page, areas: 1, refused: 0, pages: bytes / page });
    expect({ bad: huge.badAccesses, problems: huge.problems }).toEqual({ bad: 0, problems: [] });
    expect(huge.records).toBe(small.records);
    expect(misses(huge)).toBeLessThan(misses(small) / 4);
    expect(huge.walkReferences).toBeLessThan(small.walkReferences / 4);
    expect(huge.faults.minor).toBeLessThan(small.faults.minor / 4);
  });

  test('what is shorter than a huge page stays on small ones; so does the rest behind whole huge pages', () => {
    const less = replayText(arch, program(page - 65536), true);
    expect(less.huge).toMatchObject({ areas: 0, pages: 0 });
    const tail = START + page + 4096;
    const accesses = [` S ${tail.toString(16)},8`, ` L ${(START + page - 4).toString(16)},8`];
    const more = replayText(arch, program(page + 131072, accesses), true);
    expect(more.huge).toMatchObject({ areas: 1, pages: 1 });
    expect({ bad: more.badAccesses, problems: more.problems }).toEqual({ bad: 0, problems: [] });
  });

  test('a huge page goes when its last part does; what is mapped there next is small again', () => {
    const half = page / 2;
    const unmap = (at: number, length: number): string =>
      `SYSCALL[1,1](11) sys_munmap ( 0x${at.toString(16)}, ${length} )[sync] --> Success(0x0)`;
    const file = `SYSCALL[1,1](9) sys_mmap ( 0x10000000, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x10000000)`;
    const store = ` S ${(START + half).toString(16)},8`;
    const kept = replayText(arch, program(page, [unmap(START, half), store]), true);
    expect(kept.badAccesses).toBe(0);
    const gone = replayText(arch, program(page, [unmap(START, half), unmap(START + half, half), store]), true);
    expect(gone.badAccesses).toBe(1);
    expect(gone.resident.pages).toBeLessThan(kept.resident.pages);
    const again = replayText(arch, program(page, [unmap(START, page), file, ` S ${START.toString(16)},8`]), true);
    expect({ bad: again.badAccesses, problems: again.problems }).toEqual({ bad: 0, problems: [] });
    expect(again.huge?.pages).toBe(1);
  });

  test('rights of huge memory stay, and a move maps it anew', () => {
    const protect = (prot: number): string =>
      `SYSCALL[1,1](10) sys_mprotect ( 0x10000000, ${page}, ${prot} )[sync] --> Success(0x0)`;
    const move = `SYSCALL[1,1](25) sys_mremap ( 0x10000000, ${page}, ${2 * page}, 0x1 )[sync] --> Success(0x40000000)`;
    const report = replayText(
      arch,
      program(page, [protect(1), ` S ${START.toString(16)},8`, protect(3), move, ' S 40000000,8']),
      true,
    );
    expect({ bad: report.badAccesses, problems: report.problems }).toEqual({ bad: 0, problems: [] });
    expect(report.huge).toMatchObject({ protectsLeftOut: 2, areas: 2, pages: 3 });
  });

  test('a fork shares what lies on huge pages, and the parent goes on with it', () => {
    const store = ` S ${START.toString(16)},8`;
    const after = [
      'SYSCALL[1,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x4a27a10, 0x0 ) --> [pre-success] Success(0x2)',
      'SYSCALL[2,2](59) sys_execve ( 0x10(/bin/true), 0x1, 0x2 )',
      `SYSCALL[1,1](10) sys_mprotect ( 0x10000000, ${page}, 3 )[sync] --> Success(0x0)`,
      store,
      `SYSCALL[1,1](11) sys_munmap ( 0x10000000, ${page} )[sync] --> Success(0x0)`,
    ];
    const report = replayText(arch, program(page, after), true);
    expect({ error: report.error, bad: report.badAccesses, problems: report.problems }).toEqual({
      error: null,
      bad: 0,
      problems: [],
    });
    expect(report.faults.copy).toBe(0);
  });

  test('a heap that shrinks and grows again has what it needs', () => {
    const brk = (to: number): string =>
      `SYSCALL[1,1](12) sys_brk ( 0x${to.toString(16)} )[sync] --> Success(0x${to.toString(16)})`;
    const heap = 0x402_2000;
    const at = (offset: number): string => ` S ${(heap + offset).toString(16)},8`;
    const lines = [brk(heap), brk(heap + page), at(page - 8), brk(heap + page + 0x21000), at(page + 0x20000)];
    lines.push(
      brk(heap + 0x1000),
      at(0),
      brk(heap + 0x22000),
      at(0x21000),
      brk(heap),
      brk(heap + 0x21000),
      at(0x20000),
    );
    const report = replayText(arch, `${lines.join('\n')}\n`, true);
    expect({ bad: report.badAccesses, problems: report.problems }).toEqual({ bad: 0, problems: [] });
    expect(report.huge?.areas).toBeGreaterThanOrEqual(2);
  });

  test('the heap grows into its huge page', () => {
    const brk = (to: number): string =>
      `SYSCALL[1,1](12) sys_brk ( 0x${to.toString(16)} )[sync] --> Success(0x${to.toString(16)})`;
    const heap = 0x4_0000_0 * 16 + 0x22000;
    const lines = [
      brk(heap),
      brk(heap + 0x21000),
      ` S ${(heap + 0x20000).toString(16)},8`,
      brk(heap + 0x42000),
      ` S ${(heap + 0x40000).toString(16)},8`,
    ];
    const report = replayText(arch, `${lines.join('\n')}\n`, true);
    expect({ bad: report.badAccesses, problems: report.problems }).toEqual({ bad: 0, problems: [] });
    expect(report.huge).toMatchObject({ areas: 1, pages: 1 });
  });
});

/** Memory calls on quarters of huge pages, and stores, where the small replay has memory. */
const CALL = fc.record({
  call: fc.constantFrom(
    'map',
    'map',
    'map',
    'file',
    'unmap',
    'unmap',
    'protect',
    'move',
    'forget',
    'store',
    'store',
    'store',
  ),
  at: fc.nat(23),
  quarters: fc.integer({ min: 1, max: 9 }),
  to: fc.nat(23),
});

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s, random calls', (name, arch) => {
  test('leave a sound machine, lose nothing, and miss no access that small pages have', () => {
    const quarter = 2 ** HUGE_SHIFT[name] / 4;
    const place = (n: number): number => START + n * quarter;
    const hex = (n: number): string => n.toString(16);
    fc.assert(
      fc.property(fc.array(CALL, { minLength: 1, maxLength: 30 }), (calls) => {
        const lines = calls.map(({ call, at, quarters, to }) => {
          const [start, length] = [place(at), quarters * quarter];
          const done = `--> [pre-success] Success(0x${hex(start)})`;
          if (call === 'map')
            return `SYSCALL[1,1](9) sys_mmap ( 0x${hex(start)}, ${length}, 3, 50, 4294967295, 0 ) ${done}`;
          if (call === 'file') return `SYSCALL[1,1](9) sys_mmap ( 0x${hex(start)}, ${length}, 3, 18, 4, 0 ) ${done}`;
          if (call === 'unmap')
            return `SYSCALL[1,1](11) sys_munmap ( 0x${hex(start)}, ${length} )[sync] --> Success(0x0)`;
          if (call === 'protect')
            return `SYSCALL[1,1](10) sys_mprotect ( 0x${hex(start)}, ${length}, 3 )[sync] --> Success(0x0)`;
          if (call === 'forget')
            return `SYSCALL[1,1](28) sys_madvise ( 0x${hex(start)}, ${length}, 4 )[sync] --> Success(0x0)`;
          if (call === 'store') return ` S ${hex(start + 4096 * to)},8`;
          const target = place(24 + to);
          return `SYSCALL[1,1](25) sys_mremap ( 0x${hex(start)}, ${quarter}, ${length}, 0x3, 0x${hex(target)} ) --> [pre-success] Success(0x${hex(target)})`;
        });
        const text = `${lines.join('\n')}\n`;
        const small = replayText(arch, text, false, false);
        const huge = replayText(arch, text, true, false);
        expect(huge.records).toBe(small.records);
        expect(huge.badAccesses).toBeLessThanOrEqual(small.badAccesses);
      }),
      { numRuns: 12 },
    );
  });
});

describe.each(['ls'])('%s', (trace) => {
  test('runs on every machine with the same accesses, none of them bad', { timeout: 120_000 }, async () => {
    const runs = MACHINES.map((arch) => {
      const replayer = new Replayer({ arch, huge: true, contents: false, tmpfs: tmpfs({ nr_blocks: 0 }) });
      return { arch, replayer, parser: new LackeyParser(replayer) };
    });
    const path = fileURLToPath(new URL(`../../traces/${trace}.lk.gz`, import.meta.url));
    for await (const chunk of createReadStream(path).pipe(createGunzip({ chunkSize: 1 << 20 }))) {
      for (const { parser } of runs) parser.feed(chunk as Uint8Array);
    }
    for (const { arch, replayer, parser } of runs) {
      parser.end();
      replayer.machine.check();
      const report = reportOf(replayer, parser.warnings, null);
      const { badAccesses, problems, huge } = report;
      expect({ name: arch.name, badAccesses, problems }).toEqual({ name: arch.name, badAccesses: 0, problems: [] });
      expect(huge?.pages, arch.name).toBeGreaterThan(0);
      replayer.finish();
      replayer.machine.check();
    }
  });
});
