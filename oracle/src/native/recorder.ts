/** Builds the recorder (oracle/recorder, C) and runs scenarios on the kernel of this machine with it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the C files lie, from dist/main.js and from src/native alike. */
const SOURCES = ['../recorder', '../../recorder'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
/** Longest that a batch of scenarios may take. */
const TIMEOUT_MS = 120_000;

/** Nothing can be recorded here: says why. */
export class CannotRecord extends Error {}

export class Recorder {
  readonly #program: string;
  readonly #folder: string;

  /**
   * Compiles the recorder into a folder.
   * @throws CannotRecord on a machine where it cannot work
   */
  constructor(folder: string) {
    const why = obstacle();
    if (why !== null) throw new CannotRecord(why);
    this.#folder = folder;
    this.#program = join(folder, 'recorder');
    const source = SOURCES.find((path) => files(path).length > 0) as string;
    const args = ['-std=gnu17', '-O1', '-static', '-no-pie', '-o', this.#program, ...files(source)];
    const { status, stderr } = spawnSync('gcc', args, { encoding: 'utf8' });
    if (status !== 0) throw new CannotRecord(`gcc refuses the recorder: ${stderr.slice(0, 2000)}`);
  }

  /** The result lines of each scenario. @throws CannotRecord with what the recorder said when it fails */
  record(texts: readonly string[]): string[][] {
    const out = join(this.#folder, 'out');
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out);
    const scenarios = texts.map((text, i) => {
      const file = join(this.#folder, `s${i}.mm`);
      writeFileSync(file, text);
      return file;
    });
    const args = ['--out', out, ...scenarios];
    const { status, signal, stderr } = spawnSync(this.#program, args, { encoding: 'utf8', timeout: TIMEOUT_MS });
    if (status !== 0) throw new CannotRecord(`the recorder ended with ${status ?? signal}: ${stderr.slice(0, 2000)}`);
    return texts.map((_, i) => linesOf(readFileSync(join(out, `s${i}.expected`), 'utf8')));
  }
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.trimEnd().split('\n');
}

function files(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** Why scenarios cannot be recorded here, or null. */
function obstacle(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'this machine is no x86-64 Linux';
  if (process.getuid?.() !== 0) return 'only root can mount, swap and read frame numbers';
  return spawnSync('gcc', ['--version']).status === 0 ? null : 'gcc is not installed (Debian: gcc, libc6-dev)';
}
