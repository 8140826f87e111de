/**
 * How much more is flushed than was owed. Over-flushing is legal where the port over-flushed; here it is counted, by the
 * operation that flushed.
 */

/** Purges of one operation, over all CPUs. */
export interface OverFlushLine {
  readonly operation: string;
  /** Purges of TLBs, and those of them that discharged nothing. */
  purges: number;
  idlePurges: number;
  /** Translations dropped, and those of them that were owed: that gave more than the tables did. */
  dropped: number;
  owed: number;
}

export class OverFlush {
  /** The operation under way. */
  operation = 'outside of calls';
  private readonly lines = new Map<string, OverFlushLine>();
  private line: OverFlushLine | null = null;

  /** A purge that discharges `discharged` obligations, and finds translations of `owed` of them in the TLB. */
  purge(discharged: number, owed: number): void {
    const line = this.lineOf(this.operation);
    line.purges++;
    if (discharged === 0) line.idlePurges++;
    line.owed += owed;
    this.line = line;
  }

  /** What the purge noted last dropped. */
  dropped(count: number): void {
    if (this.line !== null) this.line.dropped += count;
  }

  /** What every operation flushed, in order of the first. */
  report(): OverFlushLine[] {
    return [...this.lines.values()].map((line) => ({ ...line }));
  }

  private lineOf(operation: string): OverFlushLine {
    let line = this.lines.get(operation);
    if (line === undefined) {
      line = { operation, purges: 0, idlePurges: 0, dropped: 0, owed: 0 };
      this.lines.set(operation, line);
    }
    return line;
  }
}
