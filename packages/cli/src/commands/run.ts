/** `fourfold run`: a scenario on one machine. stdout has its result lines, nothing else. */
import { readFile } from 'node:fs/promises';
import { runScenario, ScenarioError } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import type { Host } from '../host.js';
import { machineNamed } from '../machines.js';
import { Failure, Misuse, messageOf } from '../outcome.js';

export interface RunOptions {
  readonly arch: string;
  readonly check?: boolean;
}

/** @throws Misuse when the file is no scenario; Failure when an audit finds the machine in disorder */
export async function run(file: string, options: RunOptions, host: Host): Promise<void> {
  const arch = machineNamed(options.arch);
  const text = await readText(file);
  try {
    runScenario(text, {
      arch,
      tmpfs: tmpfs({ nr_blocks: 0, nr_inodes: 0 }),
      name: file,
      check: options.check ?? false,
      onLine: (line) => host.stdout.write(`${line}\n`),
    });
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    throw error.kind === 'audit' ? new Failure(error.message) : new Misuse(error.message);
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Misuse(`${file}: expected a scenario file, came ${messageOf(error)}`);
  }
}
