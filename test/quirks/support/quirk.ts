/**
 * How a test of test/quirks states what only one port does. Each quirk is a sentence with its source and a test that fails
 * on a machine without it. The same sentences make the pages that list them (docs/quirks, kept by
 * test/docs/quirks.test.ts).
 */
import type { ArchDescriptor } from '@fourfold/core/arch';
import { describe, test } from 'vitest';
import { type MachineName, machine } from '../../support/machines.js';

/** The ports, in the order of the page. */
export const PORTS = ['x86', 'ppc64', 'ia64', 'sparc64'] as const;

export type Port = (typeof PORTS)[number];

/** Machines of each port. */
export const MACHINES_OF: Readonly<Record<Port, readonly MachineName[]>> = {
  x86: ['i386', 'i386-pae', 'x86_64'],
  ppc64: ['ppc64-4k', 'ppc64-64k'],
  ia64: ['ia64-4k', 'ia64-8k', 'ia64-16k', 'ia64-64k'],
  sparc64: ['sparc64-8k', 'sparc64-64k'],
};

/** One quirk, by its sentence in `QuirkTest.quirks`. */
export interface Quirk {
  /** The kernel's file and function, or the manual's chapter. */
  readonly source: string;
  /** Machines that have it; default all of the port. */
  readonly machines?: readonly MachineName[];
  /** Throws where the machine does not have it. */
  readonly holds: (arch: ArchDescriptor) => void;
}

/** The quirks of one file. */
export interface QuirkTest {
  readonly port: Port;
  /** What they are about: the heading on the page. */
  readonly about: string;
  /** By a sentence each: what the port does. */
  readonly quirks: Readonly<Record<string, Quirk>>;
}

let collecting = false;

/** From now on `quirks` only answers what it was given: for the page. */
export function collectOnly(): void {
  collecting = true;
}

/** Names of the machines that have a quirk. */
export function machinesOf(given: QuirkTest, quirk: Quirk): readonly MachineName[] {
  return quirk.machines ?? MACHINES_OF[given.port];
}

/** States quirks: a test for each and machine. */
export function quirks(given: QuirkTest): QuirkTest {
  if (collecting) return given;
  for (const [sentence, quirk] of Object.entries(given.quirks)) {
    describe(sentence, () => {
      for (const name of machinesOf(given, quirk)) test(name, () => quirk.holds(machine(name)));
    });
  }
  return given;
}
