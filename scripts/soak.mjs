// A million random operations a machine, short of memory: node scripts/soak.mjs [--steps N] [--seed N] [--audit-every N] [--arch NAME]
// The same programs as in the tests, longer, with the flush ledger and the check of TLB hits on. The audit after every
// operation takes most of the time: --audit-every 100 is about ten times as fast. A failure names the seed and the step.
// Node built-ins only.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run soak -- [--arch NAME] [--steps N] [--seed N] [--audit-every N]
  --arch NAME      one machine; default all
  --steps N        operations a machine; default 1000000
  --seed N         where the first program begins; default 1
  --audit-every N  operations from one audit to the next; default 1`;

const values = valuesOf();
const machine = values.arch === undefined ? [] : ['-t', `^${values.arch} `];
const { status } = spawnSync('vitest', ['run', '--root', '.', 'test/pressure', '--reporter=verbose', ...machine], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: {
    ...process.env,
    FOURFOLD_SOAK_STEPS: values.steps,
    FOURFOLD_SOAK_SEED: values.seed,
    FOURFOLD_SOAK_AUDIT_EVERY: values['audit-every'],
  },
  shell: process.platform === 'win32',
  stdio: 'inherit',
});
process.exit(status ?? 1);

/** The options; ends the program where they are wrong or help is asked for. */
function valuesOf() {
  try {
    const { values } = parseArgs({
      options: {
        steps: { type: 'string', default: '1000000' },
        seed: { type: 'string', default: '1' },
        'audit-every': { type: 'string', default: '1' },
        arch: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    for (const name of ['steps', 'seed', 'audit-every']) {
      if (!/^[1-9][0-9]*$/.test(values[name]))
        throw new Error(`--${name}: expected a number from 1, got ${values[name]}`);
    }
    return values;
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}
