/**
 * Random programs on every machine against the slow model: every load and store agrees, the audit is clean after every
 * operation, and after the last exit every frame and every table is back.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootTables } from '../support/boot.js';
import { MACHINES } from '../support/machines.js';
import { step, World } from '../support/random-program.js';

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test.each([1, 2])('random programs agree with the slow model and leave nothing behind (%i CPUs)', (cpus) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
        const world = new World(arch, cpus);
        for (const s of steps) {
          world.run(s);
          world.machine.check();
        }
        world.compareAll();
        world.machine.check();
        for (const { real } of world.pairs) real.exit();
        world.inode.destroy();
        world.machine.check();
        expect([...world.machine.kernel.tablesInUse]).toEqual(bootTables(world.machine.arch));
        expect(world.machine.freePages).toBe(world.freeAtStart);
      }),
      { numRuns: 100 },
    );
  });
});
