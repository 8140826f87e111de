/**
 * The TLBs of one CPU: every unit of the machine's TlbShape, as records of eight words in one typed array, so that a fill
 * touches one cache line (ten arrays side by side cost twice as much a fill).
 *
 * A slot caches one translation: the page number it is for (two halves), the context it belongs to, the frame (as page of
 * the mem_map), and what user mode may do through it. Context -1 marks an empty slot. Units are any number of sets and
 * ways (a fully associative unit is one set); replacement is one used bit a slot and a hand a set (as real TLBs
 * do, exactly or nearly), so a hit is one store and a victim needs no scan of stamps.
 *
 * First-level units, and later ones of many ways, are also reachable through `head`, a hash of the page number with exact
 * chains, so a look-up costs one probe whatever the associativity. The replay loop probes `head` itself with these arrays in
 * locals; everything else goes through `find`.
 *
 * Laws: `find` answers a slot filled for exactly that page and context, or global; after `drop*` no slot in the stated
 * range remains; lookups = hits + misses.
 */
import type { TlbShape } from '../arch/mmu-data.js';
import {
  MAX_SCANNED_WAYS,
  TLB_BUCKET_BASE,
  TLB_BUCKETS,
  TLB_CONTEXT,
  TLB_FRAME,
  TLB_GLOBAL,
  TLB_LINK,
  TLB_META,
  TLB_RECORD_SHIFT,
  TLB_USED,
  TLB_VPN_HI,
  TLB_VPN_LO,
} from './record.js';

/** Words of a unit's record: first slot, sets, sets - 1 if a power of two (else -1), ways, first hand, first bucket. */
const UNIT_SHIFT = 3;
const UNIT_BASE = 0;
const UNIT_SETS = 1;
const UNIT_SET_MASK = 2;
const UNIT_WAYS = 3;
const UNIT_HAND = 4;
const UNIT_BUCKETS = 5;

export class Tlb {
  readonly slots: number;
  /** The records. */
  readonly records: Int32Array;
  /** First slot of each bucket, -1 empty. */
  readonly head: Int16Array;
  /** True when instruction and data accesses share the first level: both probe the data chain. */
  readonly sharedFirstLevel: boolean;
  /** Slots filled with a span above one page; while 0 a look-up need not try larger pages. */
  wideSlots = 0;
  /** Set by `find`: 1 when a second-level unit answered. */
  secondLevelHit = 0;

  /** Units as records of UNIT_WORDS words. */
  readonly #units: Int32Array;
  /** Where each set's search for a victim begins. */
  readonly #hand: Int32Array;
  /** First units of the two chains, as word offsets into #units, and the units behind them. */
  readonly #firstExec: number;
  readonly #firstData: number;
  readonly #restExec: Int32Array;
  readonly #restData: Int32Array;
  /** The last data unit, which a hardware walker works with. */
  readonly #lastData: number;

