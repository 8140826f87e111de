/** Exact forms of results: every operation's answer is one of these strings. */
import { BUS_ADRERR, errnoName, FAULT_OOM, SEGV_ACCERR } from '@fourfold/core';
import type { Arena } from './arena.js';
import type { AreaView, Census, Entry } from './inspect.js';
import type { ScenarioLine } from './line.js';
import type { World } from './world.js';

/** `ok`, or the name of a negative errno. */
export function status(result: number): string {
  return result < 0 ? errnoName(result) : 'ok';
}

/** Result of a call that answers a page number; binds the label of a call that succeeded. */
export function placed(world: World, page: number, label: string | null): string {
  if (page < 0) return errnoName(page);
  const address = BigInt(page) * world.arena.pageSize;
  if (label !== null) world.labels.set(label, address);
  return `ok ${world.arena.format(address)}`;
}

/** Name of the signal that ended an access. */
export function signalName(signal: number): string {
  if (signal === BUS_ADRERR) return 'BUS_ADRERR';
  if (signal === SEGV_ACCERR) return 'SEGV_ACCERR';
  return signal === FAULT_OOM ? 'OOM' : 'SEGV_MAPERR';
}

/** `S` or `B`: how `bytes` shows a signal. */
export function signalLetter(signal: number): string {
  return signal === BUS_ADRERR ? 'B' : 'S';
}

/** The result line: number, process, operation as written, result, and the counts unless left out. */
export function resultLine(
  line: ScenarioLine,
  result: string,
  counts: readonly [minor: number, major: number] | null,
): string {
  const tail = counts === null ? '' : ` | ${counts[0]} ${counts[1]}`;
  return `${line.line} ${line.process} ${line.text} -> ${result}${tail}`;
}

/** What `sum` answers for the bytes it loaded. */
export function sumOf(bytes: readonly number[]): string {
  const [first = 0] = bytes;
  if (bytes.every((byte) => byte === first)) return `ok all=${first}`;
  let hash = 17;
  for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) >>> 0;
  return `ok hash=${hash.toString(16).padStart(8, '0')}`;
}

/** `START+PAGES PERMS KIND[@PGOFF] [FLAGS]` of each area, or `none`. */
export function mapsOf(areas: readonly AreaView[], arena: Arena): string {
  if (areas.length === 0) return 'none';
  return areas
    .map((area) => {
      const offset = area.named ? `@${area.pgoff}` : '';
      const flags = area.flags === '' ? '' : ` [${area.flags}]`;
      return `${arena.format(area.start)}+${area.pages} ${area.perms} ${area.kind}${offset}${flags}`;
    })
    .join('; ');
}

/** The line of `stat`. */
export function statOf(counted: Census, tables: number, locked: number): string {
  const { vm, anon, file, shm, zero, swap, huge } = counted;
  return `vm=${vm} anon=${anon} file=${file} shm=${shm} zero=${zero} swap=${swap} huge=${huge} pt=${tables} lck=${locked}`;
}

const LETTERS = { none: '.', zero: 'z', anon: 'A', file: 'F', shm: 'T', swap: 's', huge: 'H' } as const;

/** The letter of `pages`: lower case for a frame that is mapped more than once. */
export function pageLetter(entry: Entry): string {
  const letter = LETTERS[entry.kind];
  return entry.shared ? letter.toLowerCase() : letter;
}

/** Numbers frames in order of appearance for `share`. */
export class FrameNumbers {
  readonly #numbers = new Map<number, number>();

  /** `-`, `z`, `s`, or the letter and number of the frame. */
  label(entry: Entry): string {
    if (entry.kind === 'none') return '-';
    if (entry.page < 0 || entry.kind === 'zero') return LETTERS[entry.kind];
    let number = this.#numbers.get(entry.page);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(entry.page, number);
    }
    return `${LETTERS[entry.kind].toLowerCase()}${number}`;
  }
}
