// Runs a package's test/built against what it built, as a user would, and leaves a TAP report for count-tests.mjs.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';

mkdirSync('.reports', { recursive: true });
const files = readdirSync('test/built').filter((name) => name.endsWith('.test.mjs'));
const reporters = ['spec', 'stdout', 'tap', '.reports/dist.tap'];
const flags = reporters.map((value, n) => `--test-reporter${n % 2 === 0 ? '' : '-destination'}=${value}`);
const { status } = spawnSync(process.execPath, ['--test', ...flags, ...files.map((name) => `test/built/${name}`)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
