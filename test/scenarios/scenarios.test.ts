/**
 * Scenarios on every machine, audited after every operation. `shared/` holds lines recorded on a real x86-64 kernel;
 * the lines of `cases/` were written by hand from the reference behaviour (each says from where), not taken from a run.
 */
import { x86_64 } from '@fourfold/arch-x86';
import { runScenario } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { comparable, MACHINES, scenariosIn } from './support.js';

const TMPFS = tmpfs({ nr_blocks: 0, nr_inodes: 0 });

for (const folder of ['shared', 'cases']) {
  describe(folder, () => {
    for (const { name, text, expected } of scenariosIn(folder)) {
      test(`${name} on x86_64: every line`, () => {
        expect(runScenario(text, { arch: x86_64, tmpfs: TMPFS, name, check: true }).lines).toEqual(expected);
      });

      for (const arch of MACHINES.filter((machine) => machine !== x86_64)) {
        test(`${name} on ${arch.name}: every line but what its page size decides`, () => {
          const { lines } = runScenario(text, { arch, tmpfs: TMPFS, name, check: true });
          expect(comparable(lines, arch.geometry.pageSize)).toEqual(comparable(expected, x86_64.geometry.pageSize));
        });
      }
    }
  });
}
