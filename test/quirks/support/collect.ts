/** Reads what the files of test/quirks state, without running it. */
import { existsSync, readdirSync } from 'node:fs';
import { collectOnly, type Port, type QuirkTest } from './quirk.js';
import type { Sheet } from './sheet.js';

const FOLDER = new URL('../', import.meta.url);

/** What one file states. */
export interface Entry {
  /** Below test/quirks. */
  readonly file: string;
  readonly given: QuirkTest;
}

/** A sentence and where it is said. */
export interface Said {
  readonly sentence: string;
  readonly entry: Entry;
}

/** The quirks of a port, by file. */
export async function collect(port: Port): Promise<Entry[]> {
  collectOnly();
  const files = readdirSync(new URL(`${port}/`, FOLDER))
    .filter((name) => name.endsWith('.test.ts'))
    .sort();
  return Promise.all(
    files.map(async (name) => {
      const file = `${port}/${name}`;
      return { file, given: (await read(file)) as QuirkTest };
    }),
  );
}

/** The sheet of a port. */
export async function collectSheet(port: Port): Promise<Sheet | null> {
  const file = `${port}/sheet.ts`;
  return existsSync(new URL(file, FOLDER)) ? ((await read(file)) as Sheet) : null;
}

/** The sentences that begin so; a whole one counts alone. */
export function sentencesOf(entries: readonly Entry[], beginning: string): Said[] {
  const all = entries.flatMap((entry) => Object.keys(entry.given.quirks).map((sentence) => ({ sentence, entry })));
  const whole = all.filter(({ sentence }) => sentence === beginning);
  return whole.length > 0 ? whole : all.filter(({ sentence }) => sentence.startsWith(beginning));
}

async function read(file: string): Promise<unknown> {
  return ((await import(new URL(file, FOLDER).href)) as { default: unknown }).default;
}
