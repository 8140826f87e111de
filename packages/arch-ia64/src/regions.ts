/**
 * Regions: address bits 63:61 pick one of eight region registers, which gives the region id that the TLB matches on, the
 * preferred page size and whether the VHPT walker runs (asm-ia64/mmu_context.h, kregs.h; arch/ia64/kernel/head.S).
 *
 * Linux gives each address space a context number c and its regions 0 to 4 the ids 8c to 8c + 4; the kernel's context is
 * 0, its regions have the ids 5, 6 and 7 everywhere.
 */
import type { Cpu } from '@fourfold/core/arch';
import { RGN_SHIFT } from './geometry.js';
import { PAGE_KERNEL, PAGE_MA_UC, PPN_MASK } from './pte.js';

/** Regions by what Linux uses them for. */
export const RGN_SHARED = 1;
export const RGN_TEXT = 2;
export const RGN_DATA = 3;
export const RGN_HPAGE = 4;
export const RGN_GATE = 5;
export const RGN_UNCACHED = 6;
export const RGN_KERNEL = 7;
/** Regions 0 to 4 are user space. */
export const USER_REGIONS = 5;
/** Granule of the identity maps: 16 MiB in generic, zx1 and SN2 kernels, 64 MiB as the alternative. */
export const GRANULE_SHIFT = 24;

/** First address of a region. */
export function regionBase(region: number): bigint {
  return BigInt(region) << BigInt(RGN_SHIFT);
}

/** Region number of an address. */
export function regionOf(va: bigint): number {
  return Number(va >> BigInt(RGN_SHIFT));
}

/** ia64_rid: the region id of a context in the region of an address. */
export function regionId(context: number, region: number): number {
  return context * 8 + region;
}

/** A region register: walker enable in bit 0, page size in bits 7:2, region id in bits 31:8. */
export function regionRegister(rid: number, pageShift: number, walker: boolean): number {
  return rid * 256 + pageShift * 4 + (walker ? 1 : 0);
}

/** Fields of a region register. */
export function decodeRegionRegister(value: number): { rid: number; pageShift: number; walker: boolean } {
  return { rid: Math.floor(value / 256), pageShift: (value >>> 2) & 63, walker: (value & 1) === 1 };
}

/**
 * Identity translation of a miss in region 6 or 7, which the kernel alone can take: no table is read. Region 6 is
 * uncached. Address bits below the granule stay in the word; the TLB ignores them.
 */
export function identityEntry(va: bigint): bigint {
  const uncached = ((va >> BigInt(RGN_SHIFT)) & 1n) === 0n;
  return (va & PPN_MASK) | PAGE_KERNEL | (uncached ? PAGE_MA_UC : 0n);
}

/** What the machine code needs to know beyond the descriptor. */
export interface Ia64MmuSpec {
  /** IMPL_VA_MSB. */
  readonly vaMsb: number;
  /** Page size of region 4: HPAGE_SHIFT, or the base page in a kernel without huge pages. */
  readonly hugeShift: number;
  /** Region id bits. */
  readonly ridBits: number;
}

/** What a CPU holds beside its TLB. */
export class Ia64Registers {
  /** Region registers. */
  readonly rr: Uint32Array = new Uint32Array(8);
  /** KR7: physical address of the pgd that the handlers walk, and the word index of its contents. */
  pgd = 0;
  rootWord = 0;
  /** need_tlb_flush: another CPU wrapped the context numbers; this one flushes all before it loads a context. */
  needTlbFlush = false;
  /** The last fault was Page Not Present: its handler purges before anything else. */
  notPresent = false;

  /** @param granuleShift page size of the identity maps. */
  constructor(pageShift: number, hugeShift: number, granuleShift: number = GRANULE_SHIFT) {
    this.rr[RGN_HPAGE] = regionRegister(0, hugeShift, false);
    this.rr[RGN_GATE] = regionRegister(RGN_GATE, pageShift, true);
    this.rr[RGN_UNCACHED] = regionRegister(RGN_UNCACHED, granuleShift, false);
    this.rr[RGN_KERNEL] = regionRegister(RGN_KERNEL, granuleShift, false);
  }

  /** Loads a context's ids into the user's registers; region 4 keeps its page size, which is that of huge pages. */
  load(context: number, pageShift: number): void {
    const { rr } = this;
    for (let region = 0; region < USER_REGIONS; region++) {
      const size = region === RGN_HPAGE ? ((rr[RGN_HPAGE] as number) >>> 2) & 63 : pageShift;
      rr[region] = regionRegister(regionId(context, region), size, true);
    }
  }
}

/** The registers that this package hung on a CPU. */
export function registersOf(cpu: Cpu): Ia64Registers {
  return cpu.registers as Ia64Registers;
}
