/** The test that the files beside this one make of some machines each: so they run side by side. */
import { env } from 'node:process';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { runPressure } from './program.js';

/** `npm run soak` sets these. */
const STEPS = Number(env.FOURFOLD_SOAK_STEPS ?? 10_000);
const SEED = Number(env.FOURFOLD_SOAK_SEED ?? 1);
const AUDIT_EVERY = Number(env.FOURFOLD_SOAK_AUDIT_EVERY ?? 1);

export function describePressure(machines: readonly ArchDescriptor[]): void {
  describe.each(machines.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
    test(`${STEPS} operations short of memory keep every byte and leave nothing behind`, {
      timeout: STEPS * 60,
    }, () => {
      const { swappedOut, swappedIn, short } = runPressure({ arch, seed: SEED, steps: STEPS, auditEvery: AUDIT_EVERY });
      expect({ swapsOut: swappedOut > 0, swapsIn: swappedIn > 0, runsShort: short > 0 }).toEqual({
        swapsOut: true,
        swapsIn: true,
        runsShort: true,
      });
    });
  });
}
