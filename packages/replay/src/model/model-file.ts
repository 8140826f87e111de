/** What files of models have in common: JSON with a schema, for some machines or for any. */
import type { ArchDescriptor } from '@fourfold/core/arch';

/** A model file that cannot be used. The message says file, field, what was expected and what came. */
export class ModelError extends Error {
  override readonly name: string = 'ModelError';
}

/** A place in a model file: what messages begin with. */
export interface Place {
  readonly file: string;
  /** `''` for the document, else such as `units[1].ways`. */
  readonly field: string;
}

/** Fields of a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws ModelError always */
export function refuse(place: Place, expected: string, came: unknown): never {
  const at = place.field === '' ? place.file : `${place.file}: ${place.field}`;
  throw new ModelError(`${at}: expected ${expected}, came ${shown(came)}`);
}

/**
 * The fields of a model document of `schema`, version 1.
 * @throws ModelError for what is no JSON, another schema or version, and for fields that are not in `known`
 */
export function readDocument(text: string, file: string, schema: string, known: readonly string[]): Fields {
  const at: Place = { file, field: '' };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ModelError(`${file}: expected JSON, came ${error instanceof Error ? error.message : String(error)}`);
  }
  const fields = objectOf(json, at, ['schema', 'version', 'machines', ...known]);
  if (fields.schema !== schema) refuse({ file, field: 'schema' }, `"${schema}"`, fields.schema);
  if (fields.version !== 1) refuse({ file, field: 'version' }, '1', fields.version);
  return fields;
}

/** The object at a place, which has no fields but `known`. @throws ModelError */
export function objectOf(value: unknown, place: Place, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(place, 'an object', value);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) refuse(inside(place, unknown), `one of the fields ${known.join(', ')}`, unknown);
  return value as Fields;
}

/** The list at a place. @throws ModelError */
export function listOf(value: unknown, place: Place): readonly unknown[] {
  return Array.isArray(value) && value.length > 0 ? value : refuse(place, 'a list that is not empty', value);
}

/** The whole number from `least` to `most` at a place. @throws ModelError */
export function wholeOf(value: unknown, place: Place, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(place, `a whole number from ${least} to ${most}`, value);
}

/** The text at a place; undefined where there is none. @throws ModelError */
export function textOf(value: unknown, place: Place): string | undefined {
  return value === undefined || typeof value === 'string' ? value : refuse(place, 'a text', value);
}

/** Names of the machines that a document is for; null for any. @throws ModelError */
export function machinesOf(fields: Fields, file: string): readonly string[] | null {
  const value = fields.machines;
  if (value === undefined) return null;
  const place: Place = { file, field: 'machines' };
  return listOf(value, place).map((name, i) =>
    typeof name === 'string' ? name : refuse({ file, field: `machines[${i}]` }, "a machine's name", name),
  );
}

/** A field of what is at a place. */
export function inside({ file, field }: Place, name: string): Place {
  return { file, field: field === '' ? name : `${field}.${name}` };
}

/** Whether a model is for a machine. */
export function isFor(model: { readonly machines: readonly string[] | null }, arch: ArchDescriptor): boolean {
  return model.machines === null || model.machines.includes(arch.name);
}

/** A value as it stands in the file, cut short. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
