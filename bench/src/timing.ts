/** Clock and statistics of the measurements. */
import { hrtime } from 'node:process';

/** Nanoseconds of one call. */
export function time(run: () => void): number {
  const start = hrtime.bigint();
  run();
  return Number(hrtime.bigint() - start);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}