  constructor(shape: TlbShape) {
    const n = shape.units.length;
    this.#units = new Int32Array(n << UNIT_SHIFT);
    this.#firstExec = (shape.exec[0] as number) << UNIT_SHIFT;
    this.#firstData = (shape.data[0] as number) << UNIT_SHIFT;
    this.#restExec = Int32Array.from(shape.exec.slice(1), (u) => u << UNIT_SHIFT);
    this.#restData = Int32Array.from(shape.data.slice(1), (u) => u << UNIT_SHIFT);
    this.#lastData = (shape.data[shape.data.length - 1] as number) << UNIT_SHIFT;
    this.sharedFirstLevel = shape.exec[0] === shape.data[0];
    let slots = 0;
    let sets = 0;
    let buckets = 2 * TLB_BUCKETS;
    shape.units.forEach((spec, u) => {
      const unit = u << UNIT_SHIFT;
      this.#units[unit + UNIT_BASE] = slots;
      this.#units[unit + UNIT_SETS] = spec.sets;
      this.#units[unit + UNIT_SET_MASK] = (spec.sets & (spec.sets - 1)) === 0 ? spec.sets - 1 : -1;
      this.#units[unit + UNIT_WAYS] = spec.ways;
      this.#units[unit + UNIT_HAND] = sets;
      this.#units[unit + UNIT_BUCKETS] = unit === this.#firstData ? 0 : unit === this.#firstExec ? TLB_BUCKETS : -1;
      if (unit !== this.#firstData && unit !== this.#firstExec && spec.ways > MAX_SCANNED_WAYS) {
        this.#units[unit + UNIT_BUCKETS] = buckets;
        buckets += TLB_BUCKETS;
      }
      slots += spec.sets * spec.ways;
      sets += spec.sets;
    });
    this.slots = slots;
    this.head = new Int16Array(buckets).fill(-1);
    this.#hand = new Int32Array(sets);
    this.records = new Int32Array(slots << TLB_RECORD_SHIFT);
    for (let unit = 0; unit < this.#units.length; unit += 1 << UNIT_SHIFT) {
      const base = this.#units[unit + UNIT_BASE] as number;
      const end = base + (this.#units[unit + UNIT_SETS] as number) * (this.#units[unit + UNIT_WAYS] as number);
      for (let slot = base; slot < end; slot++) {
        const at = slot << TLB_RECORD_SHIFT;
        this.records[at + TLB_CONTEXT] = -1;
        this.records[at + TLB_LINK] = -1;
        this.records[at + TLB_BUCKET_BASE] = this.#units[unit + UNIT_BUCKETS] as number;
      }
    }
  }

  /**
   * The first-level slot that translates a page for an access of `kind` (0 fetch, else data) in `context`, or -1.
   * Refills the first level from a later one.
   */
  find(kind: number, vpnHi: number, vpnLo: number, context: number): number {
    const first = kind === 0 ? this.#firstExec : this.#firstData;
    const records = this.records;
    this.secondLevelHit = 0;
    const hit = this.#probe(first, vpnHi, vpnLo, context);
    if (hit >= 0) {
      records[(hit << TLB_RECORD_SHIFT) + TLB_USED] = 1;
      return hit;
    }
    const rest = kind === 0 ? this.#restExec : this.#restData;
    for (let i = 0; i < rest.length; i++) {
      const slot = this.#search(rest[i] as number, vpnHi, vpnLo, context);
      if (slot < 0) continue;
      const at = slot << TLB_RECORD_SHIFT;
      records[at + TLB_USED] = 1;
      this.secondLevelHit = 1;
      return this.#insert(
        first,
        records[at + TLB_VPN_HI] as number,
        records[at + TLB_VPN_LO] as number,
        records[at + TLB_CONTEXT] as number,
        records[at + TLB_FRAME] as number,
        records[at + TLB_META] as number,
      );
    }
    return -1;
  }

  /**
   * Puts a translation into every unit of the chain of `kind`; answers its first-level slot.
   * @param frame page of the mem_map; of a span above one page, the first.
   * @param span log2 of the base pages it translates.
   */
  fill(
    kind: number,
    vpnHi: number,
    vpnLo: number,
    context: number,
    frame: number,
    rights: number,
    attrs: number,
    span: number,
  ): number {
    const meta = rights | (attrs << 8) | (span << 16);
    const rest = kind === 0 ? this.#restExec : this.#restData;
    for (let i = 0; i < rest.length; i++) this.#insert(rest[i] as number, vpnHi, vpnLo, context, frame, meta);
    return this.#insert(kind === 0 ? this.#firstExec : this.#firstData, vpnHi, vpnLo, context, frame, meta);
  }

  /** The last data unit's slot that translates a page in `context`, or -1: the look-up of a walker, which refills nothing. */
  findLast(vpnHi: number, vpnLo: number, context: number): number {
    const slot = this.#search(this.#lastData, vpnHi, vpnLo, context);
    if (slot >= 0) this.records[(slot << TLB_RECORD_SHIFT) + TLB_USED] = 1;
    return slot;
  }

  /** Puts a translation of one page into the last data unit alone; answers its slot there. */
  fillLast(vpnHi: number, vpnLo: number, context: number, frame: number, rights: number, attrs: number): number {
    return this.#insert(this.#lastData, vpnHi, vpnLo, context, frame, rights | (attrs << 8));
  }

  /** Drops every slot that translates the page in `context`, or globally; answers how many. */
  dropPage(vpnHi: number, vpnLo: number, context: number): number {
    if (this.wideSlots !== 0) {
      const vpn = (vpnHi >>> 0) * 4294967296 + (vpnLo >>> 0);
      return this.dropRange(vpn, vpn + 1, context);
    }
    let dropped = 0;
    for (let unit = 0; unit < this.#units.length; unit += 1 << UNIT_SHIFT) {
      for (;;) {
        const slot = this.#search(unit, vpnHi, vpnLo, context);
        if (slot < 0) break;
        this.drop(slot);
        dropped++;
      }
    }
    return dropped;
  }

