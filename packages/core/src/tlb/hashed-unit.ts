/**
 * A translation buffer whose slots hang in a hash with exact chains: every first level, so that a hit is one probe whatever
 * the associativity, and later ones of many ways. The shape is in plain fields of the object, the slots in the records
 * that all units of a CPU share; the used bit is in the record, where the replay loop sets it.
 */
import type { TlbUnitSpec } from '../arch/mmu-data.js';
import {
  TLB_ATTRS_SHIFT,
  TLB_BUCKETS,
  TLB_CONTEXT,
  TLB_FRAME,
  TLB_GLOBAL,
  TLB_LINK,
  TLB_META,
  TLB_RECORD_SHIFT,
  TLB_SPAN_SHIFT,
  TLB_USED,
  TLB_VPN_HI,
  TLB_VPN_LO,
} from './record.js';
import { type SpanRange, setAmong } from './shape.js';
import { type TlbStore, type TlbUnit, type WideSlots, wideTag } from './unit.js';

export class HashedUnit implements TlbUnit {
  readonly base: number;
  readonly end: number;
  readonly spans: SpanRange;
  private readonly records: Int32Array;
  private readonly head: Int16Array;
  private readonly wide: WideSlots;
  private readonly sets: number;
  /** sets - 1 where that is a mask, else -1. */
  private readonly setMask: number;
  private readonly ways: number;
  /** Lowest page number bit that chooses the set and the bucket. */
  private readonly shift: number;
  /** First bucket of the unit's hash. */
  private readonly buckets: number;
  private readonly hand: Uint16Array;
  /** Filled since `dropAll` last left it empty. */
  private filled = false;

  constructor(spec: TlbUnitSpec, base: number, buckets: number, store: TlbStore, spans: SpanRange) {
    this.spans = spans;
    this.shift = spans.min;
    this.base = base;
    this.end = base + spec.sets * spec.ways;
    this.records = store.records;
    this.head = store.head;
    this.wide = store.wide;
    this.sets = spec.sets;
    this.setMask = (spec.sets & (spec.sets - 1)) === 0 ? spec.sets - 1 : -1;
    this.ways = spec.ways;
    this.buckets = buckets;
    this.hand = new Uint16Array(spec.sets);
    for (let slot = base; slot < this.end; slot++) {
      const at = slot << TLB_RECORD_SHIFT;
      this.records[at | TLB_CONTEXT] = -1;
      this.records[at | TLB_LINK] = -1;
    }
  }

  search(vpnHi: number, vpnLo: number, context: number): number {
    const records = this.records;
    let slot = this.head[this.buckets + (vpnLo & (TLB_BUCKETS - 1))] as number;
    while (slot >= 0) {
      const at = slot << TLB_RECORD_SHIFT;
      if (
        records[at | TLB_VPN_LO] === vpnLo &&
        records[at | TLB_VPN_HI] === vpnHi &&
        (records[at | TLB_CONTEXT] === context ||
          ((records[at | TLB_META] as number) & (TLB_GLOBAL << TLB_ATTRS_SHIFT)) !== 0)
      ) {
        return slot;
      }
      slot = records[at | TLB_LINK] as number;
    }
    return -1;
  }

  touch(slot: number): void {
    this.records[(slot << TLB_RECORD_SHIFT) | TLB_USED] = 1;
  }

  insert(vpnHi: number, vpnLo: number, context: number, frame: number, meta: number): number {
    const { records, head, ways } = this;
    const set = this.setOf(vpnHi, vpnLo);
    const first = (this.base + set * ways) | 0;
    let hand = this.hand[set] as number;
    let at = (first + hand) << TLB_RECORD_SHIFT;
    // An unused slot comes up within one turn; the turn clears the used bits it passes.
    while (records[at | TLB_USED] === 1) {
      records[at | TLB_USED] = 0;
      hand = hand + 1 === ways ? 0 : hand + 1;
      at = (first + hand) << TLB_RECORD_SHIFT;
    }
    this.hand[set] = hand + 1 === ways ? 0 : hand + 1;
    const slot = first + hand;
    if ((records[at | TLB_CONTEXT] as number) >= 0) {
      // What `drop` does, the frequent case of it in place.
      const old = this.bucketOf(records[at | TLB_VPN_LO] as number);
      if (head[old] === slot) head[old] = records[at | TLB_LINK] as number;
      else this.unlink(old, slot);
    }
    const span = meta >> TLB_SPAN_SHIFT;
    const tag = this.wide.count + span === 0 ? vpnLo : wideTag(records, at, this.wide, vpnLo, span);
    records[at | TLB_VPN_LO] = tag;
    records[at | TLB_VPN_HI] = vpnHi | 0;
    records[at | TLB_CONTEXT] = context | 0;
    records[at | TLB_FRAME] = frame | 0;
    records[at | TLB_META] = meta | 0;
    records[at | TLB_USED] = 1;
    this.filled = true;
    const bucket = this.bucketOf(tag);
    records[at | TLB_LINK] = head[bucket] as number;
    head[bucket] = slot;
    return slot;
  }

