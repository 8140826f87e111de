import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../bin/fourfold.js', import.meta.url));
const trace = fileURLToPath(new URL('../../../../traces/ls.lk.gz', import.meta.url));
const fourfold = (...args) => spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });

test('--version prints a version and ends well', () => {
  const { status, stdout } = fourfold('--version');
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('misuse ends with status 2, one line and no stack trace', () => {
  const { status, stderr } = fourfold('--no-such-option');
  assert.equal(status, 2);
  assert.match(stderr, /^fourfold: [^\n]+\n$/);
});

test('a replay runs in threads of the built worker', () => {
  const { status, stdout, stderr } = fourfold('replay', trace, '--arch', 'x86_64,sparc64-8k', '--json');
  assert.equal(stderr, '');
  assert.equal(status, 0);
  const { machines } = JSON.parse(stdout).traces[0];
  assert.deepEqual(
    machines.map(({ machine, faults }) => [machine, faults.minor]),
    [
      ['x86_64', 294],
      ['sparc64-8k', 184],
    ],
  );
});

test('a reader that stops reading is no failure', () => {
  const line = `"${process.execPath}" "${command}" arch list --json | head -c 1`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
  assert.deepEqual([status, stdout, stderr], [0, '{', '']);
});

test('results that cannot be written are a failure, in one line', { skip: !existsSync('/dev/full') }, () => {
  const line = `"${process.execPath}" "${command}" arch list > /dev/full`;
  const { status, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
  assert.match(stderr, /^fourfold: standard output: cannot be written: ENOSPC[^\n]*\n$/);
  assert.equal(status, 1);
});
