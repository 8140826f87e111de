/**
 * Scenarios on every machine, audited after every operation. `shared/` holds lines recorded on a real x86-64 kernel;
 * the lines of `cases/` were written by hand from the reference behaviour (each says from where), not taken from a run.
 * The files of machines beside this one run side by side.
 */
import { x86_64 } from '@fourfold/arch-x86';
import { type ArchDescriptor, VM_EXEC } from '@fourfold/core/arch';
import { runScenario } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { comparable, scenariosIn } from './support.js';

const TMPFS = tmpfs({ nr_blocks: 0, nr_inodes: 0 });

/** @param otherwise by scenario, the lines that are others on these machines; the first word of a line is its number */
export function describeScenarios(
  machines: readonly ArchDescriptor[],
  otherwise: Readonly<Record<string, readonly string[]>> = {},
): void {
  describe.each(['shared', 'cases'])('%s', (folder) => {
    for (const { name, text, expected: recorded } of scenariosIn(folder)) {
      const expected = exchanged(recorded, otherwise[name] ?? []);
      for (const arch of machines) {
        const which = arch === x86_64 ? 'every line' : 'every line but what its page size decides';
        test(`${name} on ${arch.name}: ${which}`, () => {
          const { lines } = runScenario(text, { arch, tmpfs: TMPFS, name, check: true });
          // Where its processes run is nothing a program can see.
          expect(runScenario(text, { arch, tmpfs: TMPFS, name, cpus: 3 }).lines).toEqual(lines);
          const { pageSize } = arch.geometry;
          if (arch === x86_64) expect(lines).toEqual(expected);
          else
            expect(comparable(lines, pageSize)).toEqual(
              comparable(withHeapOf(arch, expected), x86_64.geometry.pageSize),
            );
        });
      }
    }
  });
}

/** `lines` with some exchanged for others of the same number. */
function exchanged(lines: readonly string[], others: readonly string[]): string[] {
  const number = (line: string): string => line.split(' ', 1)[0] as string;
  const byNumber = new Map(others.map((line) => [number(line), line]));
  return lines.map((line) => byNumber.get(number(line)) ?? line);
}

/** The heap may be executed where all data may. */
function withHeapOf(arch: ArchDescriptor, lines: readonly string[]): readonly string[] {
  return (arch.dataFlags & VM_EXEC) === 0 ? lines : lines.map((line) => line.replace(' rw-p heap', ' rwxp heap'));
}
