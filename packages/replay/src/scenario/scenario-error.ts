/** What ends a scenario run early; a failing operation never does (its errno is a result). */

/**
 * Why a run ended: a line nobody understands (`syntax`), an operation whose subsystem this build lacks (`unsupported`),
 * or a broken invariant of the simulator found after an operation (`audit`).
 */
export type ScenarioErrorKind = 'syntax' | 'unsupported' | 'audit';

export interface ScenarioErrorAt {
  readonly kind: ScenarioErrorKind;
  /** Name of the scenario; printed as the compiler prints a file. */
  readonly file: string;
  /** Counted from 1, blank and comment lines included. */
  readonly line: number;
  readonly expected: string;
  readonly came: string;
}

/** Ends a run; the lines before it have been delivered. */
export class ScenarioError extends Error {
  override readonly name: string = 'ScenarioError';
  readonly kind: ScenarioErrorKind;
  readonly file: string;
  readonly line: number;
  readonly expected: string;
  readonly came: string;

  constructor(at: ScenarioErrorAt) {
    super(`${at.file}:${at.line}: expected ${at.expected}, came ${at.came}`);
    this.kind = at.kind;
    this.file = at.file;
    this.line = at.line;
    this.expected = at.expected;
    this.came = at.came;
  }
}
