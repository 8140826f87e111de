/**
 * The segment lookaside buffer of a CPU: 64 segments of 256 MiB and their VSIDs, filled by software
 * (arch/powerpc/mm/slb.c, slb_low.S). Slots 0 to 2 are bolted: the linear map, vmalloc, the kernel stack. The others are
 * replaced in turn, whatever they hold.
 *
 * Besides the entries there is a map from user ESID to slot. Kernel segments are looked for among the entries: the bolted slots
 * hold most of what is asked for.
 */
import { kernelVsid } from './context.js';

export const SLB_ENTRIES = 64;
/** Bolted slots. */
export const SLB_NUM_BOLTED = 3;
/** User ESIDs remembered since the last switch; with more, a switch invalidates everything (slbia). */
export const SLB_CACHE_ENTRIES = 8;

export const SLB_ESID_V = 0x0800_0000n;
export const SLB_VSID_KS = 0x800n;
export const SLB_VSID_KP = 0x400n;
export const SLB_VSID_N = 0x200n;
export const SLB_VSID_L = 0x100n;
/** Which large page, where L is set: 0 is 16 MiB. */
export const SLB_VSID_LP = 0x030n;
/** Class bit: a user segment. */
export const SLB_VSID_C = 0x080n;
/** User flags: both keys and the class. */
export const SLB_VSID_USER: bigint = SLB_VSID_KS | SLB_VSID_KP | SLB_VSID_C;
/** Kernel flags. */
export const SLB_VSID_KERNEL: bigint = SLB_VSID_KP;

const USER_SEGMENTS = 2 ** 16;

export class Slb {
  /** ESID of each slot as a number, -1 for an invalid one. */
  readonly esid: Float64Array = new Float64Array(SLB_ENTRIES).fill(-1);
  /** VSID of each slot, in halves. */
  readonly vsidHi: Int32Array = new Int32Array(SLB_ENTRIES);
  readonly vsidLo: Int32Array = new Int32Array(SLB_ENTRIES);
  /** 1 where the segment has huge pages (the L bit). */
  readonly large: Uint8Array = new Uint8Array(SLB_ENTRIES);
  /** Slot of each user ESID, -1 for none. */
  readonly slotOf: Int8Array = new Int8Array(USER_SEGMENTS).fill(-1);
  /** slb_cache_ptr: how many of the cache are in use; one more than it holds after an overflow. */
  cached = 0;
  readonly cache: Uint16Array = new Uint16Array(SLB_CACHE_ENTRIES);
  /** Slot filled last; the first miss fills the one behind the bolted slots' successor. */
  cursor: number = SLB_NUM_BOLTED;

  constructor() {
    this.set(0, 0xc_0000_0000, kernelVsid(0xc000_0000_0000_0000n));
    this.large[0] = 1;
    this.set(1, 0xd_0000_0000, kernelVsid(0xd000_0000_0000_0000n));
    // Slot 2, the kernel stack: its segment is that of slot 0, so the slot stays invalid.
  }

  /** slb_allocate for a user segment, of huge pages if `large`; the slot. */
  allocate(esid: number, vsid: number, large: boolean = false): number {
    const slot = this.replace(esid, vsid, large);
    this.slotOf[esid] = slot;
    if (this.cached < SLB_CACHE_ENTRIES) this.cache[this.cached] = esid;
    if (this.cached <= SLB_CACHE_ENTRIES) this.cached++;
    return slot;
  }

  /** slb_allocate for a segment of the kernel, which the slb_cache does not remember; the slot. */
  allocateKernel(esid: number, vsid: number, large: boolean): number {
    return this.replace(esid, vsid, large);
  }

  /** Slot of a segment of the kernel, -1 for none. */
  kernelSlot(esid: number): number {
    return this.esid.indexOf(esid);
  }

  /** switch_slb's invalidation: the cached segments one by one, or everything but the bolted slots. The number of slbie. */
  flushUser(): number {
    const { cached } = this;
    if (cached <= SLB_CACHE_ENTRIES) {
      for (let i = 0; i < cached; i++) this.drop(this.slotOf[this.cache[i] as number] as number);
    } else {
      for (let slot = SLB_NUM_BOLTED; slot < SLB_ENTRIES; slot++) this.drop(slot);
    }
    this.cached = 0;
    // POWER5 erratum: one more slbie when there was one, or after slbia.
    return cached === 1 ? 2 : cached > SLB_CACHE_ENTRIES ? 1 : cached;
  }

  /** slbie of user segments [first, first + count). */
  invalidate(first: number, count: number): void {
    for (let slot = SLB_NUM_BOLTED; slot < SLB_ENTRIES; slot++) {
      const esid = this.esid[slot] as number;
      if (esid >= first && esid < first + count) this.drop(slot);
    }
  }

  private set(slot: number, esid: number, vsid: number): void {
    this.esid[slot] = esid;
    this.vsidHi[slot] = (vsid / 4294967296) | 0;
    this.vsidLo[slot] = vsid | 0;
  }

  /** The next slot in turn, whatever it holds. */
  private replace(esid: number, vsid: number, large: boolean): number {
    this.cursor = this.cursor + 1 === SLB_ENTRIES ? SLB_NUM_BOLTED : this.cursor + 1;
    const slot = this.cursor;
    this.drop(slot);
    this.set(slot, esid, vsid);
    this.large[slot] = large ? 1 : 0;
    return slot;
  }

  private drop(slot: number): void {
    if (slot < 0) return;
    const esid = this.esid[slot] as number;
    if (esid >= 0 && esid < USER_SEGMENTS) this.slotOf[esid] = -1;
    this.esid[slot] = -1;
  }
}

/** The ESID word of a valid entry: segment, V, index. */
export function slbEsidWord(ea: bigint, slot: number): bigint {
  return (ea & 0xffff_ffff_f000_0000n) | SLB_ESID_V | BigInt(slot);
}

/** The VSID word: VSID, keys and class, page size bits. */
export function slbVsidWord(vsid: number, flags: bigint, sllp: number): bigint {
  return (BigInt(vsid) << 12n) | flags | BigInt(sllp);
}

/** The operand of slbie for a user segment. */
export function slbieOperand(esid: number): bigint {
  return (BigInt(esid) << 28n) | SLB_ESID_V;
}
