/** Who listens to the purges of a TLB: told before each, whether something is there to drop or not, and after it. */
export interface TlbWatch {
  /** Pages [first, end) of the TLB will go under a context, and the global ones among them. */
  dropping(first: number, end: number, context: number): void;
  /** A whole context will go. */
  droppingContext(context: number): void;
  /** All will go; with `keepGlobal` all but the global translations. */
  droppingAll(keepGlobal: boolean): void;
  /** The purge announced last dropped so many translations. */
  dropped(count: number): void;
}
