/** What the emulator's monitor prints, read. */

/** A run of addresses with the same rights, as `info mem` lists them: what all levels together allow. */
export interface MappedRange {
  readonly start: bigint;
  /** First address behind it. */
  readonly end: bigint;
  readonly user: boolean;
  readonly write: boolean;
}

/** Ranges of `info mem`: lines such as `0000000000400000-00000000004f0000 00000000000f0000 ur-`, in order. */
export function rangesOf(text: string): MappedRange[] {
  return [...text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) [0-9a-f]+ ([u-])r([w-])$/gm)].map(([, start, end, u, w]) => ({
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${end}`),
    user: u === 'u',
    write: w === 'w',
  }));
}

/**
 * Pages of `info tlb`, as ranges: lines such as `0000000000400000: 0000000008b0d000 X---A--U-`, in order. Its rights are those
 * of the last entry alone, and a page of 1 GiB counts as one of 2 MiB: both have the letter P.
 */
export function pagesOf(text: string): MappedRange[] {
  return [...text.matchAll(/^([0-9a-f]+): [0-9a-f]+ .{2}([P-]).{4}([U-])([W-])$/gm)].map(([, start, p, u, w]) => ({
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${start}`) + (p === 'P' ? 0x20_0000n : 0x1000n),
    user: u === 'U',
    write: w === 'W',
  }));
}

/** The range that holds an address, by bisection; null for none. */
export function rangeAt(ranges: readonly MappedRange[], address: bigint): MappedRange | null {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle] as MappedRange;
    if (address < range.start) high = middle;
    else if (address >= range.end) low = middle + 1;
    else return range;
  }
  return null;
}

/** Answer of `gva2gpa`: `gpa: 0x8b0d000`, or `Unmapped` (null). @throws Error for anything else */
export function physicalOf(text: string): bigint | null {
  const found = /^gpa: (?:0x)?([0-9a-f]+)$/.exec(text.trim());
  if (found !== null) return BigInt(`0x${found[1]}`);
  if (text.trim() === 'Unmapped') return null;
  throw new Error(`expected gpa: or Unmapped of gva2gpa, came '${text.slice(0, 80)}'`);
}

/** Privilege level in `info registers`. @throws Error when it does not say */
export function privilegeOf(registers: string): number {
  const found = /\bCPL=([0-3])\b/.exec(registers);
  if (found === null) throw new Error(`expected CPL= in the registers, came '${registers.slice(0, 80)}'`);
  return Number(found[1]);
}

/** Version that a booting kernel printed: `6.1.0-56-amd64`; `unknown` when it printed none. */
export function kernelVersionOf(printed: string): string {
  return /Linux version (\S+)/.exec(printed)?.[1] ?? 'unknown';
}
