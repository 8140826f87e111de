/**
 * The identities that every machine's counters obey, over random programs; bundled.test.ts has the bundled traces:
 * - look-ups = hits + misses: one look-up an access, and one more for each fault after which it is tried again;
 * - misses of all levels = what became of them, which differs by machine (`BECAME`);
 * - hits of the second level are no misses of it.
 */
import { Machine, type Process } from '@fourfold/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';
import { type Counts, checkMisses } from '../support/misses.js';

/** Faults after which the access is tried again: all that are no signals. */
function faults(c: Counts): number {
  return c.minorFaults + c.majorFaults;
}

const PAGES = 96;

/** A step of a program: an access to a page of it, a change of rights, a fork, an unmapping, an access into the void. */
const STEP = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom('load', 'store'), page: fc.nat(PAGES - 1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('protect', 'allow', 'unmap'), page: fc.nat(PAGES - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('fork', 'void'), page: fc.nat(PAGES - 1) }) },
);
type Step = { readonly do: string; readonly page: number };

/** Runs a program; answers how many accesses it made, of which how many were signals. */
function run(machine: Machine, steps: readonly Step[]): { accesses: number; signals: number } {
  const size = machine.pageSize;
  const parent = machine.spawn();
  const start = parent.mmap({ length: PAGES * size, prot: 'rw', flags: 'private|anonymous' });
  const processes: Process[] = [parent];
  let accesses = 0;
  let signals = 0;
  const access = (act: () => unknown): void => {
    accesses++;
    try {
      act();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'MemoryFault') throw error;
      signals++;
    }
  };
  for (const [i, step] of steps.entries()) {
    const process = processes[i % processes.length] as Process;
    const at = start + BigInt(step.page * size);
    if (step.do === 'load') access(() => process.load8(at));
    else if (step.do === 'store') access(() => process.store8(at, i & 255));
    else if (step.do === 'void') access(() => process.load8((1n << BigInt(machine.arch.wordBits)) - 4096n));
    else if (step.do === 'protect') tolerate(() => process.mprotect(at, size, 'r'));
    else if (step.do === 'allow') tolerate(() => process.mprotect(at, size, 'rw'));
    else if (step.do === 'unmap') process.munmap(at, size);
    else if (processes.length < 4) processes.push(process.fork());
  }
  return { accesses, signals };
}

/** ENOMEM, where a step before unmapped the page. */
function tolerate(act: () => void): void {
  try {
    act();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOMEM') throw error;
  }
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('random programs: every look-up hits or misses, and every miss becomes something', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 400 }), fc.constantFrom(1, 2), (steps, cpus) => {
        const machine = new Machine({ arch, memory: '64MiB', cpus });
        const { accesses } = run(machine, steps);
        const c = machine.counters.snapshot();
        checkMisses(arch, c);
        expect(c.tlbExecLookups + c.tlbDataLookups).toBe(accesses + faults(c));
      }),
      { numRuns: 25 },
    );
  });
});
