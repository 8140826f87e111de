/**
 * Any TLB in the place of a machine's own, as `--tlb` gives it: random units, sets, ways, page sizes and chains, shared by
 * instructions and data or not, one level or three. What a program reads never depends on it, no translation is stale, and
 * the identities between the counters hold.
 */
import { type ArchDescriptor, MmError, type TlbShape, type TlbUnitSpec } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';
import { checkMisses } from '../support/misses.js';
import { type Step, step, World } from '../support/random-program.js';

const SIZES = fc.record({ sets: fc.constantFrom(1, 2, 3, 8, 64), ways: fc.constantFrom(1, 2, 3, 7, 32) });

/** Units that take every page size, base pages alone, or huge pages alone; a chain asks some of them. */
function shapeFor(arch: ArchDescriptor): fc.Arbitrary<TlbShape> {
  const base = arch.tlbPageShift;
  const huge = arch.huge?.shift ?? base;
  const kinds = { any: {}, base: { largest: base }, huge: { smallest: huge } };
  const unit = fc
    .tuple(SIZES, fc.constantFrom('any' as const, 'any' as const, 'base' as const, 'huge' as const))
    .map(([sizes, kind]): Omit<TlbUnitSpec, 'name'> => ({ ...sizes, ...kinds[kind] }));
  return fc
    .record({
      units: fc.array(unit, { minLength: 1, maxLength: 5 }),
      exec: fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
      data: fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
    })
    .map(({ units, exec, data }) => ({
      units: units.map((spec, i) => ({ name: `unit ${i}`, ...spec })),
      exec: chain(exec, units.length),
      data: chain(data, units.length),
    }))
    .filter((shape) => suits(arch, shape));
}

function chain(of: readonly number[], units: number): number[] {
  return [...new Set(of.map((u) => u % units))];
}

function suits(arch: ArchDescriptor, tlb: TlbShape): boolean {
  try {
    arch.with({ tlb });
    return true;
  } catch (error) {
    if (error instanceof MmError && error.code === 'MM_TLB') return false;
    throw error;
  }
}

function run(arch: ArchDescriptor, cpus: number, steps: readonly Step[]): number[] {
  const world = new World(arch, cpus);
  for (const s of steps) world.run(s);
  world.machine.check();
  world.compareAll();
  world.machine.check();
  const c = world.machine.counters.snapshot();
  checkMisses(arch, c);
  return [c.minorFaults, c.majorFaults, c.copyFaults, c.pagesCopied];
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('has the same faults with any TLB, and nothing stale', () => {
    fc.assert(
      fc.property(
        shapeFor(arch),
        fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.constantFrom(1, 2),
        (tlb, steps, cpus) => {
          const other = arch.with({ tlb });
          expect(other.tlb.units).toEqual(tlb.units);
          expect(run(other, cpus, steps)).toEqual(run(arch, cpus, steps));
        },
      ),
      { numRuns: 60 },
    );
  });
});
