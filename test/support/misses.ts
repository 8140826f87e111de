/** What a TLB miss may become, on every machine, and the identities that hold between the counters of a run. */
import type { CounterName } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import type { MachineName } from './machines.js';

export type Counts = Readonly<Record<CounterName, number>>;

/** What the misses of all levels became, as the counters say it. Refused: no table is looked at. */
interface Became {
  /** What the machine's hands are, for people. */
  readonly says: string;
  readonly misses: (c: Counts) => number;
}

/** The walker serves every miss; a store to a clean page walks once more for its dirty bit, and is no miss. */
const X86: Became = {
  says: 'misses = walks - dirty assists + refused',
  misses: (c) => c.walks - c.dirtyAssists + c.missesRefused,
};
/** The hardware searches the hash table at every miss; hash_page comes after a search, not in its place. */
const PPC64: Became = { says: 'misses = hash searches + refused', misses: (c) => c.walks + c.missesRefused };
/** The VHPT walker, or the handler where the linear table's page is not in the TLB. */
const IA64: Became = {
  says: 'misses = VHPT walks + vhpt_miss + refused',
  misses: (c) => c.walks + c.softwareFills + c.missesRefused,
};
/** Nothing but the handler. */
const SPARC64: Became = { says: 'misses = handler + refused', misses: (c) => c.softwareFills + c.missesRefused };

const BECAME = {
  i386: X86,
  'i386-pae': X86,
  x86_64: X86,
  'ppc64-4k': PPC64,
  'ppc64-64k': PPC64,
  'ia64-4k': IA64,
  'ia64-8k': IA64,
  'ia64-16k': IA64,
  'ia64-64k': IA64,
  'sparc64-8k': SPARC64,
  'sparc64-64k': SPARC64,
} satisfies Record<MachineName, Became>;

/** Every miss became something, and a level misses no more than the one before it. */
export function checkMisses(arch: ArchDescriptor, c: Counts): void {
  const { says, misses } = BECAME[arch.name as MachineName];
  expect(c.tlbExecMisses2 + c.tlbDataMisses2, says).toBe(misses(c));
  expect(c.tlbExecLookups).toBeGreaterThanOrEqual(c.tlbExecMisses);
  expect(c.tlbDataLookups).toBeGreaterThanOrEqual(c.tlbDataMisses);
  expect(c.tlbExecMisses).toBeGreaterThanOrEqual(c.tlbExecMisses2);
  expect(c.tlbDataMisses).toBeGreaterThanOrEqual(c.tlbDataMisses2);
}
