/** The results of replays as JSON: the same reports that the tables show. No clock and no host in it. */
import type { MachineReport } from '@fourfold/replay';

export interface TraceResult {
  readonly trace: string;
  readonly path: string;
  readonly fileBytes: number;
  /** A report a machine, in the order asked for. */
  readonly reports: readonly MachineReport[];
}

export interface ReplaySettingsShown {
  readonly memory: string;
  readonly cold: boolean;
  readonly contents: boolean;
  readonly huge: boolean;
}

export const DOCUMENT_SCHEMA = 'fourfold.replay';
export const DOCUMENT_VERSION = 1;

/** One JSON document, its last line ended. */
export function documentOf(results: readonly TraceResult[], settings: ReplaySettingsShown): string {
  const traces = results.map(({ trace, path, fileBytes, reports }) => ({
    trace,
    path,
    fileBytes,
    ...extentOf(reports),
    machines: reports,
  }));
  return `${JSON.stringify({ schema: DOCUMENT_SCHEMA, version: DOCUMENT_VERSION, settings, traces }, null, 2)}\n`;
}

export interface Extent {
  /** Access records and system calls read, by the machine that came furthest. */
  readonly records: number;
  readonly calls: number;
  readonly isComplete: boolean;
  /** Why it ended. */
  readonly ended: string;
}

/** How far a trace was read. */
export function extentOf(reports: readonly MachineReport[]): Extent {
  const errors = new Set(reports.flatMap(({ error }) => error ?? []));
  return {
    records: reports.reduce((most, { records }) => Math.max(most, records), 0),
    calls: reports.reduce((most, { calls }) => Math.max(most, calls), 0),
    isComplete: reports.length > 0 && errors.size === 0,
    ended: errors.size === 0 ? 'end of the trace' : [...errors].join('; '),
  };
}
