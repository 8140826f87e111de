import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { sparc64_8k } from '@fourfold/arch-sparc64';
import { x86_64 } from '@fourfold/arch-x86';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ReplayPool, type ReplayProgress, replayFile, replayHere } from '../../src/node/index.js';

const folder = mkdtempSync(join(tmpdir(), 'fourfold-pool-'));
/** A thread loads no TypeScript: it runs a bundle of the entry. */
const worker = pathToFileURL(join(folder, 'worker.mjs'));
beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))],
    outfile: fileURLToPath(worker),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@fourfold/source'],
    logLevel: 'error',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

function trace(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
  return path;
}

const HEAD = `I  00108000,3
 L 00109ff8,16
SYSCALL[1,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4032000)
SYSCALL[1,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x5000000)
 S 05000000,8
`;
const LONG = `${HEAD}${Array.from({ length: 300_000 }, (_, i) => ` L 0500${(i % 4096).toString(16).padStart(4, '0')},1\n`).join('')}`;
const MACHINES = ['x86_64', 'sparc64-8k'];

describe('replayFile', () => {
  test('gives what replayHere gives, in the order of the machines', async () => {
    const path = trace('long.lk.gz', LONG);
    const reports = await replayFile(path, { worker, machines: MACHINES });
    expect(reports).toEqual([await replayHere(path, x86_64), await replayHere(path, sparc64_8k)]);
    expect(reports.map(({ machine, records, error }) => [machine, records, error])).toEqual([
      ['x86_64', 300_003, null],
      ['sparc64-8k', 300_003, null],
    ]);
  });

  test('tells of progress up to the end of the file, seldom', async () => {
    const seen: ReplayProgress[] = [];
    const started = performance.now();
    const path = trace('long.lk', LONG);
    await replayFile(path, { worker, machines: MACHINES, onProgress: (progress) => seen.push(progress) });
    const allowed = 2 * MACHINES.length + (MACHINES.length * (performance.now() - started)) / 90;
    expect(seen.length).toBeLessThanOrEqual(allowed);
    for (const machine of MACHINES) {
      const own = seen.filter((progress) => progress.machine === machine);
      expect(own.at(-1)).toMatchObject({ consumedBytes: LONG.length, totalBytes: LONG.length });
      const bytes = own.map(({ consumedBytes }) => consumedBytes);
      expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    }
  });

  test('a trace that stops being one leaves the results up to there', async () => {
    const path = trace('bad.lk', `${HEAD} L 05000000,-1\n`);
    for (const report of await replayFile(path, { worker, machines: MACHINES })) {
      expect(report.records).toBe(3);
      expect(report.faults.store).toBe(1);
      expect(report.error).toMatch(
        /bad\.lk: line 6 \(byte \d+\): expected .*, came .*; the results are those up to there$/,
      );
    }
  });

  test('a trace that cannot be followed is no failure either', async () => {
    const path = trace('stop.lk', `${HEAD}SYSCALL[7,7](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4032000)\n`);
    const [report] = await replayFile(path, { worker, machines: ['x86_64'] });
    expect(report?.error).toMatch(/: line 6: records of process 7, which nothing in the trace started; the results/);
  });

  test('an unknown machine, impossible memory and a missing module fail', async () => {
    const path = trace('short.lk', HEAD);
    await expect(replayFile(path, { worker, machines: ['vax'] })).rejects.toThrow(
      /^vax: expected one of x86_64, sparc64-8k/,
    );
    await expect(replayFile(path, { worker, machines: ['x86_64'], memory: '4K' })).rejects.toThrow(/at least 16 pages/);
    const none = new URL('./none.mjs', worker);
    await expect(replayFile(path, { worker: none, machines: ['x86_64'] })).rejects.toThrow(
      /^x86_64: Cannot find module/,
    );
  });

  test('without a header, the first records belong to the process of the first call', async () => {
    const path = trace('cut.lk', `${HEAD} L 05001000,8\n`);
    const [report] = await replayFile(path, { worker, machines: ['x86_64'] });
    expect(report).toMatchObject({ records: 4, calls: 2, badAccesses: 0, error: null });
  });

  test('a file that is not there is an error of the report', async () => {
    const [report] = await replayFile(join(folder, 'none.lk'), { worker, machines: ['x86_64'] });
    expect(report?.records).toBe(0);
    expect(report?.error).toMatch(/none\.lk: line 1: the file cannot be read \(ENOENT: [^\n]*$/);
  });
});

describe('ReplayPool', () => {
  test('serves many traces on few threads', async () => {
    const pool = new ReplayPool({ worker, jobs: 2 });
    const path = trace('short.lk', HEAD);
    const reports = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => pool.replay(path, MACHINES[n % 2] as string)));
    expect(reports.map(({ machine, faults }) => [machine, faults.minor])).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => [MACHINES[n % 2], 4 - (n % 2)]),
    );
    await pool.close();
    await expect(pool.replay(path, 'x86_64')).rejects.toThrow('the pool is closed');
  });

  test('closing it ends what is under way', async () => {
    const pool = new ReplayPool({ worker, jobs: 1 });
    const path = trace('long.lk', LONG);
    const running = [pool.replay(path, 'x86_64'), pool.replay(path, 'x86_64')];
    const ends = Promise.allSettled(running);
    await pool.close();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

test('replayHere: every frame and table is back, with and without contents, the page cache warm or cold', async () => {
  const path = trace('long.lk', LONG);
  for (const contents of [true, false]) {
    for (const cold of [true, false]) {
      for (const arch of [x86_64, sparc64_8k]) {
        const report = await replayHere(path, arch, { contents, cold, memory: '64MiB' });
        expect(report.error).toBeNull();
        expect(report.faults.minor + report.faults.major).toBe(arch === x86_64 ? 4 : 3);
      }
    }
  }
});
