/** What a machine watches while it runs, beside the audits that are asked for. */

/** What to watch. */
export interface MachineChecks {
  /** The flush ledger: every weakened entry is flushed from every CPU that may hold it, in time. */
  readonly flushes?: boolean;
  /** Every TLB hit gives what the tables give. */
  readonly hits?: boolean;
}

let byDefault: Required<MachineChecks> = { flushes: false, hits: false };

/** What machines watch whose options say nothing of it: nothing, unless `watchByDefault` was called. */
export function defaultChecks(): Required<MachineChecks> {
  return byDefault;
}

/** From now on machines watch this unless their options say otherwise: for a test suite. */
export function watchByDefault(checks: MachineChecks): void {
  byDefault = { flushes: checks.flushes ?? false, hits: checks.hits ?? false };
}