  drop(slot: number): void {
    const records = this.records;
    const at = slot << TLB_RECORD_SHIFT;
    if ((records[at | TLB_CONTEXT] as number) < 0) return;
    this.unlink(this.bucketOf(records[at | TLB_VPN_LO] as number), slot);
    if ((records[at | TLB_META] as number) >> TLB_SPAN_SHIFT !== 0) this.wide.count--;
    records[at | TLB_CONTEXT] = -1;
    records[at | TLB_USED] = 0;
  }

  dropAll(spared: number): number {
    if (!this.filled) return 0;
    const records = this.records;
    let dropped = 0;
    let kept = 0;
    for (let slot = this.base; slot < this.end; slot++) {
      const at = slot << TLB_RECORD_SHIFT;
      if ((records[at | TLB_CONTEXT] as number) < 0) continue;
      if (((records[at | TLB_META] as number) & spared) !== 0) {
        kept++;
        continue;
      }
      this.drop(slot);
      dropped++;
    }
    this.filled = kept > 0;
    return dropped;
  }

  dropPage(vpnHi: number, vpnLo: number, context: number): number {
    const { records, head } = this;
    const bucket = this.buckets + (vpnLo & (TLB_BUCKETS - 1));
    let dropped = 0;
    let before = -1;
    let slot = head[bucket] as number;
    while (slot >= 0) {
      const at = slot << TLB_RECORD_SHIFT;
      const next = records[at | TLB_LINK] as number;
      if (
        records[at | TLB_VPN_LO] === vpnLo &&
        records[at | TLB_VPN_HI] === vpnHi &&
        (records[at | TLB_CONTEXT] === context ||
          ((records[at | TLB_META] as number) & (TLB_GLOBAL << TLB_ATTRS_SHIFT)) !== 0)
      ) {
        if (before < 0) head[bucket] = next;
        else records[(before << TLB_RECORD_SHIFT) | TLB_LINK] = next;
        records[at | TLB_CONTEXT] = -1;
        records[at | TLB_USED] = 0;
        dropped++;
      } else {
        before = slot;
      }
      slot = next;
    }
    return dropped;
  }

  /** A slot that spans several pages hangs in the bucket of its first page, and its page number is zero below the span. */
  searchWide(vpnHi: number, vpnLo: number, context: number): number {
    const records = this.records;
    const first = (this.base + this.setOf(vpnHi, vpnLo) * this.ways) | 0;
    for (let slot = first; slot < first + this.ways; slot++) {
      const at = slot << TLB_RECORD_SHIFT;
      const differs = (records[at | TLB_VPN_LO] as number) ^ vpnLo;
      if (
        differs >>> ((records[at | TLB_META] as number) >> TLB_SPAN_SHIFT) !== 0 ||
        records[at | TLB_VPN_HI] !== vpnHi
      )
        continue;
      if (this.belongs(at, context)) return slot;
    }
    return -1;
  }

  /** Whether the record at a word is in use and may answer for `context`. */
  private belongs(at: number, context: number): boolean {
    const owner = this.records[at | TLB_CONTEXT] as number;
    return (
      owner === context ||
      (owner >= 0 && ((this.records[at | TLB_META] as number) & (TLB_GLOBAL << TLB_ATTRS_SHIFT)) !== 0)
    );
  }

  private setOf(vpnHi: number, vpnLo: number): number {
    return this.setMask >= 0 ? (vpnLo >>> this.shift) & this.setMask : setAmong(this.sets, this.shift, vpnHi, vpnLo);
  }

  /** The bucket in which a slot of a page number (of its first page) hangs. */
  private bucketOf(tag: number): number {
    return this.buckets + ((tag >>> this.shift) & (TLB_BUCKETS - 1));
  }

  /** Takes a slot out of its bucket. */
  private unlink(bucket: number, slot: number): void {
    const { records, head } = this;
    const next = records[(slot << TLB_RECORD_SHIFT) | TLB_LINK] as number;
    let before = head[bucket] as number;
    if (before === slot) {
      head[bucket] = next;
      return;
    }
    for (;;) {
      const link = (before << TLB_RECORD_SHIFT) | TLB_LINK;
      if (records[link] === slot) {
        records[link] = next;
        return;
      }
      before = records[link] as number;
    }
  }
}
