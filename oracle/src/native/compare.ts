/** Runs scenarios on the kernel and on the simulated x86_64, and looks for the first line that nothing explains. */
import { x86_64 } from '@fourfold/arch-x86';
import { runScenario } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import { explained } from './eras.js';
import { parseResult } from './result-line.js';

/** What runs scenarios on a kernel. */
export interface KernelRuns {
  /** The result lines of each scenario. */
  record(texts: readonly string[]): string[][];
}

/** A line on which the kernel and the simulation disagree. */
export interface Disagreement {
  readonly native: string;
  readonly ours: string;
}

/** What came of one scenario. */
export interface Compared {
  /** The scenario as it was compared last: lines that the eras do differently have become comments. */
  readonly text: string;
  /** Lines that were left out. */
  readonly leftOut: number;
  /** Null when every line agrees. */
  readonly disagreement: Disagreement | null;
}

const TMPFS = tmpfs({ nr_blocks: 0, nr_inodes: 0 });

/** Compares scenarios; those in which a line was left out are run again without it until they agree or really disagree. */
export function compareAll(kernel: KernelRuns, texts: readonly string[]): Compared[] {
  const compared: Compared[] = texts.map((text) => ({ text, leftOut: 0, disagreement: null }));
  let open = compared.map((_, i) => i);
  while (open.length > 0) {
    const recorded = kernel.record(open.map((i) => (compared[i] as Compared).text));
    open = open.filter((i, nth) => {
      const { text, leftOut } = compared[i] as Compared;
      const first = firstDifference(text, recorded[nth] as string[], simulate(text));
      const again = typeof first === 'number';
      compared[i] = again
        ? { text: without(text, first), leftOut: leftOut + 1, disagreement: null }
        : { text, leftOut, disagreement: first };
      return again;
    });
  }
  return compared;
}

/** The same disagreement in as few lines as leaving out can make it. */
export function shrink(kernel: KernelRuns, { text, disagreement }: Compared): Compared {
  let smallest: Compared = { text, leftOut: 0, disagreement };
  for (let size = Math.ceil(lines(text).length / 2); size >= 1; ) {
    const all = lines(smallest.text);
    const pieces: string[] = [];
    for (let at = 0; at < all.length; at += size)
      pieces.push([...all.slice(0, at), ...all.slice(at + size)].join('\n'));
    const smaller = compareAll(kernel, pieces).find((one) => isSame(one.disagreement, disagreement));
    if (smaller !== undefined) smallest = smaller;
    else if (size === 1) break;
    else size = Math.ceil(size / 2);
  }
  return smallest;
}

function isSame(a: Disagreement | null, b: Disagreement | null): boolean {
  return a !== null && b !== null && opOf(a) === opOf(b);
}

function opOf({ native, ours }: Disagreement): string {
  return (native === '' ? ours : native).split(' ')[2] as string;
}

/** The disagreement, the number of a line to leave out, or null. */
function firstDifference(
  text: string,
  native: readonly string[],
  ours: readonly string[],
): Disagreement | number | null {
  for (let i = 0; i < Math.max(native.length, ours.length); i++) {
    const theirs = native[i] ?? '';
    const line = ours[i] ?? '';
    if (theirs === line) continue;
    if (theirs === '' || line === '' || line.startsWith(BROKEN)) return { native: theirs, ours: line };
    const parsed = parseResult(theirs);
    const explanation = explained({
      native: parsed,
      ours: parseResult(line),
      before: native.slice(0, i).map(parseResult),
      source: text.split('\n').slice(0, parsed.number).map(withoutComment),
    });
    if (explanation === null) return { native: theirs, ours: line };
    if (explanation !== 'counts') return explanation;
  }
  return null;
}

/** What a line says; nothing of one that was left out. */
function withoutComment(line: string): string {
  return line.replace(/#.*/, '');
}

const BROKEN = 'the simulation ended: ';

/** Our result lines; a simulation that breaks ends them with a line that says so. */
function simulate(text: string): string[] {
  const results: string[] = [];
  try {
    runScenario(text, { arch: x86_64, tmpfs: TMPFS, onLine: (line) => results.push(line) });
  } catch (error) {
    results.push(`${BROKEN}${error instanceof Error ? error.message : String(error)}`);
  }
  return results;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** A scenario with one line made a comment, so that the others keep their numbers. */
function without(text: string, number: number): string {
  return text
    .split('\n')
    .map((line, i) => (i === number - 1 ? `# ${line}` : line))
    .join('\n');
}
