/** One trace file on several machines, side by side. */
import type { MachineReport } from '../engine/report.js';
import { type PoolOptions, type PoolReplayOptions, ReplayPool } from './pool.js';

export interface ReplayFileOptions extends PoolOptions, PoolReplayOptions {
  /** Names of machines that the worker module serves. */
  readonly machines: readonly string[];
}

/**
 * Replays a trace file on machines, each in a thread of its own; reports come in the order of `machines`.
 * @throws Error as ReplayPool.replay does.
 */
export async function replayFile(path: string, options: ReplayFileOptions): Promise<MachineReport[]> {
  const pool = new ReplayPool(options);
  try {
    return await Promise.all(options.machines.map((machine) => pool.replay(path, machine, options)));
  } finally {
    await pool.close();
  }
}
