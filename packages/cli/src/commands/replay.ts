/** `fourfold replay`: traces on machines, each machine in a thread of its own; tables as the traces are done. */
import type { Stats } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Machine, MmError, parseSize } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import type { MachineReport } from '@fourfold/replay';
import { ReplayPool } from '@fourfold/replay/node';
import type { Host } from '../host.js';
import { machinesNamed } from '../machines.js';
import { type ModelOptions, withModels } from '../models.js';
import { complain, Failure, isDebugging, Misuse, messageOf, STATUS_FAILURE, STATUS_OK } from '../outcome.js';
import { documentOf, type TraceResult } from '../replay/document.js';
import { Progress } from '../replay/progress.js';
import { textOf } from '../replay/text.js';

export interface ReplayCommandOptions extends ModelOptions {
  readonly arch?: string;
  readonly json?: boolean;
  readonly out?: string;
  readonly memory: string;
  readonly swap?: string;
  readonly cold?: boolean;
  /** False for --no-contents. */
  readonly contents: boolean;
  readonly huge?: boolean;
  readonly jobs?: number;
}

interface TraceFile {
  readonly path: string;
  readonly bytes: number;
}

/** RAM of a machine unless --mem says otherwise; every machine can have it. */
export const DEFAULT_MEMORY = '1GiB';

/** The threads' entry: both are bundled into one folder. */
const WORKER = new URL('./replay-worker.js', import.meta.url);

/** @throws Misuse before anything runs; Failure when a result cannot be written */
export async function replay(paths: readonly string[], options: ReplayCommandOptions, host: Host): Promise<number> {
  const machines = withModels(machinesNamed(options.arch), options);
  if (options.memory !== DEFAULT_MEMORY) checkMemory(options.memory, machines);
  if (options.swap !== undefined) checkSwap(options.swap, machines);
  const files = await Promise.all(paths.map((path) => openTrace(path, machines.length)));
  if (options.out !== undefined) await createFolder(options.out);

  const settings = {
    memory: options.memory,
    swap: options.swap,
    cold: options.cold ?? false,
    contents: options.contents,
    huge: options.huge ?? false,
  };
  const progress = new Progress(
    host,
    files.map(({ bytes }) => bytes),
    machines.length,
  );
  const pool = new ReplayPool({
    worker: host.worker ?? WORKER,
    jobs: options.jobs,
    onBug: (stack) => isDebugging(host) && host.stderr.write(`${stack}\n`),
  });
  const results: TraceResult[] = [];
  const names = outputNames(paths);
  let status = STATUS_OK;
  try {
    // All are asked for at once, so that no processor waits at the end of a trace.
    const runs = files.map(({ path }, trace) =>
      Promise.allSettled(
        machines.map(({ name, tlb, cost }, machine) =>
          pool.replay(path, name, { ...settings, tlb, cost, onProgress: (at) => progress.update(trace, machine, at) }),
        ),
      ),
    );
    for (const [trace, file] of files.entries()) {
      const outcomes = await (runs[trace] as (typeof runs)[number]);
      progress.pause();
      const reports: MachineReport[] = [];
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') reports.push(outcome.value);
        else complain(host, `internal error: ${file.path}: ${messageOf(outcome.reason)}`);
      }
      const result: TraceResult = { trace: basename(file.path), path: file.path, fileBytes: file.bytes, reports };
      if (reports.length < machines.length || complainOf(reports, host)) status = STATUS_FAILURE;
      if (options.json === true) results.push(result);
      else host.stdout.write(textOf(result, machines, host));
      if (options.out !== undefined) {
        const target = join(options.out, `${names[trace]}.json`);
        await write(target, documentOf([result], settings));
        const said = options.json === true ? host.stderr : host.stdout;
        said.write(options.json === true ? `JSON: ${target}\n` : `JSON: ${target}\n\n`);
      }
      progress.resume();
    }
  } finally {
    progress.pause();
    await pool.close();
  }
  if (options.json === true) host.stdout.write(documentOf(results, settings));
  return status;
}

/** Swap takes at least its header and one page. */
function checkSwap(swap: string, machines: readonly ArchDescriptor[]): void {
  const least = 2 * Math.max(...machines.map((arch) => arch.geometry.pageSize));
  try {
    if (parseSize(swap) >= least) return;
  } catch (error) {
    if (error instanceof MmError) throw new Misuse(`--swap ${swap}: ${error.message.replace(/^[A-Z_]+: /, '')}`);
    throw error;
  }
  throw new Misuse(`--swap ${swap}: expected at least ${least} bytes, two pages of the machines asked for`);
}

/** A machine with this much memory must be possible: tried, because only the machine knows. */
function checkMemory(memory: string, machines: readonly ArchDescriptor[]): void {
  try {
    for (const arch of machines) new Machine({ arch, memory });
  } catch (error) {
    if (error instanceof MmError) throw new Misuse(`--mem ${memory}: ${error.message.replace(/^[A-Z_]+: /, '')}`);
    if (error instanceof RangeError)
      throw new Failure(`--mem ${memory}: this process has no room for its page descriptors`);
    throw error;
  }
}

async function openTrace(path: string, nrMachines: number): Promise<TraceFile> {
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (error) {
    throw new Misuse(`${path}: expected a trace file, came ${messageOf(error)}`);
  }
  if (stats.isDirectory()) throw new Misuse(`${path}: expected a trace file, came a folder`);
  if (!stats.isFile() && nrMachines > 1) {
    throw new Misuse(
      `${path}: expected a file, which each machine reads, came a pipe or device; name one machine by --arch`,
    );
  }
  return { path, bytes: stats.size };
}

async function createFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
  } catch (error) {
    throw new Failure(`${folder}: expected a folder for the results, came ${messageOf(error)}`);
  }
}

/** mkdir -p. Node's own never ends where a file system refuses new folders by ENOENT, as /proc does. */
async function makeFolders(folder: string): Promise<void> {
  const made = await mkdir(folder).catch((error: NodeJS.ErrnoException) => error);
  if (made === undefined) return;
  if (made.code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
  if (made.code !== 'ENOENT' || dirname(folder) === folder || folder === '') throw made;
  await makeFolders(dirname(folder));
  await mkdir(folder);
}

async function write(target: string, text: string): Promise<void> {
  try {
    await writeFile(target, text);
  } catch (error) {
    throw new Failure(`${target}: cannot be written: ${messageOf(error)}`);
  }
}

/** `sort` of `sort.lk.gz`; a number follows where two traces have the same name. */
function outputNames(paths: readonly string[]): string[] {
  const taken = new Map<string, number>();
  return paths.map((path) => {
    const name = basename(path).replace(/(?<=.)(?:\.lk)?(?:\.gz)?$/, '');
    const before = taken.get(name) ?? 0;
    taken.set(name, before + 1);
    return before === 0 ? name : `${name}-${before + 1}`;
  });
}

/** Says in one line why a trace was not read to its end; an error that all machines share is said once. */
function complainOf(reports: readonly MachineReport[], host: Host): boolean {
  const failed = reports.filter(({ error }) => error !== null);
  if (failed.length === 0) return false;
  const errors = new Set(failed.map(({ error }) => error as string));
  const parts = [...errors].map((error) => {
    const machines = failed.filter((report) => report.error === error).map(({ machine }) => machine);
    return machines.length === reports.length ? error : `${machines.join(', ')}: ${error}`;
  });
  complain(host, parts.join(' | '));
  return true;
}
