/** `--tlb FILE`, `--cost FILE`, `fourfold arch show`: models of the user in the place of a machine's own. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { costDocument, type MachineReport, tlbDocument } from '@fourfold/replay';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MACHINES } from '../src/machines.js';
import { bundledWorker, command, type Ended, scratchFolder } from './support/command.js';

const folder = scratchFolder();
let worker: URL;

beforeAll(async () => {
  worker = await bundledWorker(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** Two pages in turn, thirty times: one slot for data misses each time, the machines' own twice. */
const TRACE = Array.from({ length: 60 }, (_, i) => ` S ${i % 2 === 0 ? '1ffefff000' : '1ffeffe000'},8`).join('\n');
const UNIT = { name: 'tiny', sets: 1, ways: 1 };
const TINY = { schema: 'fourfold.tlb', version: 1, processor: 'none', units: [UNIT], exec: ['tiny'], data: ['tiny'] };

async function replay(...args: string[]): Promise<Ended> {
  return command(['replay', file('pages.lk', `${TRACE}\n`), '--json', ...args], { worker });
}

function reportsOf({ stdout }: Ended): MachineReport[] {
  return (JSON.parse(stdout) as { traces: [{ machines: MachineReport[] }] }).traces[0].machines;
}

describe('a TLB of one slot, for any machine', () => {
  test('reaches every machine, in its thread', async () => {
    const own = reportsOf(await replay());
    const tiny = reportsOf(await replay('--tlb', file('tiny.json', TINY)));
    expect(tiny.map(({ machine }) => machine)).toEqual(MACHINES.map(({ name }) => name));
    for (const [i, report] of tiny.entries()) {
      const scale = report.pageSize / 4096 > 1 && !report.machine.startsWith('ppc64') ? 1 : 60;
      const { machine } = report;
      expect.soft({ machine, faults: report.faults }).toEqual({ machine, faults: (own[i] as MachineReport).faults });
      // Where both addresses are in one page there is nothing to miss.
      if (scale === 60) expect.soft(report.tlb.data.missesAll, machine).toBeGreaterThanOrEqual(60);
      expect.soft(report.tlb.data.missesAll, machine).toBeGreaterThanOrEqual(own[i]?.tlb.data.missesAll ?? 0);
    }
  });

  test('for one machine it leaves the others what they have', async () => {
    const model = file('one.json', { ...TINY, machines: ['x86_64'] });
    const [i386, x86_64] = reportsOf(await replay('--arch', 'i386,x86_64', '--tlb', model)) as [
      MachineReport,
      MachineReport,
    ];
    expect(i386.tlb.data.missesAll).toBeLessThan(10);
    expect(x86_64.tlb.data.missesAll).toBeGreaterThanOrEqual(60);
  });
});

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (name, arch) => {
  test('arch show --tlb and --cost write what --tlb and --cost read', async () => {
    for (const [option, document] of [
      ['--tlb', tlbDocument(arch)],
      ['--cost', costDocument(arch)],
    ] as const) {
      const shown = await command(['arch', 'show', name, option]);
      expect(JSON.parse(shown.stdout)).toEqual(JSON.parse(JSON.stringify(document)));
      const ended = await replay('--arch', name, option, file(`shown${option}.json`, shown.stdout));
      expect(ended.stderr).toBe('');
      expect(reportsOf(ended)).toEqual(reportsOf(await replay('--arch', name)));
    }
  });

  test('arch show names the processor and fits 80 columns', async () => {
    const { stdout } = await command(['arch', 'show', name]);
    expect(stdout).toContain(`TLB of: ${arch.tlb.processor}`);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

test('a cost table changes the cycles and nothing else; what it leaves out stays', async () => {
  const cost = { schema: 'fourfold.cost', version: 1, cycles: { trap: 1e6 } };
  const [own] = reportsOf(await replay('--arch', 'x86_64')) as [MachineReport];
  const [dear] = reportsOf(await replay('--arch', 'x86_64', '--cost', file('cost.json', cost))) as [MachineReport];
  const traps = own.costs.find(({ cause }) => cause === 'trap');
  expect(traps?.count).toBeGreaterThan(0);
  const more = (traps?.count ?? 0) * 1e6 - (traps?.cycles ?? 0);
  expect(dear.cycles).toBe(own.cycles + more);
  expect({ ...dear, costs: null, cycles: 0 }).toEqual({ ...own, costs: null, cycles: 0 });
});

test('run takes TLBs too, and its results stay what they were', async () => {
  const scenario = file('two.mm', 'mmap 16 2 rw private,anon,fixed\nfill 16 2 1\nread 16\n');
  const model = file('tiny.json', TINY);
  const own = await command(['run', scenario, '--arch', 'ia64-16k']);
  const tiny = await command(['run', scenario, '--arch', 'ia64-16k', '--tlb', model]);
  expect(own).toMatchObject({ status: 0, stderr: '' });
  expect(tiny).toEqual(own);
});

describe('what is no model is misuse, in one line that says file, field, what was expected and what came', () => {
  const CASES: readonly [content: unknown, says: string][] = [
    ['{', 'expected JSON'],
    [[], 'expected an object, came []'],
    [{ ...TINY, schema: 'x' }, 'schema: expected "fourfold.tlb", came "x"'],
    [{ ...TINY, version: 2 }, 'version: expected 1, came 2'],
    [{ ...TINY, unit: 1 }, 'unit: expected one of the fields schema, version'],
    [{ ...TINY, machines: [] }, 'machines: expected a list that is not empty, came []'],
    [{ ...TINY, machines: [7] }, "machines[0]: expected a machine's name, came 7"],
    [{ ...TINY, machines: ['vax'] }, 'machines: expected one of x86_64, came vax'],
    [{ ...TINY, units: {} }, 'units: expected a list that is not empty, came {}'],
    [{ ...TINY, units: [{ ...UNIT, ways: 0 }] }, 'units[0].ways: expected a whole number from 1 to 32767, came 0'],
    [{ ...TINY, units: [{ ...UNIT, sets: 1.5 }] }, 'units[0].sets: expected a whole number'],
    [{ ...TINY, units: [{ sets: 1, ways: 1 }] }, 'units[0].name: expected a name, came nothing'],
    [{ ...TINY, units: [UNIT, UNIT] }, 'units[1].name: expected a name of its own for each unit, came "tiny"'],
    [{ ...TINY, units: [{ ...UNIT, smallest: 21, largest: 12 }] }, 'units[0].largest: expected at least smallest (21)'],
    [{ ...TINY, exec: ['big'] }, 'exec[0]: expected one of the units tiny, came "big"'],
    [{ ...TINY, data: ['tiny', 'tiny'] }, 'data[1]: expected each unit once, came "tiny"'],
    [{ ...TINY, units: [{ ...UNIT, largest: 12 }] }, 'on x86_64: expected a unit for exec that takes pages of 2^21'],
    [{ ...TINY, units: [{ ...UNIT, sets: 200, ways: 200 }] }, 'on x86_64: expected at most 32767 slots'],
  ];
  test.each(CASES)('%j', async (content, says) => {
    const path = file('bad.json', content);
    const ended = await replay('--arch', 'x86_64', '--tlb', path);
    expect(ended.status).toBe(2);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toContain(`fourfold: ${path}: ${says}`);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('a file that is not there, and costs that are none', async () => {
    const gone = await replay('--tlb', join(folder, 'gone.json'));
    expect(gone).toMatchObject({ status: 2, stdout: '' });
    expect(gone.stderr).toContain('gone.json: expected a file of a model, came ENOENT');
    const cost = file('cost.json', { schema: 'fourfold.cost', version: 1, cycles: { trap: -1 } });
    const bad = await replay('--cost', cost);
    expect(bad).toMatchObject({ status: 2, stdout: '' });
    expect(bad.stderr).toContain('cycles.trap: expected cycles from 0 to 1000000000, came -1');
  });
});
