/** `fourfold image`: runs a scenario and writes the memory it leaves behind, with the registers to walk it by. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeImage } from '@fourfold/core';
import { runScenario, ScenarioError } from '@fourfold/replay';
import { writeMemory } from '@fourfold/replay/node';
import { tmpfs } from '@fourfold/tmpfs';
import type { Host } from '../host.js';
import { machineNamed } from '../machines.js';
import { Failure, Misuse, messageOf } from '../outcome.js';
import { readScenario } from './run.js';

export interface ImageOptions {
  readonly arch: string;
  readonly out: string;
}

/** The files of an image. */
export const MEMORY_FILE = 'memory.raw';
export const REGISTERS_FILE = 'image.json';

/** @throws Misuse when the file is no scenario; Failure when the image cannot be written */
export async function image(file: string, options: ImageOptions, host: Host): Promise<void> {
  const arch = machineNamed(options.arch);
  const text = await readScenario(file);
  try {
    const { machine, processes } = runScenario(text, {
      arch,
      tmpfs: tmpfs({ nr_blocks: 0, nr_inodes: 0 }),
      name: file,
    });
    const described = describeImage(
      machine.kernel,
      processes.map(([label, { pid, mm }]) => ({ label, pid, mm })),
    );
    mkdirSync(options.out, { recursive: true });
    const frames = writeMemory(machine.kernel.memory, join(options.out, MEMORY_FILE));
    writeFileSync(join(options.out, REGISTERS_FILE), `${JSON.stringify(described, asDigits, 2)}\n`);
    host.stdout.write(`${join(options.out, MEMORY_FILE)}: ${frames} frames with contents\n`);
    host.stdout.write(`${join(options.out, REGISTERS_FILE)}: ${processes.length} processes\n`);
  } catch (error) {
    if (error instanceof ScenarioError) throw new Misuse(error.message);
    if (isHostError(error)) throw new Failure(`${options.out}: expected to write an image, came ${messageOf(error)}`);
    throw error;
  }
}

/** Registers are words: strings of hexadecimal digits in JSON. */
function asDigits(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
}

function isHostError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
