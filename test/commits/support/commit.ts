/**
 * How a test of test/commits states what one commit of the reference brought. Each acceptance scenario is an outcome: a
 * function of a machine that answers a value, the value expected, and, where the commit can be taken out, the value
 * without it. The same outcomes are run by the tests of every machine and by the page that lists them
 * (docs/commits.md, kept by test/docs/commits.test.ts).
 */
import { Machine, type MachineOptions } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../../support/machines.js';

/** The machine an outcome runs on: its descriptor, and the commit left out or not. */
export interface Bench {
  readonly arch: ArchDescriptor;
  /** A machine of it; `without` is set when the commit is left out. */
  machine(options?: Omit<MachineOptions, 'arch' | 'without'>): Machine;
}

/** One acceptance scenario. `expected` and `without` are values, or functions where machines differ. */
export interface Outcome {
  readonly run: (bench: Bench) => unknown;
  readonly expected: unknown;
  /** What comes out with the commit taken out; absent where that is no question. */
  readonly without?: unknown;
  /** Machines it concerns; default those of the commit. */
  readonly machines?: readonly MachineName[];
}

/** One commit, or a group that made one change. */
export interface CommitTest {
  /** First ten digits; several for a group. */
  readonly commits: readonly string[];
  /** Machines it concerns; default all. */
  readonly machines?: readonly MachineName[];
  /** By a sentence each: what comes out. The first one is shown on the page. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

let collecting = false;

/** From now on `commit` only answers what it was given: for the page, which runs the outcomes itself. */
export function collectOnly(): void {
  collecting = true;
}

/** Machines an outcome runs on. */
export function machinesOf(given: CommitTest, outcome: Outcome): readonly ArchDescriptor[] {
  const names: readonly string[] | undefined = outcome.machines ?? given.machines;
  return names === undefined ? MACHINES : MACHINES.filter((arch) => names.includes(arch.name));
}

/** What an outcome gives on one machine. */
export function runOutcome(outcome: Outcome, arch: ArchDescriptor, without: readonly string[]): unknown {
  return outcome.run({ arch, machine: (options = {}) => new Machine({ arch, ...options, without }) });
}

/** The value for one machine of what may be a function of it. */
export function valueFor(value: unknown, arch: ArchDescriptor): unknown {
  return typeof value === 'function' ? (value as (arch: ArchDescriptor) => unknown)(arch) : value;
}

/** States what commits brought: a test a machine and outcome, and another with the commit taken out. */
export function commit(given: CommitTest): CommitTest {
  if (collecting) return given;
  for (const [what, outcome] of Object.entries(given.outcomes)) {
    describe(what, () => {
      for (const arch of machinesOf(given, outcome)) {
        test(arch.name, () => {
          expect(runOutcome(outcome, arch, [])).toEqual(valueFor(outcome.expected, arch));
        });
        if (outcome.without === undefined) continue;
        test(`${arch.name}, without ${given.commits.join(' and ')}`, () => {
          const got = runOutcome(outcome, arch, given.commits);
          expect(got).toEqual(valueFor(outcome.without, arch));
          expect(got).not.toEqual(valueFor(outcome.expected, arch));
        });
      }
    });
  }
  return given;
}
