// Runs a command and closes with how many tests passed and failed in it: node scripts/count-tests.mjs COMMAND [ARG...]
// Every package's test run leaves a report in .reports (turbo restores it on a cache hit). Reports are removed first,
// so only those of this run are counted. Exits with the command's status, or 1 if a report holds a failure.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
const reportDirs = [...packages, join(root, 'test'), join(root, 'bench'), join(root, 'oracle')].map((dir) =>
  join(dir, '.reports'),
);
for (const dir of reportDirs) rmSync(dir, { recursive: true, force: true });

const [command, ...args] = process.argv.slice(2);
const shell = process.platform === 'win32';
const { status } = spawnSync(command, args, { cwd: root, shell, stdio: 'inherit' });

let passed = 0;
let failed = 0;
for (const dir of reportDirs) {
  const vitest = read(join(dir, 'vitest.json'));
  if (vitest !== undefined) countVitest(JSON.parse(vitest));
  const tap = read(join(dir, 'dist.tap'));
  if (tap !== undefined) countTap(tap);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = status === 0 && failed > 0 ? 1 : (status ?? 1);

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function countVitest(report) {
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  // A file that could not be loaded has no tests of its own to fail.
  for (const file of report.testResults) if (file.status === 'failed' && file.assertionResults.length === 0) failed++;
}

function countTap(tap) {
  passed += Number(/^# pass (\d+)$/m.exec(tap)?.[1] ?? 0);
  failed += Number(/^# fail (\d+)$/m.exec(tap)?.[1] ?? 0);
}
