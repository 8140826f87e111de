/** What the parts of the audit report, and how. */

/** One broken invariant. */
export interface Finding {
  /** Number in generic-mm section 20, such as `F3`. */
  readonly invariant: string;
  readonly message: string;
}

/** How an audit reports: invariant number and message. */
export type Say = (invariant: string, message: string) => void;

/** A subsystem that plugs into core and has truths of its own: the audit asks it, as it recounts everything itself. */
export interface AuditedPart {
  /** Pages of vm_committed_space that its objects carry (F9). */
  charged(): number;
  /** Calls `own` once for each reference it holds to a frame outside the page cache (F2, F22). */
  ownedFrames(own: (page: number) => void): void;
  /** Reports its own broken invariants. */
  audit(say: Say): void;
}
