/** A cost table as a file: cycles by what they are spent on. What a file leaves out stays as the machine has it. */
import { type ArchDescriptor, COST_NAMES, type CostTable } from '@fourfold/core/arch';
import { machinesOf, objectOf, type Place, readDocument, refuse } from './model-file.js';

/** Schema of the document; its version is 1. */
export const COST_SCHEMA = 'fourfold.cost';

/** What a file of costs holds. */
export interface CostModel {
  readonly file: string;
  /** Machines that it is for; null for any. */
  readonly machines: readonly string[] | null;
  readonly cycles: Partial<CostTable>;
}

/** @throws ModelError */
export function readCostModel(text: string, file: string): CostModel {
  const fields = readDocument(text, file, COST_SCHEMA, ['cycles']);
  const given = objectOf(fields.cycles, { file, field: 'cycles' }, COST_NAMES);
  const cycles: Record<string, number> = {};
  for (const name of COST_NAMES) {
    if (given[name] !== undefined) cycles[name] = cyclesOf(given[name], { file, field: `cycles.${name}` });
  }
  return { file, machines: machinesOf(fields, file), cycles };
}

/** The machine with the costs of a model. */
export function withCost(arch: ArchDescriptor, model: CostModel): ArchDescriptor {
  return arch.with({ cost: { ...arch.cost, ...model.cycles } });
}

/** The document of a machine's costs: what `readCostModel` reads. */
export function costDocument(arch: ArchDescriptor): unknown {
  return { schema: COST_SCHEMA, version: 1, machines: [arch.name], cycles: arch.cost };
}

function cyclesOf(value: unknown, place: Place): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= 1e9) return value;
  return refuse(place, 'cycles from 0 to 1000000000', value);
}
