/** Registers as JSON has them: numbers, or strings of decimal or 0x digits. */
import { MmError } from '../errors.js';

/** A word of registers. @throws MmError MM_ROOTS for something else, or nothing when there is no default */
export function rootWord(json: Readonly<Record<string, unknown>>, name: string, missing?: bigint): bigint {
  const value = json[name];
  if (value === undefined && missing !== undefined) return missing;
  return asWord(value, name);
}

/** A list of words, or of objects with words. @throws MmError MM_ROOTS */
export function rootList<T>(
  json: Readonly<Record<string, unknown>>,
  name: string,
  each: (item: unknown, name: string) => T,
): T[] {
  const value = json[name];
  if (!Array.isArray(value)) throw wrong(name, 'a list', value);
  return value.map((item, i) => each(item, `${name}[${i}]`));
}

/** One word. @throws MmError MM_ROOTS */
export function asWord(value: unknown, name: string): bigint {
  if (typeof value === 'bigint' && value >= 0n) return value;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (typeof value === 'string' && /^(?:0x[0-9a-f]{1,16}|[0-9]{1,20})$/i.test(value)) return BigInt(value);
  throw wrong(name, 'a number or a string such as "0x1000"', value);
}

/** An object. @throws MmError MM_ROOTS */
export function asObject(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(name, 'an object', value);
}

function wrong(name: string, expected: string, value: unknown): MmError {
  const came =
    value === undefined ? 'nothing' : String(typeof value === 'bigint' ? value : JSON.stringify(value)).slice(0, 60);
  return new MmError('MM_ROOTS', `expected ${expected} for ${name}, got ${came}`);
}
