/** `fourfold run`: a scenario on one machine. stdout has its result lines, nothing else; what was flushed goes to stderr. */
import { readFile } from 'node:fs/promises';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { runScenario, ScenarioError } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import type { Host } from '../host.js';
import { machineNamed } from '../machines.js';
import { withModels } from '../models.js';
import { Failure, Misuse, messageOf } from '../outcome.js';
import { flushText } from '../run/flush-text.js';

export interface RunOptions {
  readonly arch: string;
  readonly check?: boolean;
  readonly cpus?: number;
  readonly flushes?: boolean;
  readonly tlb?: readonly string[];
}

/** @throws Misuse when the file is no scenario; Failure when an audit finds the machine in disorder */
export async function run(file: string, options: RunOptions, host: Host): Promise<void> {
  const [arch] = withModels([machineNamed(options.arch)], options) as [ArchDescriptor];
  const text = await readScenario(file);
  try {
    const { flushes } = runScenario(text, {
      arch,
      tmpfs: tmpfs({ nr_blocks: 0, nr_inodes: 0 }),
      name: file,
      check: options.check ?? false,
      cpus: options.cpus ?? 1,
      flushes: options.flushes ?? false,
      onLine: (line) => host.stdout.write(`${line}\n`),
    });
    if (flushes !== null) host.stderr.write(flushText(flushes));
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    throw error.kind === 'audit' ? new Failure(error.message) : new Misuse(error.message);
  }
}

/** The text of a scenario file. @throws Misuse */
export async function readScenario(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Misuse(`${file}: expected a scenario file, came ${messageOf(error)}`);
  }
}
