/**
 * One trace file on one machine, in this thread. Whatever ends the reading early becomes `report.error`, beside the results
 * up to there.
 */
import { type FileSystemType, MmError } from '@fourfold/core';
import type { ArchDescriptor, CostTable, TlbShape } from '@fourfold/core/arch';
import { Replayer } from '../engine/replayer.js';
import { type MachineReport, reportOf } from '../engine/report.js';
import { ReplayStop } from '../engine/stop.js';
import { LackeyParser } from '../trace/lackey.js';
import { TraceError } from '../trace/trace-error.js';
import type { TraceWarning } from '../trace/warnings.js';
import { readTraceFile } from './trace-file.js';

/** How a trace is replayed; all of it can be sent to another thread. */
export interface ReplaySettings {
  /** RAM, in bytes or as `'64MiB'`; default 1 GiB. */
  readonly memory?: number | string | undefined;
  /** Swap, in bytes or as `'64MiB'`; default none. */
  readonly swap?: number | string | undefined;
  /** The page cache starts empty. Default false. */
  readonly cold?: boolean | undefined;
  /** Stores write into simulated memory. Default true. */
  readonly contents?: boolean | undefined;
  /** Anonymous memory and the heap lie on huge pages where they can. Default false. */
  readonly huge?: boolean | undefined;
  /** TLBs in the place of the machine's own. */
  readonly tlb?: TlbShape | undefined;
  /** Costs in the place of the machine's own. */
  readonly cost?: CostTable | undefined;
}

export interface ReplayProgress {
  readonly machine: string;
  /** Access records read. */
  readonly records: number;
  /** Bytes of the file (compressed, if it is) read, and its size; 0 for a pipe, which has none. */
  readonly consumedBytes: number;
  readonly totalBytes: number;
}

export interface ReplayHereOptions extends ReplaySettings {
  /** The machine's tmpfs: what shared anonymous memory and SysV segments stand on. */
  readonly tmpfs?: FileSystemType | undefined;
  /** Called at most about ten times a second, and at the end. */
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
  /** Told of an error of ours that ended the replay, before it becomes a line of the report. */
  readonly onBug?: ((error: unknown) => void) | undefined;
}

const PROGRESS_MS = 100;

/**
 * Replays a trace file on one machine.
 * @throws MmError when the options make no machine of this architecture.
 */
export async function replayHere(
  path: string,
  arch: ArchDescriptor,
  options: ReplayHereOptions = {},
): Promise<MachineReport> {
  const { tlb, cost } = options;
  const replayer = new Replayer({
    arch: arch.with({ ...(tlb && { tlb }), ...(cost && { cost }) }),
    memory: options.memory ?? '1GiB',
    swap: options.swap,
    cold: options.cold ?? false,
    contents: options.contents ?? true,
    tmpfs: options.tmpfs,
    huge: options.huge ?? false,
  });
  const atStart = holdings(replayer);
  const parser = new LackeyParser(replayer);
  const warnings: TraceWarning[] = [];
  let error: string | null = null;
  let isSound = true;
  try {
    const info = await readTraceFile(path, parser, { onProgress: progressOf(arch.name, parser, options) });
    if (info.trailingBytes > 0) {
      const text = `${info.trailingBytes} bytes that are not gzip data`;
      warnings.push({ code: 'trailing-bytes', count: 1, line: parser.lineCount, text });
    }
  } catch (cause) {
    isSound = isExpected(cause);
    if (!isSound) options.onBug?.(cause);
    error = `${path}: ${reasonOf(cause, parser.lineCount + 1)}; the results are those up to there`;
  }
  const report = reportOf(replayer, [...parser.warnings, ...warnings], error);
  if (!isSound) return report;
  const leak = leakOf(replayer, atStart);
  return leak === null ? report : { ...report, error: error ?? `${path}: ${leak}` };
}

function progressOf(
  machine: string,
  parser: LackeyParser,
  options: ReplayHereOptions,
): ((consumedBytes: number, totalBytes: number) => void) | undefined {
  const { onProgress } = options;
  if (onProgress === undefined) return undefined;
  let next = 0;
  return (consumedBytes, totalBytes) => {
    const now = performance.now();
    if (now < next && consumedBytes < totalBytes) return;
    next = now + PROGRESS_MS;
    onProgress({ machine, records: parser.accessCount, consumedBytes, totalBytes });
  };
}

/** The trace's fault, the file's, or a limit of the machine; anything else is ours. */
function isExpected(cause: unknown): boolean {
  return cause instanceof TraceError || cause instanceof ReplayStop || isSystemError(cause) || isRefusal(cause);
}

/** The machine says no, with an errno; MM_ codes are misuse, so ours. */
function isRefusal(cause: unknown): cause is MmError {
  return cause instanceof MmError && !cause.code.startsWith('MM_');
}

function isSystemError(cause: unknown): cause is NodeJS.ErrnoException {
  return cause instanceof Error && 'syscall' in cause && 'code' in cause;
}

function reasonOf(cause: unknown, line: number): string {
  if (cause instanceof TraceError || cause instanceof ReplayStop) return cause.message;
  if (isRefusal(cause)) return `line ${line}: the machine answers ${cause.message}`;
  if (isSystemError(cause)) return `line ${line}: the file cannot be read (${cause.message})`;
  const message = cause instanceof Error ? cause.message : String(cause);
  return `line ${line}: internal error: ${message.split('\n', 1)[0]}`;
}

/** What must be the same before the first process and after the last. */
interface Holdings {
  readonly freePages: number;
  readonly tables: number;
}

function holdings({ machine }: Replayer): Holdings {
  return { freePages: machine.freePages, tables: machine.kernel.tablesInUse.reduce((sum, n) => sum + n, 0) };
}

/** Ends the processes; says so if a frame or a table does not come back. */
function leakOf(replayer: Replayer, atStart: Holdings): string | null {
  replayer.finish();
  const { machine } = replayer;
  // What only a batch for the LRU lists or the swap cache still holds is nobody's.
  machine.drainBatches();
  for (const area of machine.kernel.swap.areas) if (area !== null) machine.swapOff(area.type);
  const { freePages, tables } = holdings(replayer);
  if (freePages === atStart.freePages && tables === atStart.tables) return null;
  const frames = atStart.freePages - freePages;
  return `internal error: after the last process ended, ${frames} frames and ${tables - atStart.tables} page tables are not free`;
}
