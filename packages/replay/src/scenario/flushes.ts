/** What a run flushed, for people: by operation against what was owed, and by kind of flush and of interrupt. */
import { COUNTER_NAMES, type CounterName, type Machine, type OverFlushLine } from '@fourfold/core';

export interface FlushReport {
  /** Purges of TLBs by the operation that made them. */
  readonly operations: readonly OverFlushLine[];
  /** Flush calls and interrupts between CPUs that came up, by their counters. */
  readonly counts: Readonly<Partial<Record<CounterName, number>>>;
}

const COUNTED: readonly CounterName[] = COUNTER_NAMES.filter((name) => /^(flush|ipi)|^purgedEntries$/.test(name));

/** The report of a machine that keeps a flush ledger. */
export function flushReportOf(machine: Machine): FlushReport {
  const counts: Partial<Record<CounterName, number>> = {};
  for (const name of COUNTED) {
    const count = machine.counters.get(name);
    if (count > 0) counts[name] = count;
  }
  return { operations: machine.kernel.ledger?.overFlushed ?? [], counts };
}
