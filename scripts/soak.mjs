// A million random operations a machine, short of memory: node scripts/soak.mjs [--steps N] [--seed N] [--arch NAME]
// The same programs as in the tests, longer. A failure names the seed and the step. Node built-ins only.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    arch: { type: 'string' },
  },
});
for (const name of ['steps', 'seed']) {
  if (!/^[0-9]+$/.test(values[name])) {
    console.error(`--${name}: expected a number, got ${values[name]}`);
    process.exit(2);
  }
}
const machine = values.arch === undefined ? [] : ['-t', `^${values.arch} `];
const { status } = spawnSync('vitest', ['run', '--root', '.', 'test/pressure', '--reporter=verbose', ...machine], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: { ...process.env, FOURFOLD_SOAK_STEPS: values.steps, FOURFOLD_SOAK_SEED: values.seed },
  shell: process.platform === 'win32',
  stdio: 'inherit',
});
process.exit(status ?? 1);
