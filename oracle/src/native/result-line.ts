/** A result line taken apart: number, process, operation, result and fault counts. */

export interface ResultLine {
  readonly number: number;
  readonly process: string;
  /** The operation as written. */
  readonly text: string;
  /** Its first word. */
  readonly op: string;
  readonly result: string;
  /** Minor and major faults; null where the line has none. */
  readonly faults: readonly [minor: number, major: number] | null;
}

const FORM = /^(\d+) (\w+) (.*?) -> (.*?)(?: \| (\d+) (\d+))?$/;

/** @throws Error for what is no result line */
export function parseResult(line: string): ResultLine {
  const parts = FORM.exec(line);
  if (parts === null) throw new Error(`no result line: ${line}`);
  const [, number, process, text, result, minor, major] = parts as unknown as string[];
  return {
    number: Number(number),
    process: process as string,
    text: text as string,
    op: (text as string).split(' ')[0] as string,
    result: result as string,
    faults: minor === undefined ? null : [Number(minor), Number(major)],
  };
}
