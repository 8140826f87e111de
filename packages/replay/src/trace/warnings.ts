// What is odd in a trace but does not stop its reading: counted by kind, with the first place of each.

export type WarningCode =
  /** An asynchronous call whose return never came: interrupted by a signal, or the trace ends. */
  | 'unreturned-call'
  /** The return of an asynchronous call whose entry is not in the trace. */
  | 'return-without-entry'
  /** A call that has neither a result nor a reason for having none. */
  | 'no-result'
  /** Lines that end in carriage return and line feed. */
  | 'crlf'
  /** The last line has no line end; it is complete as far as can be told, and was taken. */
  | 'no-line-end'
  /** Bytes behind the compressed data that are none; they were passed over. */
  | 'trailing-bytes';

export interface TraceWarning {
  readonly code: WarningCode;
  /** How often. */
  readonly count: number;
  /** Where first, counted from 1. */
  readonly line: number;
  /** What was there, cut to a line's width. */
  readonly text: string;
}

const TEXT_CHARS = 80;

export class WarningLog {
  readonly #byCode = new Map<WarningCode, { code: WarningCode; count: number; line: number; text: string }>();

  add(code: WarningCode, line: number, text: string): void {
    const known = this.#byCode.get(code);
    if (known !== undefined) known.count++;
    else this.#byCode.set(code, { code, count: 1, line, text: text.slice(0, TEXT_CHARS) });
  }

  list(): readonly TraceWarning[] {
    return [...this.#byCode.values()].map((warning) => ({ ...warning }));
  }
}
