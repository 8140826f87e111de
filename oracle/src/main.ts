/**
 * `npm run test:oracle`: hands our images to independent emulators and compares every address; with `--native`, runs scenarios on
 * the kernel of this machine and compares every line. Exit status: 0 all agree, 1
 * one disagrees, 2 misuse, 3 none disagrees but an emulator is missing or failed, 4 this program itself
 * failed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ppc64Arches } from '@fourfold/arch-ppc64';
import { sparc64Arches } from '@fourfold/arch-sparc64';
import { x86Arches } from '@fourfold/arch-x86';
import { EmulatorError, versionOf } from './emulator.js';
import { linuxOracles } from './linux/oracle.js';
import { compareNatively } from './native/native.js';
import type { Oracle } from './oracle.js';
import { ppc64Oracle } from './ppc64/oracle.js';
import { agrees, reportOf } from './report.js';
import { sparc64Oracle } from './sparc64/oracle.js';
import { x86Oracle } from './x86/oracle.js';

const ORACLES: readonly Oracle[] = [
  ...x86Arches.map(x86Oracle),
  ...ppc64Arches.map(ppc64Oracle),
  ...sparc64Arches.map(sparc64Oracle),
];

const STATUS_DISAGREE = 1;
const STATUS_MISUSE = 2;
const STATUS_MISSING = 3;
const STATUS_BROKEN = 4;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    native: { type: 'boolean', default: false },
    count: { type: 'string', default: '200' },
    kernel: { type: 'string' },
    initrd: { type: 'string' },
    machine: { type: 'string' },
    seed: { type: 'string', default: '1' },
    addresses: { type: 'string', default: '12000' },
  },
});

process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return STATUS_BROKEN;
});

async function main(): Promise<number> {
  const [seed, addresses] = [Number(values.seed), Number(values.addresses)];
  if (values.native) return mainNatively(seed);
  const { kernel, initrd } = values;
  const booted = kernel === undefined || initrd === undefined ? [] : linuxOracles(kernel, initrd);
  const all = [...ORACLES, ...booted];
  const asked = all.filter((oracle) => values.machine === undefined || nameOf(oracle) === values.machine);
  const isHalf = (kernel === undefined) !== (initrd === undefined);
  if (
    !Number.isSafeInteger(seed) ||
    !(addresses >= 1 && addresses <= 12000) ||
    asked.length === 0 ||
    isHalf ||
    positionals.length > 0
  ) {
    const names = all.map(nameOf).join(', ');
    console.error(
      `expected --machine (${names}), --seed N, --addresses 1 to 12000, --kernel FILE with --initrd FILE; came ${process.argv.slice(2).join(' ')}`,
    );
    return STATUS_MISUSE;
  }
  let status = 0;
  for (const oracle of asked) {
    const name = nameOf(oracle);
    const version = versionOf(oracle.emulator);
    if (version === null) {
      console.log(`${name}: not compared, ${oracle.emulator} is not installed (Debian: ${oracle.debianPackage})`);
      if (status === 0) status = STATUS_MISSING;
      continue;
    }
    const folder = mkdtempSync(join(tmpdir(), 'fourfold-oracle-'));
    try {
      const compared = await oracle.run(seed, addresses, folder);
      console.log(`${reportOf(name, seed, compared)} (${version})`);
      if (!compared.every(agrees)) status = STATUS_DISAGREE;
    } catch (error) {
      if (!(error instanceof EmulatorError)) throw error;
      console.log(`${name}: not compared, ${error.message}`);
      if (status === 0) status = STATUS_MISSING;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  if (booted.length === 0 && values.machine === undefined) {
    console.log('Linux: not walked, no --kernel VMLINUZ --initrd FILE (docs/walking-a-dump.md)');
  }
  return status;
}

function mainNatively(seed: number): number {
  const count = Number(values.count);
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1) {
    console.error(
      `expected --native with --seed N, --count N or scenario files; came ${process.argv.slice(2).join(' ')}`,
    );
    return STATUS_MISUSE;
  }
  const agree = compareNatively({ files: positionals, seed, count });
  return agree === null ? STATUS_MISSING : agree ? 0 : STATUS_DISAGREE;
}

function nameOf({ arch, name }: Oracle): string {
  return name ?? arch.name;
}
