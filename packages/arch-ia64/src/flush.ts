/**
 * Purges (arch/ia64/mm/tlb.c). ptc takes one address and one size, and the hardware knows few sizes; a range is purged in
 * steps of the smallest one that is not below its length, from its start rounded down to that size.
 */
import { type Cpu, callFunction, type Mm, type MmuHost, PURGES } from '@fourfold/core/arch';
import type { Ia64Contexts } from './context.js';
import { RGN_HPAGE } from './regions.js';
import type { LinearTable } from './vhpt.js';

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

/** ptc.ga, which reaches all CPUs without an interrupt, or ptc.l on the only one. Every method answers how many slots it dropped. */
export class Purger {
  private readonly host: MmuHost;
  private readonly cpus: readonly Cpu[];
  private readonly counts: Float64Array;
  private readonly pageShift: number;
  private readonly sizes: PurgeSizes = new PurgeSizes();
  private dropped = 0;

  constructor(host: MmuHost, pageShift: number) {
    this.host = host;
    this.cpus = host.cpus;
    this.counts = host.counters.values;
    this.pageShift = pageShift;
  }

  /** One page of a context. */
  page(context: number, vpn: number): number {
    this.count(1);
    return this.drop(context, vpn, vpn + 1);
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

  /** flush_tlb_all: the ptc.e loop, on the other CPUs by an interrupt. */
  all(): number {
    this.dropped = 0;
    callFunction(this.host, -1, 'ipiFlushAll', this.onAll, this.host.cpu.mm);
    this.onAll(this.host.cpu);
    return this.dropped;
  }

  private readonly onAll = ({ tlb }: Cpu): void => {
    this.count(1);
    this.dropped += tlb.dropAll(false);
  };

  /** Counts the kernel's purges: a ptc.ga for all CPUs is one, a ptc.e is one on each. */
  private count(purges: number): void {
    this.counts[PURGES] = (this.counts[PURGES] as number) + purges;
  }

  /** Drops pages [first, end) of a context, exactly, on every CPU. */
  private drop(context: number, first: number, end: number): number {
    let dropped = 0;
    for (let i = 0; i < this.cpus.length; i++) {
      const { tlb } = this.cpus[i] as Cpu;
      if (end - first === 1) dropped += tlb.dropPage((first / 4294967296) | 0, first | 0, context);
      else dropped += tlb.dropRange(first, end, context);
    }
    return dropped;
  }
}

/** What a flush came to: its counter, and how many slots went. */
export type Flushed = (which: 'page' | 'range' | 'mm' | 'all', dropped: number) => void;

/** The port's flush calls. */
export class Ia64Flush {
  readonly purger: Purger;
  private readonly host: MmuHost;
  private readonly contexts: Ia64Contexts;
  private readonly linear: LinearTable;
  private readonly pageShift: number;
  /** HPAGE_SHIFT - PAGE_SHIFT. */
  private readonly hugeScale: number;
  /** One CPU: the rules of a kernel built without SMP. */
  private readonly single: boolean;
  private readonly counted: Flushed;

  constructor(host: MmuHost, contexts: Ia64Contexts, linear: LinearTable, hugeScale: number, counted: Flushed) {
    this.host = host;
    this.contexts = contexts;
    this.linear = linear;
    this.pageShift = host.arch.geometry.pageShift;
    this.purger = new Purger(host, this.pageShift);
    this.hugeScale = hugeScale;
    this.single = host.cpus.length === 1;
    this.counted = counted;
  }

  /** flush_tlb_page. */
  page(mm: Mm, vpn: number): void {
    if (!this.elsewhere(mm)) this.counted('page', this.purger.page(mm.context, vpn));
  }

  /** flush_tlb_range over page numbers [start, end). */
  range(mm: Mm, start: number, end: number): void {
    if (!this.elsewhere(mm)) this.counted('range', this.purger.range(mm.context, start, end));
  }

  /**
   * flush_tlb_mm: purges nothing, the mm takes another number. This CPU alone loads it when the mm runs here and has one
   * user; else an interrupt makes every CPU that has the mm loaded do so.
   */
  mm(mm: Mm): void {
    this.contexts.abandon(mm);
    this.counted('mm', 0);
    const { cpu } = this.host;
    const isOurs = cpu.mm === mm && mm.users === 1;
    if (!isOurs) callFunction(this.host, -1, 'ipiContext', this.onMm, mm);
    this.onMm(cpu, mm);
  }

  /** flush_tlb_all. */
  all(): void {
    this.counted('all', this.purger.all());
  }

  /**
   * tlb_flush: a dying mm gives its number up; a gather that spans regions or 2^40 bytes flushes all; else the range is
   * purged, and then the part of the linear table that holds its ptes.
   */
  gather(mm: Mm, fullmm: boolean, start: number, end: number): void {
    if (fullmm) {
      this.contexts.abandon(mm);
      this.counted('mm', 0);
      return;
    }
    if (this.elsewhere(mm)) return;
    const { regionPages } = this.linear;
    const region = Math.floor(start / regionPages);
    const isWide = !(end - start < FLUSH_ALL_BYTES / 2 ** this.pageShift);
    if (isWide || region !== Math.floor((end - 1) / regionPages)) {
      this.all();
      return;
    }
    this.counted('range', this.purger.range(mm.context, start, end));
    const scale = region === RGN_HPAGE ? 2 ** this.hugeScale : 1;
    const base = region * regionPages;
    const first = Math.floor((start - base) / scale) * 8;
    const last = Math.floor((end - base) / scale) * 8;
    this.counted('range', this.purger.linear(mm.context, base + this.linear.basePage, first, last));
  }

  /** local_finish_flush_tlb_mm. */
  private readonly onMm = (cpu: Cpu, mm: Mm): void => {
    if (cpu.mm === mm) this.contexts.activate(cpu, mm);
  };

  /** A mm that this CPU does not run is not purged: on SMP every TLB is flushed, on one CPU the number is given up. */
  private elsewhere(mm: Mm): boolean {
    if (this.host.cpu.mm === mm) return false;
    if (!this.single) this.all();
    else if (this.host.defectsKept) mm.context = 0;
    else this.contexts.abandon(mm);
    return true;
  }
}
