import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MACHINES } from '../src/machines.js';
import { command, scratchFolder } from './support/command.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true }));

function scenario(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const LINES = '# a comment\nmmap 0 2 rw private,anon,fixed\nwrite 0 7\nread 0\nread 5\n';

for (const { name } of MACHINES) {
  test(`${name}: stdout has the result lines, nothing else`, async () => {
    const ended = await command(['run', scenario('ok.mm', LINES), '--arch', name, '--check']);
    expect(ended).toEqual({
      status: 0,
      stdout:
        '2 A mmap 0 2 rw private,anon,fixed -> ok 0 | 0 0\n3 A write 0 7 -> ok | 1 0\n' +
        '4 A read 0 -> ok 7 | 0 0\n5 A read 5 -> SEGV_MAPERR | 0 0\n',
      stderr: '',
    });
  });
}

test('an unknown operation ends with its line, after the results before it', async () => {
  const { status, stdout, stderr } = await command([
    'run',
    scenario('bad.mm', `${LINES}dance 0\nread 0\n`),
    '--arch',
    'i386',
  ]);
  expect(status).toBe(2);
  expect(stdout.trim().split('\n')).toHaveLength(4);
  expect(stderr).toMatch(/^fourfold: [^\n]*bad\.mm:6: expected [^\n]+\n$/);
});

test('an unknown flag, a file system that is not there, a file that is not there: status 2 and one line', async () => {
  for (const [text, message] of [
    ['mmap 0 2 rw private,anno\n', /:1: expected /],
    ['file x1 1h\n', /:1: expected a file name that begins with t, d or h/],
  ] as const) {
    const { status, stdout, stderr } = await command(['run', scenario('bad.mm', text), '--arch', 'x86_64']);
    expect(stderr).toMatch(message);
    expect(stderr.split('\n')).toHaveLength(2);
    expect([status, stdout]).toEqual([2, '']);
  }
  const none = await command(['run', join(folder, 'none.mm'), '--arch', 'x86_64']);
  expect(none.status).toBe(2);
  expect(none.stderr).toMatch(/^fourfold: [^\n]*none\.mm: expected a scenario file, came ENOENT[^\n]*\n$/);
  expect((await command(['run', folder, '--arch', 'x86_64'])).status).toBe(2);
  expect((await command(['run', scenario('ok.mm', LINES)])).status).toBe(2);
});

test('a file that is no text ends in one short line that a terminal can show', async () => {
  const bytes = `\u001b[31m\u0007${'\u0000x'.repeat(5000)}`;
  const { status, stderr } = await command(['run', scenario('bad.mm', bytes), '--arch', 'x86_64']);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^fourfold: [^\p{Cc}]{1,1200}\n$/u);
  expect(stderr).toContain('\\x1b[31m\\x07\\x00x');
});

test('processes on several CPUs give the same lines; --flushes tells on stderr what was flushed and who was interrupted', async () => {
  const path = scenario(
    'cpus.mm',
    'mmap 0 2 rw private,anon,fixed\nwrite 0 7\nfork B\nB: write 0 8\nread 0\nmunmap 0 2\n',
  );
  const alone = await command(['run', path, '--arch', 'sparc64-8k']);
  const { status, stdout, stderr } = await command(['run', path, '--arch', 'sparc64-8k', '--cpus', '2', '--flushes']);
  expect([status, stdout]).toEqual([0, alone.stdout]);
  expect(stderr).toMatch(/operation +purges +for nothing +translations +owed/);
  expect(stderr).toMatch(/^munmap +[0-9]+ +[0-9]+ +[0-9]+ +2$/m); // the page and its page table
  expect(stderr).toMatch(/^flushMm +1$/m);
});

test.each(['0', '32', 'two', '1.5'])('--cpus %s is refused', async (cpus) => {
  const { status, stderr } = await command(['run', scenario('ok.mm', LINES), '--arch', 'i386', '--cpus', cpus]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/Expected a number from 1 to 31/);
});
