import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../bin/fourfold.js', import.meta.url));
const fourfold = (...args) => spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });

test('--version prints a version and ends well', () => {
  const { status, stdout } = fourfold('--version');
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('misuse ends with status 2, one line and no stack trace', () => {
  const { status, stderr } = fourfold('--no-such-option');
  assert.equal(status, 2);
  assert.match(stderr, /^error: [^\n]+\n$/);
});
