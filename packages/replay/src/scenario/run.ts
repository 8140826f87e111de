/**
 * Runs a scenario (.mm): one operation a line in, one result line out, on any machine.
 *
 * Lines are read and run one after the other, so the results before a line that nobody understands are delivered. An
 * operation that fails is a result; only what the format does not know ends the run.
 */
import { type FileSystemType, KernelBug, type Machine, type Process } from '@fourfold/core';
import { type FlushReport, flushReportOf } from './flushes.js';
import { type ParsedLine, parseLine } from './parse.js';
import { resultLine } from './results.js';
import { ScenarioError } from './scenario-error.js';
import { BadLabel, type ScenarioArch, World } from './world.js';

export interface ScenarioOptions {
  /** The machine's descriptor, from an arch package. */
  readonly arch: ScenarioArch;
  /** The tmpfs of the machine, best one without limits; without it, lines that need one end the run. */
  readonly tmpfs?: FileSystemType;
  /** Name of the scenario in messages; default `scenario`. */
  readonly name?: string;
  /** Called with each result line as it comes. */
  readonly onLine?: (line: string) => void;
  /** Audit the machine after every operation, and watch its flushes and TLB hits; default false. */
  readonly check?: boolean;
  /** CPUs of the machine, on which the processes are placed in turn; default 1. */
  readonly cpus?: number;
  /** Count what each operation flushes against what was owed; default false. */
  readonly flushes?: boolean;
}

export interface ScenarioResult {
  /** Every result line, in order. */
  readonly lines: string[];
  /** The machine as the scenario left it, and the processes that live on it, by label. */
  readonly machine: Machine;
  readonly processes: readonly (readonly [label: string, process: Process])[];
  /** What was flushed; null unless asked for. */
  readonly flushes: FlushReport | null;
}

/**
 * Runs a scenario to its end.
 * @throws ScenarioError for a line the format does not know, an operation whose subsystem is missing, or a failed audit
 */
export function runScenario(text: string, options: ScenarioOptions): ScenarioResult {
  const { arch, tmpfs, name: file = 'scenario', onLine, check = false, cpus = 1, flushes = false } = options;
  const checks = check || flushes ? { flushes: true, hits: check } : undefined;
  const world = new World({ arch, tmpfs, hasPool: mentionsHuge(text), cpus, checks });
  const lines: string[] = [];
  let number = 0;
  for (const source of linesOf(text)) {
    number++;
    const parsed = parseLine(source, { file, line: number });
    if (parsed === null) continue;
    const result = watched(() => runLine(world, parsed), checks !== undefined, file, number);
    lines.push(result);
    onLine?.(result);
    if (check) audit(world, file, number);
  }
  return {
    lines,
    machine: world.machine,
    processes: world.living,
    flushes: flushes ? flushReportOf(world.machine) : null,
  };
}

function linesOf(text: string): string[] {
  return text.split(/\r\n|\r|\n/);
}

/**
 * Whether a line has a word that begins with h (a file of huge pages, the flag) or a size in huge pages. Where a huge page is
 * 256 MiB, eight of them are ten times the memory of everything else, and each audit goes through all of it.
 */
function mentionsHuge(text: string): boolean {
  return linesOf(text).some((line) => /\bh|\dh\b/.test(line.split('#')[0] as string));
}

function runLine(world: World, parsed: ParsedLine): string {
  const { line, operation } = parsed;
  try {
    if (operation.actor === 'world') return resultLine(line, (parsed.act as WorldAct)(world), null);
    const process = world.process(line.process);
    if (process === undefined) throw new BadLabel();
    if (!process.alive) return resultLine(line, 'noproc', null);
    // First fit: ia64's search goes on where the last one ended and looks at holes below only when it must.
    process.mm.freeAreaCache = process.mm.mmapBase;
    const { minFlt, majFlt, bitFlt } = process;
    const result = (parsed.act as ProcessAct)(world, process);
    if (!operation.counted || line.quiet) return resultLine(line, result, null);
    // Faults that only set accessed or dirty do not count: hardware that keeps these bits itself takes none.
    const minor = process.minFlt - minFlt - (process.bitFlt - bitFlt);
    return resultLine(line, result, [minor, process.majFlt - majFlt]);
  } catch (error) {
    if (!(error instanceof BadLabel)) throw error;
    return resultLine(line, 'badlabel', line.quiet ? null : [0, 0]);
  }
}

type WorldAct = (world: World) => string;
type ProcessAct = (world: World, process: Process) => string;

function audit(world: World, file: string, line: number): void {
  const findings = world.machine.audit();
  if (findings.length === 0) return;
  throw disorder(file, line, findings.map(({ invariant, message }) => `${invariant}: ${message}`).join('; '));
}

/** Runs a line; what a machine that watches itself finds wrong names the line. */
function watched<T>(run: () => T, watches: boolean, file: string, line: number): T {
  try {
    return run();
  } catch (error) {
    throw watches && error instanceof KernelBug ? disorder(file, line, error.message) : error;
  }
}

function disorder(file: string, line: number, came: string): ScenarioError {
  return new ScenarioError({ kind: 'audit', file, line, expected: 'a machine in order', came });
}
