/** Scenario files of the matrix: reading them, and what of a result depends on the machine. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ScenarioFile {
  readonly name: string;
  readonly text: string;
  readonly expected: readonly string[];
}

/** The scenarios of a folder beside this file, each with its expected lines. */
export function scenariosIn(folder: string): ScenarioFile[] {
  const path = join(import.meta.dirname, folder);
  return readdirSync(path)
    .filter((file) => file.endsWith('.mm'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.mm'.length),
      text: readFileSync(join(path, file), 'utf8'),
      expected: readFileSync(join(path, file.replace(/\.mm$/, '.expected')), 'utf8')
        .trimEnd()
        .split('\n'),
    }));
}

/** Result lines without what depends on the machine: `pt=` counts its leaf tables, `size=` is bytes of its pages. */
export function comparable(lines: readonly string[], pageSize: number): string[] {
  return lines.map((line) =>
    line
      .replace(/ pt=\d+/, '')
      .replace(/ size=(\d+)/, (size, bytes) => (bytes % pageSize === 0 ? ` size=${bytes / pageSize} pages` : size)),
  );
}
