/**
 * A TLB model as a file: the units of a processor, their page sizes, and the order in which instruction and data accesses ask
 * them. `tlbDocument` writes a machine's own, `readTlbModel` reads one back, `withTlb` puts it in the place of the machine's.
 */
import { type ArchDescriptor, MmError, type TlbShape, type TlbUnitSpec } from '@fourfold/core/arch';
import {
  inside,
  listOf,
  ModelError,
  machinesOf,
  objectOf,
  type Place,
  readDocument,
  refuse,
  textOf,
  wholeOf,
} from './model-file.js';

/** Schema of the document; its version is 1. */
export const TLB_SCHEMA = 'fourfold.tlb';

/** Highest log2 of a page's bytes. */
const LARGEST_SHIFT = 63;
/** A unit alone may have as many; core has a limit for all together. */
const MOST = 32767;

/** What a file of a TLB model holds. */
export interface TlbModel {
  readonly file: string;
  /** Machines that it is for; null for any. */
  readonly machines: readonly string[] | null;
  readonly shape: TlbShape;
}

/** @throws ModelError */
export function readTlbModel(text: string, file: string): TlbModel {
  const fields = readDocument(text, file, TLB_SCHEMA, ['processor', 'source', 'units', 'exec', 'data']);
  const units = listOf(fields.units, { file, field: 'units' }).map((unit, i) =>
    unitOf(unit, { file, field: `units[${i}]` }),
  );
  units.forEach(({ name }, i) => {
    if (units.findIndex((other) => other.name === name) !== i)
      refuse({ file, field: `units[${i}].name` }, 'a name of its own for each unit', name);
  });
  const processor = textOf(fields.processor, { file, field: 'processor' });
  const source = textOf(fields.source, { file, field: 'source' });
  return {
    file,
    machines: machinesOf(fields, file),
    shape: {
      ...(processor === undefined ? {} : { processor }),
      ...(source === undefined ? {} : { source }),
      units,
      exec: chainOf(fields.exec, { file, field: 'exec' }, units),
      data: chainOf(fields.data, { file, field: 'data' }, units),
    },
  };
}

/** The machine with the TLBs of a model. @throws ModelError when they do not suit it */
export function withTlb(arch: ArchDescriptor, model: TlbModel): ArchDescriptor {
  try {
    return arch.with({ tlb: model.shape });
  } catch (error) {
    if (!(error instanceof MmError)) throw error;
    throw new ModelError(`${model.file}: on ${arch.name}: ${error.message.replace(/^[A-Z_]+: /, '')}`);
  }
}

/** The document of a machine's TLBs: what `readTlbModel` reads. */
export function tlbDocument(arch: ArchDescriptor): unknown {
  const { processor, source, units, exec, data } = arch.tlb;
  const names = (chain: readonly number[]): string[] => chain.map((u) => (units[u] as TlbUnitSpec).name);
  return {
    schema: TLB_SCHEMA,
    version: 1,
    machines: [arch.name],
    ...(processor === undefined ? {} : { processor }),
    ...(source === undefined ? {} : { source }),
    units,
    exec: names(exec),
    data: names(data),
  };
}

function unitOf(value: unknown, place: Place): TlbUnitSpec {
  const fields = objectOf(value, place, ['name', 'sets', 'ways', 'smallest', 'largest']);
  const name = textOf(fields.name, inside(place, 'name'));
  if (name === undefined || name === '') return refuse(inside(place, 'name'), 'a name', fields.name);
  const shift = (field: 'smallest' | 'largest'): Partial<TlbUnitSpec> =>
    fields[field] === undefined ? {} : { [field]: wholeOf(fields[field], inside(place, field), 0, LARGEST_SHIFT) };
  const unit: TlbUnitSpec = {
    name,
    sets: wholeOf(fields.sets, inside(place, 'sets'), 1, MOST),
    ways: wholeOf(fields.ways, inside(place, 'ways'), 1, MOST),
    ...shift('smallest'),
    ...shift('largest'),
  };
  const { smallest = 0, largest = LARGEST_SHIFT } = unit;
  return smallest > largest ? refuse(inside(place, 'largest'), `at least smallest (${smallest})`, largest) : unit;
}

/** A chain of units by name, first level first. */
function chainOf(value: unknown, place: Place, units: readonly TlbUnitSpec[]): number[] {
  const names = units.map(({ name }) => name);
  const chain = listOf(value, place).map((name, i) => {
    const unit = names.indexOf(name as string);
    const at: Place = { file: place.file, field: `${place.field}[${i}]` };
    return unit < 0 ? refuse(at, `one of the units ${names.join(', ')}`, name) : unit;
  });
  const twice = chain.findIndex((unit, i) => chain.indexOf(unit) !== i);
  if (twice < 0) return chain;
  return refuse(
    { file: place.file, field: `${place.field}[${twice}]` },
    'each unit once',
    names[chain[twice] as number],
  );
}
