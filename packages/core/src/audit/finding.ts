/** What the parts of the audit report, and how. */

/** One broken invariant. */
export interface Finding {
  /** Number in generic-mm section 20, such as `F3`. */
  readonly invariant: string;
  readonly message: string;
}

/** How an audit reports: invariant number and message. */
export type Say = (invariant: string, message: string) => void;
