import { expect, test } from 'vitest';
import { MACHINES } from '../src/machines.js';
import { command } from './support/command.js';

test('arch list names every machine with its page size and levels', async () => {
  const { status, stdout } = await command(['arch', 'list']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^i386 +.* 4 KiB +2 +pud pmd +hardware walk/m);
  expect(stdout).toMatch(/^sparc64-64k +.* 64 KiB +3 +pud +software/m);
  for (const { name } of MACHINES) expect(stdout).toContain(`\n${name} `);
});

test('arch list --json', async () => {
  const { stdout } = await command(['arch', 'list', '--json']);
  const { schema, version, machines } = JSON.parse(stdout) as { schema: string; version: number; machines: unknown[] };
  expect([schema, version]).toEqual(['fourfold.arch-list', 1]);
  expect(machines.map((machine) => (machine as { name: string }).name)).toEqual(MACHINES.map(({ name }) => name));
  expect(machines[0]).toMatchObject({
    pageSize: 4096,
    wordBits: 32,
    folded: ['pud', 'pmd'],
    levels: [
      { name: 'pgd', bits: 10, entryBytes: 4, tableBytes: 4096 },
      { name: 'pte', bits: 10, entryBytes: 4, tableBytes: 4096 },
    ],
  });
});

test('help, version and commands that do not exist', async () => {
  expect(await command(['--help'])).toMatchObject({ status: 0, stderr: '' });
  expect((await command(['help', 'replay'])).stdout).toContain('Usage: fourfold replay [options] <trace...>');
  expect((await command(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await command(['rplay'])).toEqual({
    status: 2,
    stdout: '',
    stderr: "fourfold: unknown command 'rplay' (Did you mean replay?)\n",
  });
  expect(await command(['arch'])).toMatchObject({ status: 2, stdout: '' });
  expect(await command([])).toMatchObject({ status: 2, stdout: '' });
});
