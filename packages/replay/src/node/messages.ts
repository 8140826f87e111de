/** What a pool and its worker threads say to each other. */
import type { MachineReport } from '../engine/report.js';
import type { ReplayProgress, ReplaySettings } from './replay-here.js';

/** To a worker: replay this. It has one job at a time. */
export interface JobMessage {
  readonly path: string;
  readonly machine: string;
  readonly settings: ReplaySettings;
}

/** From a worker; `report` and `failure` end the job. */
export type WorkerMessage =
  | { readonly kind: 'progress'; readonly progress: ReplayProgress }
  | { readonly kind: 'bug'; readonly stack: string }
  | { readonly kind: 'report'; readonly report: MachineReport }
  | { readonly kind: 'failure'; readonly message: string; readonly stack: string };
