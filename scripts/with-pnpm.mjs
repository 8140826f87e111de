// Installs the workspace with the pinned pnpm, then runs one of its scripts: node scripts/with-pnpm.mjs SCRIPT [ARG...]
// A pnpm of the pinned major on PATH is used; otherwise npx fetches the pinned version. Node built-ins only.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const pinnedMajor = packageManager.split('@')[1].split('.')[0];
const shell = process.platform === 'win32';
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error('usage: node scripts/with-pnpm.mjs SCRIPT [ARG...]');
  process.exit(2);
}

const found = spawnSync('pnpm', ['--version'], { cwd: root, env, shell, encoding: 'utf8' });
const onPath = found.status === 0 && found.stdout.trim().split('.')[0] === pinnedMajor;
const [command, ...prefix] = onPath ? ['pnpm'] : ['npx', '--yes', packageManager];

run('install', '--frozen-lockfile', '--reporter=append-only');
run('run', script, ...args);

function run(...rest) {
  const { status, signal, error } = spawnSync(command, [...prefix, ...rest], {
    cwd: root,
    env,
    shell,
    stdio: 'inherit',
  });
  if (error) console.error(`${command}: ${error.message}`);
  if (signal) console.error(`${command} ${rest[0]}: ended by ${signal}`);
  if (status !== 0) process.exit(status ?? 1);
}
