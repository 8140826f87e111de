/** Arguments of the public methods: what is no number, or no bytes, is misuse and gets a coded error before anything happens. */
import { MmError } from '../errors.js';
import type { MappedFile } from '../fs/file.js';

/** An address, length or offset as a word. @throws MmError MM_ARGUMENT */
export function wordOf(value: bigint | number, name: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  throw new MmError('MM_ARGUMENT', `expected a whole number as ${name}, got ${String(value)}`);
}

/** A number of bytes or pages that is held at once. @throws MmError MM_ARGUMENT */
export function countOf(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0x7fff_ffff) return value;
  throw new MmError('MM_ARGUMENT', `expected a whole number from 0 to 2^31 - 1 as ${name}, got ${String(value)}`);
}

/** A plain number: flags, an id, a key. @throws MmError MM_ARGUMENT */
export function numberOf(value: number, name: string): number {
  if (Number.isInteger(value)) return value;
  throw new MmError('MM_ARGUMENT', `expected a whole number as ${name}, got ${String(value)}`);
}

/** Bytes to store. @throws MmError MM_ARGUMENT */
export function bytesOf(value: Uint8Array, name: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new MmError('MM_ARGUMENT', `expected a Uint8Array as ${name}, got ${typeof value}`);
}

/** A file to map, or nothing. @throws MmError MM_ARGUMENT */
export function fileOf(value: MappedFile | null | undefined): MappedFile | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'object' && typeof value.inode === 'object') return value;
  throw new MmError('MM_ARGUMENT', `expected an open file as file, got ${typeof value}`);
}
