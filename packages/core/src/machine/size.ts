/** Sizes as people write them. */
import { MmError } from '../errors.js';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  m: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gib: 2 ** 30,
  t: 2 ** 40,
  tib: 2 ** 40,
};

/**
 * Bytes of a number or of a string such as `'64MiB'`, `'1g'`, `'4096'`.
 * @throws MmError MM_SIZE for anything else.
 */
export function parseSize(size: number | string): number {
  if (typeof size === 'number' && Number.isSafeInteger(size) && size > 0) return size;
  const match = /^([0-9]+)\s*([a-z]*)$/i.exec(String(size));
  const unit = match === null ? undefined : UNITS[(match[2] as string).toLowerCase()];
  const bytes = match === null || unit === undefined ? 0 : Number(match[1]) * unit;
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new MmError('MM_SIZE', `expected a size such as 67108864 or '64MiB', got ${String(size)}`);
  }
  return bytes;
}
