import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineReport } from '@fourfold/replay';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MACHINES } from '../src/machines.js';
import {
  bundledTrace,
  bundledWorker,
  command,
  type Ended,
  readJson,
  type Surroundings,
  scratchFolder,
} from './support/command.js';

const folder = scratchFolder();
let worker: URL;
beforeAll(async () => {
  worker = await bundledWorker(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

function replay(args: readonly string[], around: Surroundings = {}): Promise<Ended> {
  return command(['replay', ...args], { worker, ...around });
}

interface Report {
  machine: string;
  records: number;
  error: string | null;
  faults: Record<string, number>;
  tlb: Record<'exec' | 'data', { lookups: number; misses: number; missesAll: number }>;
}

interface Document {
  schema: string;
  version: number;
  settings: unknown;
  traces: { trace: string; records: number; calls: number; isComplete: boolean; ended: string; machines: Report[] }[];
}

const NAMES = MACHINES.map(({ name }) => name);

/** Faults by the replay rules: exec, load, store, copy with 4 KiB pages, and totals with larger ones. */
const EXPECTED = {
  sort: { small: [114, 78, 64, 15], 8192: 161, 16384: 94, 65536: 35 },
  ls: { small: [138, 95, 53, 8], 8192: 184, 16384: 113, 65536: 45 },
  python3: { small: [138, 395, 116, 174], 8192: 477, 16384: 285, 65536: 96 },
} as const;
const TRACES = ['sort', 'ls', 'python3'] as const;

describe('the bundled traces', () => {
  let document: Document;
  let ended: Ended;
  beforeAll(async () => {
    const out = join(folder, 'out');
    ended = await replay([...TRACES.map(bundledTrace), '--json', '--out', out]);
    document = JSON.parse(ended.stdout) as Document;
  }, 60_000);

  test('end well; stdout is one JSON document, --out has one a trace with the same content', () => {
    expect(ended.status).toBe(0);
    expect(document).toMatchObject({
      schema: 'fourfold.replay',
      version: 1,
      settings: { memory: '1GiB', cold: false, contents: true },
    });
    expect(document.traces.map(({ trace }) => trace)).toEqual(TRACES.map((name) => `${name}.lk.gz`));
    expect(document.traces.map(({ isComplete, ended: why }) => [isComplete, why])).toEqual(
      TRACES.map(() => [true, 'end of the trace']),
    );
    expect(readdirSync(join(folder, 'out')).sort()).toEqual(['ls.json', 'python3.json', 'sort.json']);
    expect((readJson(join(folder, 'out', 'sort.json')) as Document).traces).toEqual([document.traces[0]]);
    expect(ended.stderr).toContain(`JSON: ${join(folder, 'out', 'sort.json')}\n`);
  });

  for (const [index, trace] of TRACES.entries()) {
    test(`${trace}: the faults of the table, by kind, on every machine`, () => {
      const reports = (document.traces[index] as Document['traces'][number]).machines;
      expect(reports.map(({ machine }) => machine)).toEqual(NAMES);
      for (const { machine, faults, error } of reports) {
        expect(error).toBeNull();
        const { pageSize } = MACHINES.find(({ name }) => name === machine) as { pageSize: number };
        const expected = EXPECTED[trace];
        const kinds = [faults.exec, faults.load, faults.store, faults.copy] as number[];
        if (pageSize === 4096) expect(kinds).toEqual(expected.small);
        else expect(kinds.reduce((sum, n) => sum + n, 0)).toBe(expected[pageSize as 8192 | 16384 | 65536]);
        expect(faults.minor).toBe(kinds.reduce((sum, n) => sum + n, 0));
        expect(faults.major).toBe(0);
      }
    });
  }

  test('look-ups are at least the records; a level never misses more than the one before it', () => {
    for (const { machines } of document.traces) {
      for (const { records, tlb } of machines) {
        expect(tlb.exec.lookups + tlb.data.lookups).toBeGreaterThanOrEqual(records);
        for (const { lookups, misses, missesAll } of [tlb.exec, tlb.data]) {
          expect(misses).toBeLessThanOrEqual(lookups);
          expect(missesAll).toBeLessThanOrEqual(misses);
        }
      }
    }
  });
});

test('--cold splits the same faults into minor and major', async () => {
  const { stdout } = await replay([bundledTrace('ls'), '--cold', '--json', '--arch', 'x86_64,sparc64-8k']);
  const [{ machines }] = (JSON.parse(stdout) as Document).traces as [Document['traces'][number]];
  expect(machines.map(({ faults }) => (faults.minor as number) + (faults.major as number))).toEqual([294, 184]);
  for (const { faults } of machines) expect(faults.major).toBeGreaterThan(0);
});

const SMALL = `==1== Command: small
I  00108000,3
 L 00109ff8,16
SYSCALL[1,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4032000)
SYSCALL[1,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x5000000)
 S 05000000,8
 M 05001000,8
 S 1fff000678,8
`;

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('the table has a column a machine and a row a figure', async () => {
  const { status, stdout, stderr } = await replay([
    file('small.lk', SMALL),
    '--arch',
    'x86_64,i386',
    '--arch',
    'x86_64',
  ]);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^small\.lk: 5 accesses and 2 system calls, read to its end\n/);
  expect(stdout).toMatch(/^ +x86_64 +i386\n-+\npage size +4 KiB +4 KiB\n/m);
  expect(stdout).toMatch(/^minor faults +6 +6\n {2}exec +1 +1\n {2}load +2 +2\n {2}store +3 +3\n/m);
  for (const row of [
    'levels',
    'records',
    'major faults',
    'zero-page faults',
    'page tables at end',
    'walk memory references',
  ]) {
    expect(stdout).toMatch(new RegExp(`^${row} +[0-9]`, 'm'));
  }
});

test('cycles are told by cause, and what only some machines have stands in tables of their own', async () => {
  const { stdout } = await replay([file('small.lk', SMALL)], { columns: 80 });
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(stdout).toMatch(/^ {2}traps +[0-9.]+ %/m);
  expect(stdout).toMatch(/^of its own +i386 +i386-pae +x86_64$/m);
  expect(stdout).toMatch(/^CR3 loads +[1-9]/m);
  expect(stdout).toMatch(/^groups by used slots, 0 to 8\n {2}0 +[0-9,]+ +[0-9,]+\n/m);
  expect(stdout).toMatch(/^SLB misses +[1-9]/m);
  expect(stdout).toMatch(/^misses of the linear table, by vhpt_miss +[1-9]/m);
  expect(stdout).toMatch(/^misses with a nested VPTE miss +[1-9]/m);
});

test('--huge tells what lies on huge pages, with and without', async () => {
  const lines = [
    'SYSCALL[1,1](9) sys_mmap ( 0x10000000, 4194304, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x10000000)',
  ];
  for (let at = 0; at < 4194304; at += 4096) lines.push(` S ${(0x10000000 + at).toString(16)},8`);
  const trace = file('large.lk', `${lines.join('\n')}\n`);
  const args = [trace, '--arch', 'x86_64,ia64-16k', '--json'];
  const reports = async (...more: string[]): Promise<MachineReport[]> => {
    const { status, stdout, stderr } = await replay([...args, ...more]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return (JSON.parse(stdout) as { traces: [{ machines: MachineReport[] }] }).traces[0].machines;
  };
  const [without] = (await reports()) as [MachineReport];
  const [huge, tooLarge] = (await reports('--huge')) as [MachineReport, MachineReport];
  expect(without.huge).toBeNull();
  expect(huge.huge).toMatchObject({ pageBytes: 2 ** 21, areas: 1, pages: 2 });
  expect(huge.tlb.data.missesAll).toBeLessThan(without.tlb.data.missesAll / 100);
  expect(tooLarge.huge).toMatchObject({ pageBytes: 2 ** 28, areas: 0, pages: 0 });
  expect((await replay([trace, '--huge', '--arch', 'x86_64'])).stdout).toMatch(/^ {2}areas on huge pages +1$/m);
});

test('a narrow terminal gets several tables, none wider than it', async () => {
  const { stdout } = await replay([file('small.lk', SMALL)], { columns: 60 });
  expect(stdout.match(/^page size/gm)?.length).toBeGreaterThan(1);
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
  for (const name of NAMES) expect(stdout).toMatch(new RegExp(`\\b${name}\\b`));
});

test('an access that goes nowhere is left out and noted', async () => {
  const { status, stdout } = await replay([file('stray.lk', `${SMALL} L deadbeef000,8\n`), '--arch', 'x86_64']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^note: line 9: access at 0xdeadbeef000 goes to no area; left out$/m);
});

test('too little memory ends with what to do, not in a crash', async () => {
  const { status, stdout, stderr } = await replay([bundledTrace('sort'), '--mem', '200K', '--arch', 'x86_64']);
  expect(status).toBe(1);
  expect(stdout).toMatch(/NOT read to its end/);
  expect(stderr).toMatch(/^fourfold: [^\n]+: line \d+: the machine is out of memory \(200K\); give it more[^\n]*\n$/);
});

describe('misuse', () => {
  const WRONG: readonly (readonly [args: string[], message: RegExp])[] = [
    [[], /missing required argument 'trace'/],
    [['none.lk'], /none\.lk: expected a trace file, came ENOENT/],
    [[folder], /expected a trace file, came a folder/],
    [['SMALL', '--arch', 'sparc64-8'], /did you mean sparc64-8k\?/],
    [['SMALL', '--arch', ''], /expected a machine/],
    [['SMALL', '--mem', 'much'], /--mem much: expected a size such as/],
    [['SMALL', '--mem', '1'], /--mem 1: expected at least 16 pages/],
    [['SMALL', '--mem', '8G'], /--mem 8G: expected memory below 4294967296 \(i386\)/],
    [['SMALL', '--jobs', '0'], /'--jobs <n>' argument '0' is invalid/],
    [['SMALL', '--nope'], /unknown option '--nope'/],
    [['/dev/null'], /came a pipe or device; name one machine by --arch/],
  ];
  for (const [args, message] of WRONG) {
    test(`replay ${args.join(' ').replace(folder, 'FOLDER')}`, async () => {
      const small = file('small.lk', SMALL);
      const { status, stdout, stderr } = await replay(args.map((arg) => (arg === 'SMALL' ? small : arg)));
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(/^fourfold: [^\n]+\n$/);
      expect([status, stdout]).toEqual([2, '']);
    });
  }
});

test('--out makes the folders it needs, and says at once when it cannot', async () => {
  const small = file('small.lk', SMALL);
  const deep = join(folder, 'some', 'where', 'else');
  const written = await replay([small, '--arch', 'i386', '--out', deep]);
  expect([written.status, readdirSync(deep)]).toEqual([0, ['small.json']]);
  // /proc answers ENOENT to a new folder although it exists.
  for (const out of [small, join(small, 'x'), '', ...(existsSync('/proc/self') ? ['/proc/fourfold/x'] : [])]) {
    const { status, stdout, stderr } = await replay([small, '--arch', 'i386', '--out', out]);
    expect(stderr).toMatch(/^fourfold: [^\n]*: expected a folder for the results, came [^\n]+\n$/);
    expect([status, stdout]).toEqual([1, '']);
  }
});

test('a thread that dies is one line, and its stack is shown on demand', async () => {
  const dead = new URL('./no-such-worker.mjs', worker);
  const small = file('small.lk', SMALL);
  const quiet = await replay([small, '--arch', 'i386'], { worker: dead });
  expect(quiet.status).toBe(1);
  expect(quiet.stderr).toMatch(/^fourfold: internal error: [^\n]+: i386: Cannot find module[^\n]+\n$/);
  const loud = await replay([small, '--arch', 'i386'], { worker: dead, env: { FOURFOLD_DEBUG: '1' } });
  expect(loud.stderr).toMatch(/\n +at /);
});

test('with little memory and swap a trace is replayed to its end, and what was swapped is said', async () => {
  const args = [bundledTrace('sort'), '--memory', '300K', '--swap', '4M', '--arch', 'x86_64'];
  const { status, stdout, stderr } = await replay(args);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/pages swapped out +[1-9]/);
  expect(stdout).toMatch(/major faults +[1-9]/);
});
