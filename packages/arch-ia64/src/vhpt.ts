/**
 * The linear virtual page table: all pte pages of a region strung together at the top of that region, 8 bytes a page.
 * The hardware walker reads a pte from it with one load, at the address that the `thash` instruction gives; the load needs
 * a translation of the linear-table page, which is an ordinary data translation for the kernel alone (arch/ia64/mm/init.c;
 * Itanium manual vol. 2, short-format VHPT).
 *
 * Implemented virtual bits decide where it lies: IMPL_VA_MSB is the highest implemented offset bit, 60 on Itanium 2.
 */
import { highWord, lowWord } from '@fourfold/core/arch';
import { indexBits, RGN_SHIFT } from './geometry.js';
import { regionBase, regionOf } from './regions.js';

/** IMPL_VA_MSB of Itanium 2 (of common knowledge, not of the kernel) and of Itanium, which is what the kernel assumes. */
export const ITANIUM2_VA_MSB = 60;
export const ITANIUM_VA_MSB = 50;

/** vmlpt_bits: log2 of the bytes of a region's linear table. */
export function linearTableBits(pageShift: number, vaMsb: number): number {
  return vaMsb + 1 - pageShift + 3;
}

/** Offset in a region at which its linear table begins. */
export function linearTableBase(pageShift: number, vaMsb: number): bigint {
  return (1n << BigInt(RGN_SHIFT)) - (1n << BigInt(linearTableBits(pageShift, vaMsb)));
}

/** The PTA register: base, size in bits 7:2, short format (bit 8 clear), walker on in bit 0. */
export function ptaRegister(pageShift: number, vaMsb: number): bigint {
  return linearTableBase(pageShift, vaMsb) | BigInt(linearTableBits(pageShift, vaMsb) << 2) | 1n;
}

/**
 * thash: the address of the pte of `va`. Unimplemented address bits are cut off before the shift, as the manual says.
 * @param regionShift page size in the region's register; default the base page.
 */
export function thash(pageShift: number, vaMsb: number, va: bigint, regionShift: number = pageShift): bigint {
  const implemented = va & ((1n << BigInt(vaMsb + 1)) - 1n);
  const mask = (1n << BigInt(linearTableBits(pageShift, vaMsb))) - 1n;
  const offset = ((implemented >> BigInt(regionShift)) << 3n) & mask;
  return regionBase(regionOf(va)) | linearTableBase(pageShift, vaMsb) | offset;
}

/** The linear tables in page numbers and their halves, for code that runs per miss and per flush. */
export class LinearTable {
  /** log2 of the ptes of a page of the table. */
  readonly pteBits: number;
  /** Region number bits of the high half of a page number, and how far right they are shifted to be one. */
  readonly regionHi: number;
  readonly regionShift: number;
  /** Page number in a region at which the table begins: halves, and as one number. */
  readonly baseHi: number;
  readonly baseLo: number;
  readonly basePage: number;
  /** Pages of a region. */
  readonly regionPages: number;

  constructor(pageShift: number, vaMsb: number) {
    const base = linearTableBase(pageShift, vaMsb) >> BigInt(pageShift);
    this.pteBits = indexBits(pageShift);
    this.regionShift = RGN_SHIFT - pageShift - 32;
    this.regionHi = 7 << this.regionShift;
    this.baseHi = highWord(base);
    this.baseLo = lowWord(base);
    this.basePage = Number(base);
    this.regionPages = 2 ** (RGN_SHIFT - pageShift);
  }

  /** High half of the table's page that holds the pte of a page. */
  pageHi(vpnHi: number): number {
    return (vpnHi & this.regionHi) | this.baseHi | ((vpnHi & ~this.regionHi) >>> this.pteBits);
  }

  /** Low half of the table's page that holds the pte of a page. */
  pageLo(vpnHi: number, vpnLo: number): number {
    return this.baseLo | (vpnLo >>> this.pteBits) | ((vpnHi & ~this.regionHi) << (32 - this.pteBits));
  }

  /** Page number of the slot of a huge address: the offset in the region shifted right, the region kept. High half. */
  scaledHi(vpnHi: number, scale: number): number {
    return (vpnHi & this.regionHi) | ((vpnHi & ~this.regionHi) >>> scale);
  }

  /** Low half of it. */
  scaledLo(vpnHi: number, vpnLo: number, scale: number): number {
    return (vpnLo >>> scale) | ((vpnHi & ~this.regionHi) << (32 - scale));
  }

  /** Whether a page lies in the linear table of its region. */
  contains(page: number): boolean {
    return page % this.regionPages >= this.basePage;
  }

  /** First page whose pte lies in a page of the table. */
  firstPageOf(tablePage: number): number {
    const offset = tablePage % this.regionPages;
    return tablePage - offset + (offset - this.basePage) * 2 ** this.pteBits;
  }
}
