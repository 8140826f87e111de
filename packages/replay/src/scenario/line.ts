/** One line of a scenario cut into its parts: `[~ ][P: ]op args [# comment]`. */
import { ScenarioError } from './scenario-error.js';

/** Where a line stands, for messages. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface ScenarioLine extends Place {
  /** `~`: the result line leaves its fault counts out. */
  readonly quiet: boolean;
  /** Process label; `A` when the line names none. */
  readonly process: string;
  /** The operation as written, without `~`, label and comment: what the result line repeats. */
  readonly text: string;
  readonly op: string;
  readonly args: readonly string[];
}

/** A label: at most three characters, the first one a letter. */
export const LABEL: RegExp = /^[A-Za-z_][A-Za-z0-9_]{0,2}$/;

/** A message shows no more of a word. */
const SHOWN_CHARS = 60;

/**
 * Cuts a line up; null for a blank line and one with a comment only.
 * @throws ScenarioError for a label that is none, or a line that names a process but no operation.
 */
export function splitLine(source: string, at: Place): ScenarioLine | null {
  const hash = source.indexOf('#');
  let rest = (hash < 0 ? source : source.slice(0, hash)).trim();
  if (rest === '') return null;
  const quiet = /^~\s/.test(rest) || rest === '~';
  if (quiet) rest = rest.slice(1).trim();
  let process = 'A';
  const named = /^([^\s:]*):(?:\s+|$)/.exec(rest);
  if (named !== null) {
    process = named[1] as string;
    if (!LABEL.test(process)) throw syntax(at, 'a process label of one to three letters and digits', `'${process}:'`);
    rest = rest.slice(named[0].length);
  }
  const [op, ...args] = rest.split(/\s+/) as [string, ...string[]];
  if (op === '') throw syntax(at, 'an operation', 'the end of the line');
  return { ...at, quiet, process, text: rest, op, args };
}

/** A line that is not a scenario's. */
export function syntax(at: Place, expected: string, came: string): ScenarioError {
  const shown = came.length > SHOWN_CHARS ? `${came.slice(0, SHOWN_CHARS)}...` : came;
  return new ScenarioError({ kind: 'syntax', file: at.file, line: at.line, expected, came: shown });
}

/** A line that needs what the machine was not given; `what` names it. */
export function unsupported(at: Place, what: string, came: string): ScenarioError {
  return new ScenarioError({
    kind: 'unsupported',
    file: at.file,
    line: at.line,
    expected: `a machine with ${what}, which this one does not have`,
    came,
  });
}
