/** What a rule about later kernels is made of (eras.ts): a difference, what it may explain, and how it looks at the scenario. */
import type { ResultLine } from './result-line.js';

/** The first line that differs, and what led to it. */
export interface Difference {
  readonly native: ResultLine;
  readonly ours: ResultLine;
  /** Native results before it. */
  readonly before: readonly ResultLine[];
  /** The scenario's lines up to it. */
  readonly source: readonly string[];
}

/** The number of the line to leave out, `counts` when the line agrees but for what is known to differ, or null. */
export type Explanation = number | 'counts' | null;

/** A rule. */
export interface Era {
  readonly what: string;
  explain(difference: Difference): Explanation;
}

/** Bytes of a page, and of a huge page, of the machine that both sides are. */
export const PAGE = 4096;
const HUGE = 2 ** 21;

/** Operations that store, that load, and that show what is mapped. */
export const STORES: readonly string[] = ['write', 'fill', 'rmw', 'kwrite'];
export const LOADS: readonly string[] = ['read', 'bytes', 'sum', 'kread', 'call', 'mlock'];
export const LOOKS: readonly string[] = [...LOADS, 'pages', 'share', 'stat', 'mark', 'same'];
/** A result that is an error. */
export const ERRNO = /^E[A-Z]+$/;

/** Leaves the line itself out when the test holds. */
export function line(what: string, holds: (difference: Difference) => boolean): Era {
  return { what, explain: (difference) => (holds(difference) ? difference.native.number : null) };
}

/** The line agrees but for its fault counts, or what the test knows of, when the test holds. */
export function counts(what: string, holds: (difference: Difference) => boolean): Era {
  return { what, explain: (difference) => (holds(difference) ? 'counts' : null) };
}

/** Leaves out a line before, to which the difference goes back. */
export function earlier(what: string, isCause: (result: ResultLine, difference: Difference) => boolean): Era {
  return {
    what,
    explain: (difference) => difference.before.find((result) => isCause(result, difference))?.number ?? null,
  };
}

/** Whether the scenario has such a line so far. */
export function has({ source }: Difference, pattern: RegExp): boolean {
  return source.some((text) => pattern.test(text));
}

/** Bytes of a number as scenarios write it; NaN for what is none. */
export function bytesOf(word: string | undefined): number {
  if (word === undefined) return Number.NaN;
  if (word === 'max') return 2 ** 64;
  if (word.startsWith('0x')) return Number(word);
  const [, pages, huge, more] = /^(\d+)(h?)(?:\+(\d+))?$/.exec(word) ?? [];
  return Number(pages) * (huge === 'h' ? HUGE : PAGE) + Number(more ?? 0);
}

/** Size of a file in bytes after these results. */
export function fileBytes(name: string, results: readonly ResultLine[]): number {
  let size = 0;
  for (const { op, text, result } of results) {
    const [, file, number] = text.split(' ') as [string, string, string];
    if (file !== name || result !== 'ok') continue;
    if (op === 'file' || op === 'ftruncate') size = bytesOf(number);
    if (op === 'fwrite') size = Math.max(size, bytesOf(number) + 1);
  }
  return size;
}

/** Whether a line's first address lies in or shortly before what the scenario mapped with huge pages so far. */
export function meetsHuge({ op, text }: ResultLine, source: readonly string[]): boolean {
  const at = bytesOf(text.split(' ')[op === 'shmat' ? 2 : 1]);
  return source.some((line) => {
    const [, place] = /\b(?:mmap|shmat \S+) (\d+h?)(?:\+\d+)? .*/.exec(/huge| h\d|shmat/.test(line) ? line : '') ?? [];
    const from = place === undefined ? Number.NaN : bytesOf(place);
    return at >= from - HUGE && at < from + 2 * HUGE;
  });
}

/** Faults of a result that has them. */
export function faultsOf({ faults }: ResultLine): readonly [minor: number, major: number] {
  return faults ?? [0, 0];
}
