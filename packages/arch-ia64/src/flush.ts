/**
 * Purges (arch/ia64/mm/tlb.c). ptc takes one address and one size, and the hardware knows few sizes; a range is purged in
 * steps of the smallest one that is not below its length, from its start rounded down to that size.
 */
import { type Cpu, type MmuHost, PURGES } from '@fourfold/core/arch';

/** Sizes that a part can purge, a bit each: 4K 8K 16K 64K 256K 1M 4M 16M 64M 256M 4G, which the kernel assumes. */
export const PURGE_MASK = 0x1_1555_7000n;
/** Sizes that a part can insert: the same without 4G. */
export const INSERTABLE_MASK = 0x1555_7000n;

/** What purging a range takes: log2 of the size, the first address and how many purges. */
export interface PurgePlan {
  readonly bits: number;
  readonly first: bigint;
  readonly purges: number;
}

/** The purges of [start, end), byte addresses, as flush_tlb_range chooses them. */
export function purgePlan(start: bigint, end: bigint, mask: bigint = PURGE_MASK): PurgePlan {
  const sizes = new PurgeSizes(mask);
  const bits = sizes.bitsFor[floorLog2(Number(end - start + 0xfffn))] as number;
  const first = (start >> BigInt(bits)) << BigInt(bits);
  const purges = Number((end - first + (1n << BigInt(bits)) - 1n) >> BigInt(bits));
  return { bits, first, purges: Math.max(1, purges) };
}

/** Purge sizes by length, worked out once. */
export class PurgeSizes {
  /** log2 of the size used for a length of which floor(log2) is the index: the next one in the mask, or the largest. */
  readonly bitsFor: Uint8Array = new Uint8Array(64);

  constructor(mask: bigint = PURGE_MASK) {
    const allowed = Array.from({ length: 64 }, (_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
    const largest = allowed.lastIndexOf(true);
    for (let bits = 0; bits < 64; bits++) {
      const next = allowed.indexOf(true, bits);
      this.bitsFor[bits] = next < 0 ? largest : next;
    }
  }
}

/** floor(log2(n)) of an integer from 1 to 2^62. */
export function floorLog2(n: number): number {
  return n < 4294967296 ? 31 - Math.clz32(n) : 63 - Math.clz32(n / 4294967296);
}

/** tlb_flush: a gather that spans this many bytes, or more than one region, flushes all. */
export const FLUSH_ALL_BYTES: number = 2 ** 40;

/** ptc.ga on all CPUs of a machine, or ptc.l on its only one. Every method answers how many slots it dropped. */
export class Purger {
  private readonly cpus: readonly Cpu[];
  private readonly counts: Float64Array;
  private readonly pageShift: number;
  private readonly sizes: PurgeSizes = new PurgeSizes();

  constructor(host: MmuHost, pageShift: number) {
    this.cpus = host.cpus;
    this.counts = host.counters.values;
    this.pageShift = pageShift;
  }

  /** One page of a context. */
  page(context: number, vpn: number): number {
    this.count(1);
    return this.drop(context, vpn, vpn + 1);
  }

  /** Counts the kernel's purges: a ptc.ga for all CPUs is one, a ptc.e is one on each. */
  private count(purges: number): void {
    this.counts[PURGES] = (this.counts[PURGES] as number) + purges;
  }

  /** Drops pages [first, end) of a context, exactly. */
  private drop(context: number, first: number, end: number): number {
    let dropped = 0;
    for (let i = 0; i < this.cpus.length; i++) {
      const { tlb } = this.cpus[i] as Cpu;
      if (end - first === 1) dropped += tlb.dropPage((first / 4294967296) | 0, first | 0, context);
      else dropped += tlb.dropRange(first, end, context);
    }
    return dropped;
  }

  /** The purges that pages [start, end) take. All are of one size and lie side by side, so one search does them. */
  range(context: number, start: number, end: number): number {
    const shift = this.pageShift;
    const step = 2 ** ((this.sizes.bitsFor[floorLog2(end - start) + shift] as number) - shift);
    const first = Math.floor(start / step) * step;
    const last = Math.max(first + step, Math.ceil(end / step) * step);
    this.count((last - first) / step);
    return this.drop(context, first, last);
  }

  /** The same for bytes [start, end) of a linear table that begins at page `base`. */
  linear(context: number, base: number, start: number, end: number): number {
    const pageSize = 2 ** this.pageShift;
    const step = 2 ** (this.sizes.bitsFor[floorLog2(end - start + 0xfff)] as number);
    const first = Math.floor(start / step) * step;
    const last = Math.max(first + step, Math.ceil(end / step) * step);
    this.count((last - first) / step);
    return this.drop(context, base + Math.floor(first / pageSize), base + Math.ceil(last / pageSize));
  }

  /** flush_tlb_all: the ptc.e loop on every CPU. */
  all(): number {
    let dropped = 0;
    this.count(this.cpus.length);
    for (const cpu of this.cpus) dropped += cpu.tlb.dropAll(false);
    return dropped;
  }
}
