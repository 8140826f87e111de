/** The command in this process, from source; its worker threads run a bundle made of the source. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { fourfold } from '../../src/fourfold.js';

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a terminal would be asked for. */
export interface Surroundings {
  readonly columns?: number;
  readonly worker?: URL;
  readonly env?: Record<string, string>;
}

export async function command(args: readonly string[], around: Surroundings = {}): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const { columns, worker, env = {} } = around;
  const status = await fourfold(args, {
    stdout: {
      write: (text) => {
        stdout += text;
      },
      isTTY: columns !== undefined,
      columns,
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    env,
    worker,
  });
  return { status, stdout, stderr };
}

/** A folder that is gone after the tests of the machine it runs on. */
export function scratchFolder(): string {
  return mkdtempSync(join(tmpdir(), 'fourfold-cli-'));
}

/** Bundles the threads' entry: a thread loads no TypeScript. */
export async function bundledWorker(folder: string): Promise<URL> {
  const outfile = join(folder, 'replay-worker.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('../../src/replay-worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@fourfold/source'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return pathToFileURL(outfile);
}

/** One of the bundled traces. */
export function bundledTrace(name: string): string {
  return fileURLToPath(new URL(`../../../../traces/${name}.lk.gz`, import.meta.url));
}

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
