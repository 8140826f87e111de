// Test helpers: everything a parser delivers as one flat list, and a printer of the text form that knows nothing of the parser.

import { LackeyParser } from '../../src/trace/lackey.js';
import type { SyscallArg, SyscallRecord, SyscallResult } from '../../src/trace/syscall-record.js';
import { TraceError } from '../../src/trace/trace-error.js';
import type { TraceWarning } from '../../src/trace/warnings.js';

export interface FlatAccess {
  readonly kind: number;
  readonly address: bigint;
  readonly size: number;
  readonly line: number;
  readonly pid: number;
  readonly tid: number;
}

export type FlatRecord = FlatAccess | SyscallRecord;

export interface Collected {
  readonly records: FlatRecord[];
  readonly error: TraceError | undefined;
  readonly warnings: readonly TraceWarning[];
  readonly lineCount: number;
}

export function isAccess(record: FlatRecord): record is FlatAccess {
  return 'kind' in record;
}

export function toBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Feeds `text` cut behind each of `cuts`; a TraceError ends it, anything else is thrown. */
export function collect(text: string | Uint8Array, cuts: readonly number[] = [], batchRecords?: number): Collected {
  const bytes = typeof text === 'string' ? toBytes(text) : text;
  const records: FlatRecord[] = [];
  const parser = new LackeyParser(
    {
      accesses(batch) {
        for (let i = 0; i < batch.count; i++) {
          const { pid, tid } = batch;
          const line = batch.firstLine + i;
          records.push({ kind: batch.kind[i]!, address: batch.addressOf(i), size: batch.size[i]!, line, pid, tid });
        }
      },
      syscall(record) {
        records.push(record);
      },
    },
    { batchRecords },
  );
  let error: TraceError | undefined;
  try {
    let from = 0;
    for (const cut of [...cuts].sort((a, b) => a - b)) {
      parser.feed(bytes.subarray(from, cut));
      from = Math.max(from, cut);
    }
    parser.feed(bytes.subarray(from));
    parser.end();
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    error = thrown;
  }
  return { records, error, warnings: parser.warnings, lineCount: parser.lineCount };
}

/** The calls alone. */
export function callsOf(text: string): SyscallRecord[] {
  const { records, error } = collect(text);
  if (error !== undefined) throw error;
  return records.filter((record): record is SyscallRecord => !isAccess(record));
}

export const COLUMNS = ['I ', ' L', ' S', ' M'] as const;

export function printAccess(kind: number, address: bigint, size: number): string {
  return `${COLUMNS[kind]} ${address.toString(16).padStart(8, '0')},${size}`;
}

export function printResult(result: SyscallResult): string {
  return 'ok' in result ? `Success(0x${result.ok.toString(16)})` : `Failure(0x${result.err.toString(16)})`;
}

export function printArgs(args: readonly SyscallArg[], texts: readonly (string | undefined)[]): string {
  return args.map((arg, i) => (texts[i] === undefined ? `${arg}` : `0x${arg.toString(16)}(${texts[i]})`)).join(', ');
}
