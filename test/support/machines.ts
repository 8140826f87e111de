/** Every machine there is. A test that loops over them states its expectations as total tables over `MachineName`. */
import { ia64Arches } from '@fourfold/arch-ia64';
import { ppc64Arches } from '@fourfold/arch-ppc64';
import { sparc64Arches } from '@fourfold/arch-sparc64';
import { x86Arches } from '@fourfold/arch-x86';
import type { ArchDescriptor } from '@fourfold/core/arch';

export const MACHINES: readonly ArchDescriptor[] = [...x86Arches, ...ppc64Arches, ...ia64Arches, ...sparc64Arches];

/** Names of the machines, for total tables. */
export type MachineName =
  | 'i386'
  | 'i386-pae'
  | 'x86_64'
  | 'ppc64-4k'
  | 'ppc64-64k'
  | 'ia64-4k'
  | 'ia64-8k'
  | 'ia64-16k'
  | 'ia64-64k'
  | 'sparc64-8k'
  | 'sparc64-64k';

/** The machine of a name. */
export function machine(name: MachineName): ArchDescriptor {
  const found = MACHINES.find((arch) => arch.name === name);
  if (found === undefined) throw new Error(`no machine ${name} among ${MACHINES.map((arch) => arch.name).join(', ')}`);
  return found;
}