  /** Drops the slots of one context; global ones stay. */
  dropContext(context: number): number {
    let dropped = 0;
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.contextOf(slot) === context && (this.attrsOf(slot) & TLB_GLOBAL) === 0) {
        this.drop(slot);
        dropped++;
      }
    }
    return dropped;
  }

  /** Drops the slots of one context (and global ones) whose pages overlap [start, end), page numbers. */
  dropRange(start: number, end: number, context: number): number {
    let dropped = 0;
    for (let slot = 0; slot < this.slots; slot++) {
      const owner = this.contextOf(slot);
      if (owner < 0 || (owner !== context && (this.attrsOf(slot) & TLB_GLOBAL) === 0)) continue;
      const first = this.pageOf(slot);
      if (first < end && first + 2 ** this.spanOf(slot) > start) {
        this.drop(slot);
        dropped++;
      }
    }
    return dropped;
  }

  /** Drops everything; with `keepGlobal` all but the global slots. */
  dropAll(keepGlobal: boolean): number {
    const records = this.records;
    const spared = keepGlobal ? TLB_GLOBAL << 8 : 0;
    let dropped = 0;
    for (let at = 0; at < records.length; at += 1 << TLB_RECORD_SHIFT) {
      if ((records[at + TLB_CONTEXT] as number) < 0 || ((records[at + TLB_META] as number) & spared) !== 0) continue;
      this.drop(at >> TLB_RECORD_SHIFT);
      dropped++;
    }
    return dropped;
  }

  /** Low half of the page number a slot translates. */
  vpnLoOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) + TLB_VPN_LO] as number;
  }

  /** High half of the page number a slot translates. */
  vpnHiOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) + TLB_VPN_HI] as number;
  }

  /** Page number a slot translates. */
  pageOf(slot: number): number {
    return (this.vpnHiOf(slot) >>> 0) * 4294967296 + (this.vpnLoOf(slot) >>> 0);
  }

  /** Context a slot belongs to, -1 when it is empty. */
  contextOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) + TLB_CONTEXT] as number;
  }

  /** Page of the mem_map a slot translates to. */
  frameOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) + TLB_FRAME] as number;
  }

  /** RIGHT_ bits of a slot. */
  rightsOf(slot: number): number {
    return (this.records[(slot << TLB_RECORD_SHIFT) + TLB_META] as number) & 0xff;
  }

  /** Attributes of a slot: TLB_GLOBAL and the like. */
  attrsOf(slot: number): number {
    return ((this.records[(slot << TLB_RECORD_SHIFT) + TLB_META] as number) >> 8) & 0xff;
  }

  /** log2 of the base pages a slot spans. */
  spanOf(slot: number): number {
    return (this.records[(slot << TLB_RECORD_SHIFT) + TLB_META] as number) >> 16;
  }

  /** Next slot of the same bucket, -1 for none. */
  linkOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) + TLB_LINK] as number;
  }

  /** Empties one slot. */
  drop(slot: number): void {
    const records = this.records;
    const at = slot << TLB_RECORD_SHIFT;
    if ((records[at + TLB_CONTEXT] as number) < 0) return;
    if ((records[at + TLB_BUCKET_BASE] as number) >= 0) this.#unlink(slot, at);
    if ((records[at + TLB_META] as number) >>> 16 !== 0) this.wideSlots--;
    records[at + TLB_CONTEXT] = -1;
    records[at + TLB_USED] = 0;
  }

  #search(unit: number, vpnHi: number, vpnLo: number, context: number): number {
    return (this.#units[unit + UNIT_BUCKETS] as number) >= 0
      ? this.#probe(unit, vpnHi, vpnLo, context)
      : this.#scan(unit, vpnHi, vpnLo, context);
  }

  /** Look-up through the hash; wide slots are found by a scan. */
  #probe(unit: number, vpnHi: number, vpnLo: number, context: number): number {
    const records = this.records;
    let slot = this.head[(this.#units[unit + UNIT_BUCKETS] as number) + (vpnLo & (TLB_BUCKETS - 1))] as number;
    while (slot >= 0) {
      const at = slot << TLB_RECORD_SHIFT;
      if (
        records[at + TLB_VPN_LO] === vpnLo &&
        records[at + TLB_VPN_HI] === vpnHi &&
        (records[at + TLB_CONTEXT] === context || ((records[at + TLB_META] as number) & (TLB_GLOBAL << 8)) !== 0)
      ) {
        return slot;
      }
      slot = records[at + TLB_LINK] as number;
    }
    return this.wideSlots === 0 ? -1 : this.#scan(unit, vpnHi, vpnLo, context);
  }

  /** Look-up through the ways of a set. */
  #scan(unit: number, vpnHi: number, vpnLo: number, context: number): number {
    const records = this.records;
    const ways = this.#units[unit + UNIT_WAYS] as number;
    const start = (this.#units[unit + UNIT_BASE] as number) + Math.imul(this.#setOf(unit, vpnHi, vpnLo), ways);
    const end = (start + ways) << TLB_RECORD_SHIFT;
    for (let at = start << TLB_RECORD_SHIFT; at < end; at += 1 << TLB_RECORD_SHIFT) {
      // Page numbers below the span are zero in a slot, so only a slot that differs below it can need the mask.
      const differs = (records[at + TLB_VPN_LO] as number) ^ vpnLo;
      if (differs !== 0 && (this.wideSlots === 0 || differs >>> ((records[at + TLB_META] as number) >> 16) !== 0))
        continue;
      const owner = records[at + TLB_CONTEXT] as number;
      if (
        records[at + TLB_VPN_HI] === vpnHi &&
        (owner === context || (owner >= 0 && ((records[at + TLB_META] as number) & (TLB_GLOBAL << 8)) !== 0))
      ) {
        return at >> TLB_RECORD_SHIFT;
      }
    }
    return -1;
  }

  #setOf(unit: number, vpnHi: number, vpnLo: number): number {
    const mask = this.#units[unit + UNIT_SET_MASK] as number;
    if (mask >= 0) return vpnLo & mask;
    return (((vpnHi >>> 0) * 4294967296 + (vpnLo >>> 0)) % (this.#units[unit + UNIT_SETS] as number)) | 0;
  }

  #insert(unit: number, vpnHi: number, vpnLo: number, context: number, frame: number, meta: number): number {
    const records = this.records;
    const units = this.#units;
    const set = this.#setOf(unit, vpnHi, vpnLo);
    const ways = units[unit + UNIT_WAYS] as number;
    const start = (units[unit + UNIT_BASE] as number) + Math.imul(set, ways);
    const handAt = (units[unit + UNIT_HAND] as number) + set;
    let hand = this.#hand[handAt] as number;
    let at = (start + hand) << TLB_RECORD_SHIFT;
    // An unused slot comes up within one turn; the turn clears the used bits it passes.
    while (records[at + TLB_USED] === 1) {
      records[at + TLB_USED] = 0;
      hand = hand + 1 === ways ? 0 : hand + 1;
      at = (start + hand) << TLB_RECORD_SHIFT;
    }
    const slot = start + hand;
    this.#hand[handAt] = hand + 1 === ways ? 0 : hand + 1;
    const buckets = units[unit + UNIT_BUCKETS] as number;
    if (
      this.wideSlots !== 0 &&
      (records[at + TLB_CONTEXT] as number) >= 0 &&
      (records[at + TLB_META] as number) >> 16 !== 0
    ) {
      this.wideSlots--;
    }
    if (buckets >= 0 && (records[at + TLB_CONTEXT] as number) >= 0) this.#unlink(slot, at);
    const span = meta >> 16;
    if (span !== 0) this.wideSlots++;
    const tag = span === 0 ? vpnLo : vpnLo & (-1 << span);
    records[at + TLB_VPN_LO] = tag;
    records[at + TLB_VPN_HI] = vpnHi;
    records[at + TLB_CONTEXT] = context;
    records[at + TLB_FRAME] = frame;
    records[at + TLB_META] = meta;
    records[at + TLB_USED] = 1;
    if (buckets >= 0) {
      const bucket = buckets + (tag & (TLB_BUCKETS - 1));
      records[at + TLB_LINK] = this.head[bucket] as number;
      this.head[bucket] = slot;
    }
    return slot;
  }

  #unlink(slot: number, at: number): void {
    const records = this.records;
    const bucket =
      (records[at + TLB_BUCKET_BASE] as number) + ((records[at + TLB_VPN_LO] as number) & (TLB_BUCKETS - 1));
    const next = records[at + TLB_LINK] as number;
    let before = this.head[bucket] as number;
    if (before === slot) {
      this.head[bucket] = next;
      return;
    }
    for (;;) {
      const link = (before << TLB_RECORD_SHIFT) + TLB_LINK;
      if (records[link] === slot) {
        records[link] = next;
        return;
      }
      before = records[link] as number;
    }
  }
}
