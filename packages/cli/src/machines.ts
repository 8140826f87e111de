/** Every machine there is, in the order of tables. */
import { ia64Arches } from '@fourfold/arch-ia64';
import { ppc64Arches } from '@fourfold/arch-ppc64';
import { sparc64Arches } from '@fourfold/arch-sparc64';
import { x86Arches } from '@fourfold/arch-x86';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { closest, distance } from 'fastest-levenshtein';
import { Misuse } from './outcome.js';

export const MACHINES: readonly ArchDescriptor[] = [...x86Arches, ...ppc64Arches, ...ia64Arches, ...sparc64Arches];

/** The machine of a name. @throws Misuse for an unknown one, with the name that was probably meant */
export function machineNamed(name: string): ArchDescriptor {
  const found = MACHINES.find((machine) => machine.name === name);
  if (found !== undefined) return found;
  const names = MACHINES.map((machine) => machine.name);
  const near = closest(name.toLowerCase(), names);
  const hint = distance(name.toLowerCase(), near) <= 3 ? `; did you mean ${near}?` : '';
  throw new Misuse(`expected a machine (${names.join(', ')}), came '${name.slice(0, 40)}'${hint}`);
}

/** The machines of a list of names, each once; all of them for `undefined`. @throws Misuse */
export function machinesNamed(names: string | undefined): readonly ArchDescriptor[] {
  if (names === undefined || names === 'all') return MACHINES;
  const parts = names.split(',').map((name) => name.trim());
  return [...new Set(parts.map(machineNamed))];
}
