/**
 * What a TlbShape says: which units take pages of a size, and whether it describes TLBs at all. A shape may come from a file,
 * so everything is looked at.
 */
import type { TlbShape, TlbUnitSpec } from '../arch/mmu-data.js';
import { MmError } from '../errors.js';

/** Slots of all units together: what the 16-bit links of the hash can name. */
const MAX_SLOTS = 32767;
/** The pages of a unit that states no largest one. */
const ANY = 63;

/** log2 of the smallest and of the largest pages that a unit takes, in pages of the TLB: 0 is one page. */
export interface SpanRange {
  readonly min: number;
  readonly max: number;
}

/** The pages that a unit takes. @param pageShift log2 of the bytes of a page of the TLB */
export function spansOf(unit: TlbUnitSpec, pageShift: number): SpanRange {
  return {
    min: Math.max(0, (unit.smallest ?? pageShift) - pageShift),
    max: (unit.largest ?? ANY) - pageShift,
  };
}

/** The set of a page among any number of them. @param shift lowest page number bit that chooses it */
export function setAmong(sets: number, shift: number, vpnHi: number, vpnLo: number): number {
  return (Math.floor(((vpnHi >>> 0) * 4294967296 + (vpnLo >>> 0)) / 2 ** shift) % sets) | 0;
}

/** The units of a chain that take pages of 2^shift bytes, first level first. */
export function unitsFor(shape: TlbShape, chain: readonly number[], shift: number): readonly number[] {
  return chain.filter((u) => {
    const { smallest = 0, largest = ANY } = shape.units[u] as TlbUnitSpec;
    return smallest <= shift && shift <= largest;
  });
}

/**
 * Says why a shape is none.
 * @param shifts log2 of the bytes of every page size that both chains must take, the smallest first
 * @throws MmError MM_TLB
 */
export function checkShape(shape: TlbShape, shifts: readonly number[]): void {
  const refuse = (message: string): never => {
    throw new MmError('MM_TLB', message);
  };
  let slots = 0;
  for (const { name, sets, ways, smallest = 0, largest = ANY } of shape.units) {
    if (![sets, ways].every((n) => Number.isInteger(n) && n > 0)) {
      refuse(`expected sets and ways from 1 on in unit ${name}, got ${sets} and ${ways}`);
    }
    if (![smallest, largest].every(Number.isInteger) || smallest > largest) {
      refuse(`expected page sizes as log2 of bytes, smallest first, in unit ${name}, got ${smallest} and ${largest}`);
    }
    slots += sets * ways;
  }
  if (slots > MAX_SLOTS) refuse(`expected at most ${MAX_SLOTS} slots in all units, got ${slots}`);
  for (const side of ['exec', 'data'] as const) {
    const chain = shape[side];
    const unknown = chain.find((u) => shape.units[u] === undefined);
    if (unknown !== undefined) refuse(`expected a unit below ${shape.units.length} for ${side}, got ${unknown}`);
    for (const shift of shifts) {
      const [first] = unitsFor(shape, chain, shift);
      if (first === undefined) refuse(`expected a unit for ${side} that takes pages of 2^${shift} bytes`);
      if (shift === shifts[0] && first !== chain[0])
        refuse(`expected the first unit for ${side} to take 2^${shift} bytes`);
    }
  }
}
