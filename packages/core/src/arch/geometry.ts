/**
 * Shape of a page-table tree. Data only: every architecture shares this one class.
 *
 * A tree is listed root first as the levels that really exist; a folded level has no table and no entry here. What
 * the kernel calls it (`pgd`, `pud`, `pmd`, `pte`) is the level's name. All shifts are in bits of the *page number*
 * (vpn = vaddr >> pageShift), not of the address, so that a walk never needs the page offset.
 */

/** The four names of the kernel's levels, root first. */
export const LEVEL_NAMES = ['pgd', 'pud', 'pmd', 'pte'] as const;
/** A page-table level as the kernel names it. */
export type LevelName = (typeof LEVEL_NAMES)[number];

/** One level that exists, as an arch package states it. */
export interface LevelSpec {
  /** The kernel's name of the level whose test functions act on its entries. */
  readonly name: LevelName;
  /** Index bits. */
  readonly bits: number;
  /** Bytes of one entry: 4 or 8. */
  readonly entryBytes: 4 | 8;
  /** Bytes of one table, if not entries x entryBytes (a table may carry a second half). */
  readonly tableBytes?: number;
  /** Byte offset from an entry to its companion word, 0 or absent for none. */
  readonly companionBytes?: number;
}

/** How a table tree cuts the address: the region number selects a slice of the root table. */
export interface RegionSpec {
  /** Lowest address bit of the region number. */
  readonly shift: number;
  /** Bits of the region number. */
  readonly bits: number;
}

export class Geometry {
  readonly pageShift: number;
  readonly pageSize: number;
  /** Number of real levels, pte tables included. */
  readonly depth: number;
  readonly names: readonly LevelName[];
  /** Lowest vpn bit each real level indexes, root first; the last is 0. */
  readonly shift: Uint8Array;
  readonly bits: Uint8Array;
  readonly entryBytes: Uint8Array;
  readonly tableBytes: Int32Array;
  readonly companionBytes: Int32Array;
  /** Levels of the kernel's four that are folded away, root first. */
  readonly folded: readonly LevelName[];
  /** Lowest vpn bit of the region number, or 0 when the machine has no regions. */
  readonly regionShift: number;
  readonly regionBits: number;
  /** Pages that one entry of each level spans: 2 ** shift, worked out once because range walks ask at every entry. */
  private readonly spans: Float64Array;
  /** Bits of vpn the whole tree translates (below the region number, if any). */
  readonly coveredBits: number;

  constructor(pageShift: number, levelsRootFirst: readonly LevelSpec[], region?: RegionSpec) {
    const n = levelsRootFirst.length;
    this.pageShift = pageShift;
    this.pageSize = 1 << pageShift;
    this.depth = n;
    this.names = levelsRootFirst.map((l) => l.name);
    this.shift = new Uint8Array(n);
    this.bits = Uint8Array.from(levelsRootFirst, (l) => l.bits);
    this.entryBytes = Uint8Array.from(levelsRootFirst, (l) => l.entryBytes);
    this.tableBytes = Int32Array.from(levelsRootFirst, (l) => l.tableBytes ?? l.entryBytes * 2 ** l.bits);
    this.companionBytes = Int32Array.from(levelsRootFirst, (l) => l.companionBytes ?? 0);
    this.folded = LEVEL_NAMES.filter((name) => !this.names.includes(name));
    this.regionShift = region ? region.shift - pageShift : 0;
    this.regionBits = region ? region.bits : 0;
    let s = 0;
    for (let level = n - 1; level >= 0; level--) {
      this.shift[level] = s;
      s += this.bits[level] as number;
    }
    this.coveredBits = s - this.regionBits;
    this.spans = Float64Array.from(this.shift, (shift) => 2 ** shift);
  }

  /** Index into the table at `level` for a page number given as two halves. */
  index(level: number, vpnHi: number, vpnLo: number): number {
    return tableIndex(this, level, vpnHi, vpnLo);
  }

  /** Pages that one entry of `level` spans. */
  entryPages(level: number): number {
    return this.spans[level] as number;
  }

  /** Position of `name` among the real levels, or -1 when it is folded. */
  levelOf(name: LevelName): number {
    return this.names.indexOf(name);
  }
}

/**
 * Index into the table at `level` for the page number (vpnHi, vpnLo). With regions the root index is the
 * region number above the level's remaining bits.
 */
export function tableIndex(g: Geometry, level: number, vpnHi: number, vpnLo: number): number {
  const shift = g.shift[level] as number;
  const bits = g.bits[level] as number;
  const word = shiftedRight(vpnHi, vpnLo, shift);
  if (level !== 0 || g.regionShift === 0) return word & ((1 << bits) - 1);
  const sliceBits = bits - g.regionBits;
  const region = shiftedRight(vpnHi, vpnLo, g.regionShift) & ((1 << g.regionBits) - 1);
  return (region << sliceBits) | (word & ((1 << sliceBits) - 1));
}

function shiftedRight(hi: number, lo: number, shift: number): number {
  if (shift >= 32) return hi >>> (shift - 32);
  return shift === 0 ? lo : (lo >>> shift) | (hi << (32 - shift));
}
