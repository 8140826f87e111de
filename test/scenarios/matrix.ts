/**
 * Scenarios on every machine, audited after every operation. `shared/` holds lines recorded on a real x86-64 kernel;
 * the lines of `cases/` were written by hand from the reference behaviour (each says from where), not taken from a run.
 * The files of machines beside this one run side by side.
 */
import { x86_64 } from '@fourfold/arch-x86';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { runScenario } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { comparable, scenariosIn } from './support.js';

const TMPFS = tmpfs({ nr_blocks: 0, nr_inodes: 0 });

export function describeScenarios(machines: readonly ArchDescriptor[]): void {
  describe.each(['shared', 'cases'])('%s', (folder) => {
    for (const { name, text, expected } of scenariosIn(folder)) {
      for (const arch of machines) {
        const which = arch === x86_64 ? 'every line' : 'every line but what its page size decides';
        test(`${name} on ${arch.name}: ${which}`, () => {
          const { lines } = runScenario(text, { arch, tmpfs: TMPFS, name, check: true });
          // Where its processes run is nothing a program can see.
          expect(runScenario(text, { arch, tmpfs: TMPFS, name, cpus: 3 }).lines).toEqual(lines);
          const { pageSize } = arch.geometry;
          if (arch === x86_64) expect(lines).toEqual(expected);
          else expect(comparable(lines, pageSize)).toEqual(comparable(expected, x86_64.geometry.pageSize));
        });
      }
    }
  });
}
