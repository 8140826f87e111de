/** What translation has cost on a machine, by cause: its counters at the prices of its cost table. */
import type { CounterName, Machine } from '@fourfold/core';
import { COST_NAMES, type CostName } from '@fourfold/core/arch';

/** What was spent on one cause. */
export interface CostLine {
  readonly cause: CostName;
  /** How often. */
  readonly count: number;
  /** Cycles, of all of them. */
  readonly cycles: number;
}

type Counts = Readonly<Record<CounterName, number>>;

/** How often each thing was done that a cost table prices. */
const COUNT_OF: Readonly<Record<CostName, (c: Counts) => number>> = {
  secondLevelHit: (c) => c.tlbExecMisses - c.tlbExecMisses2 + (c.tlbDataMisses - c.tlbDataMisses2),
  walkReference: (c) => c.walkReferences,
  softwareFill: (c) => c.softwareFills + c.nestedFills,
  assist: (c) => c.dirtyAssists + c.accessAssists,
  trap: (c) => c.minorFaults + c.majorFaults + c.signals,
  purge: (c) => c.purges,
  ipi: (c) => c.ipis,
  contextSwitch: (c) => c.contextSwitches,
  copyPage: (c) => c.pagesCopied,
  clearPage: (c) => c.pagesCleared,
};

/** Every cause there is, those that cost nothing included. */
export function costsOf(machine: Machine): CostLine[] {
  const { cost } = machine.arch;
  const counts = machine.counters.snapshot();
  return COST_NAMES.map((cause) => {
    const count = COUNT_OF[cause](counts);
    return { cause, count, cycles: count * cost[cause] };
  });
}

/** Estimated translation cycles: the sum of the causes. */
export function cyclesOf(machine: Machine): number {
  return costsOf(machine).reduce((sum, { cycles }) => sum + cycles, 0);
}
