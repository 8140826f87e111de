/** Models in the place of the machines' own: TLBs and costs from files (`--tlb`, `--cost`). */
import { readFileSync } from 'node:fs';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { isFor, ModelError, readCostModel, readTlbModel, withCost, withTlb } from '@fourfold/replay';
import { Misuse, messageOf } from './outcome.js';

/** Files of models, as the options name them; a later one counts. */
export interface ModelOptions {
  readonly tlb?: readonly string[];
  readonly cost?: readonly string[];
}

/**
 * The machines with the models that are for them.
 * @throws Misuse for a file that holds no model, one that does not suit a machine, and one that is for none of them
 */
export function withModels(machines: readonly ArchDescriptor[], options: ModelOptions): readonly ArchDescriptor[] {
  const withTlbs = (options.tlb ?? []).reduce((all, file) => withFile(all, file, readTlbModel, withTlb), machines);
  return (options.cost ?? []).reduce((all, file) => withFile(all, file, readCostModel, withCost), withTlbs);
}

function withFile<M extends { readonly machines: readonly string[] | null }>(
  machines: readonly ArchDescriptor[],
  file: string,
  read: (text: string, file: string) => M,
  put: (arch: ArchDescriptor, model: M) => ArchDescriptor,
): readonly ArchDescriptor[] {
  try {
    const model = read(textOf(file), file);
    if (!machines.some((arch) => isFor(model, arch))) {
      const asked = machines.map(({ name }) => name).join(', ');
      throw new Misuse(`${file}: machines: expected one of ${asked}, came ${model.machines?.join(', ')}`);
    }
    return machines.map((arch) => (isFor(model, arch) ? put(arch, model) : arch));
  } catch (error) {
    throw error instanceof ModelError ? new Misuse(error.message) : error;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Misuse(`${file}: expected a file of a model, came ${messageOf(error)}`);
  }
}
