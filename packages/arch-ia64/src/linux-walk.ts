/**
 * The walk that the handlers vhpt_miss and nested_dtlb_miss do with physical addresses (arch/ia64/kernel/ivt.S): pgd, by
 * way of the region's slice of it, then pud (with four levels) and pmd, down to the pte table.
 */
import { type MmuHost, type PhysicalMemory, WALK_REFERENCES } from '@fourfold/core/arch';
import { RGN_BITS } from './geometry.js';
import type { LinearTable } from './vhpt.js';

/** High half of PPN_MASK. */
export const PPN_HI = 0x0003_ffff;

export class LinuxWalk {
  private readonly memory: PhysicalMemory;
  private readonly slot: Int32Array;
  private readonly counts: Float64Array;
  private readonly firstPfn: number;
  private readonly nrPages: number;
  private readonly pageShift: number;
  private readonly pteBits: number;
  private readonly pteMask: number;
  /** Lowest page number bit of the pgd's index, and its mask in a slice. */
  private readonly rootShift: number;
  private readonly sliceBits: number;
  private readonly sliceMask: number;
  private readonly regionShift: number;
  private readonly offsetHi: number;

  constructor(host: MmuHost, linear: LinearTable) {
    const { geometry } = host.arch;
    this.memory = host.memory;
    this.slot = host.memory.slot;
    this.counts = host.counters.values;
    this.firstPfn = host.memory.firstPfn;
    this.nrPages = host.memory.nrPages;
    this.pageShift = geometry.pageShift;
    this.pteBits = linear.pteBits;
    this.pteMask = (1 << linear.pteBits) - 1;
    this.rootShift = geometry.shift[0] as number;
    this.sliceBits = (geometry.bits[0] as number) - RGN_BITS;
    this.sliceMask = (1 << this.sliceBits) - 1;
    this.regionShift = linear.regionShift;
    this.offsetHi = ~linear.regionHi;
  }

  /** Page of the pte table of a page, -1 where a word is zero. `counted`: the reads are the machine's, not the audit's. */
  pteTable(rootWord: number, vpnHi: number, vpnLo: number, counted: boolean): number {
    const words = this.memory.words;
    const bits = this.pteBits;
    const mask = this.pteMask;
    let shift = this.rootShift;
    const offset = vpnHi & this.offsetHi;
    const slice = shift >= 32 ? offset >>> (shift - 32) : (vpnLo >>> shift) | (offset << (32 - shift));
    const region = vpnHi >>> this.regionShift;
    let at = rootWord + (((region << this.sliceBits) | (slice & this.sliceMask)) << 1);
    for (;;) {
      if (counted) this.counts[WALK_REFERENCES] = (this.counts[WALK_REFERENCES] as number) + 1;
      const page = this.tablePage(words[at + 1] as number, words[at] as number);
      if (page < 0) return -1;
      shift -= bits;
      if (shift === 0) return page;
      at = (this.slot[page] as number) + ((((vpnLo >>> shift) | (offset << (32 - shift))) & mask) << 1);
    }
  }

  /** Page of the table that an upper entry points to, -1 for none. */
  private tablePage(hi: number, lo: number): number {
    if ((lo | hi) === 0) return -1;
    const shift = this.pageShift;
    const pfn = (lo >>> shift) | ((hi & PPN_HI) << (32 - shift));
    const page = this.firstPfn >= 0 ? pfn - this.firstPfn : this.memory.pfnToPage(pfn);
    return page >= 0 && page < this.nrPages ? page : -1;
  }
}
