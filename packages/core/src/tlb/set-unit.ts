/**
 * A later translation buffer of few ways: its sets are looked through. The page numbers of a set lie together, apart from
 * the records, and so do the used bits and the hand: a look-up that finds nothing touches one line of the host's cache,
 * and a fill one record (with all in the records a second level of 512 slots cost 27 ns a miss, not 12).
 */
import type { TlbUnitSpec } from '../arch/mmu-data.js';
import {
  TLB_ATTRS_SHIFT,
  TLB_CONTEXT,
  TLB_FRAME,
  TLB_GLOBAL,
  TLB_META,
  TLB_RECORD_SHIFT,
  TLB_SPAN_SHIFT,
  TLB_VPN_HI,
  TLB_VPN_LO,
} from './record.js';
import { type SpanRange, setAmong } from './shape.js';
import { type TlbStore, type TlbUnit, type WideSlots, wideTag } from './unit.js';

/** In a set's state word: the used bits of up to eight ways, a bit for each way in use, and where the hand stands. */
const USED_BITS = 0xff;
const LIVE_SHIFT = 8;
const LIVE_BITS = 0xff00;
const HAND_SHIFT = 16;
/** Way 0 used and in use. */
const USED_AND_LIVE = 1 | (1 << LIVE_SHIFT);

export class SetUnit implements TlbUnit {
  readonly base: number;
  readonly end: number;
  readonly spans: SpanRange;
  private readonly records: Int32Array;
  private readonly wide: WideSlots;
  private readonly sets: number;
  private readonly setMask: number;
  private readonly ways: number;
  /** Used bits of a set whose ways are all used. */
  private readonly allUsed: number;
  /** Lowest page number bit that chooses the set. */
  private readonly shift: number;
  /** Low half of the page number of every slot, as filled; a slot may be empty all the same. A set has room for 4 or 8. */
  private readonly tags: Int32Array;
  /** log2 of that room. */
  private readonly tagShift: number;
  private readonly state: Int32Array;
  /** Filled since `dropAll` last left it empty. */
  private filled = false;

  constructor(spec: TlbUnitSpec, base: number, store: TlbStore, spans: SpanRange) {
    this.spans = spans;
    this.shift = spans.min;
    this.base = base;
    this.end = base + spec.sets * spec.ways;
    this.records = store.records;
    this.wide = store.wide;
    this.sets = spec.sets;
    this.setMask = (spec.sets & (spec.sets - 1)) === 0 ? spec.sets - 1 : -1;
    this.ways = spec.ways;
    this.allUsed = (1 << spec.ways) - 1;
    this.tagShift = spec.ways > 4 ? 3 : 2;
    this.tags = new Int32Array(spec.sets << this.tagShift);
    this.state = new Int32Array(spec.sets);
    for (let slot = base; slot < this.end; slot++) this.records[(slot << TLB_RECORD_SHIFT) | TLB_CONTEXT] = -1;
  }

  search(vpnHi: number, vpnLo: number, context: number): number {
    const { tags } = this;
    const set = this.setOf(vpnHi, vpnLo);
    // Four at a time: a loop over each took twice as long.
    let i = set << this.tagShift;
    if (tags[i] === vpnLo || tags[i | 1] === vpnLo || tags[i | 2] === vpnLo || tags[i | 3] === vpnLo) {
      return this.searchSet(set, vpnHi, vpnLo, context);
    }
    if (this.tagShift === 2) return -1;
    i |= 4;
    if (tags[i] === vpnLo || tags[i | 1] === vpnLo || tags[i | 2] === vpnLo || tags[i | 3] === vpnLo) {
      return this.searchSet(set, vpnHi, vpnLo, context);
    }
    return -1;
  }

  /** Looks at each way of a set. */
  private searchSet(set: number, vpnHi: number, vpnLo: number, context: number): number {
    const first = (this.base + set * this.ways) | 0;
    for (let way = 0; way < this.ways; way++) {
      if (this.tags[(set << this.tagShift) | way] !== vpnLo) continue;
      const at = (first + way) << TLB_RECORD_SHIFT;
      if (this.records[at | TLB_VPN_HI] === vpnHi && this.belongs(at, context)) return first + way;
    }
    return -1;
  }

  touch(slot: number): void {
    const i = slot - this.base;
    const set = (i / this.ways) | 0;
    this.state[set] = (this.state[set] as number) | (1 << (i - set * this.ways));
  }

  insert(vpnHi: number, vpnLo: number, context: number, frame: number, meta: number): number {
    const records = this.records;
    const ways = this.ways;
    const set = this.setOf(vpnHi, vpnLo);
    const state = this.state[set] as number;
    let used = state & USED_BITS;
    let way = state >> HAND_SHIFT;
    // An unused way comes up within one turn; the turn clears the used bits it passes, all of them if it comes back.
    if (used === this.allUsed) used = 0;
    while (((used >> way) & 1) === 1) {
      used &= ~(1 << way);
      way = way + 1 === ways ? 0 : way + 1;
    }
    this.filled = true;
    const next = way + 1 === ways ? 0 : way + 1;
    this.state[set] = (state & LIVE_BITS) | used | (USED_AND_LIVE << way) | (next << HAND_SHIFT);
    const slot = (this.base + set * ways + way) | 0;
    const at = slot << TLB_RECORD_SHIFT;
    const span = meta >> TLB_SPAN_SHIFT;
    const tag = this.wide.count + span === 0 ? vpnLo : wideTag(records, at, this.wide, vpnLo, span);
    this.tags[(set << this.tagShift) | way] = tag;
    records[at | TLB_VPN_LO] = tag;
    records[at | TLB_VPN_HI] = vpnHi | 0;
    records[at | TLB_CONTEXT] = context | 0;
    records[at | TLB_FRAME] = frame | 0;
    records[at | TLB_META] = meta | 0;
    return slot;
  }

  drop(slot: number): void {
    const at = slot << TLB_RECORD_SHIFT;
    if ((this.records[at | TLB_CONTEXT] as number) < 0) return;
    if ((this.records[at | TLB_META] as number) >> TLB_SPAN_SHIFT !== 0) this.wide.count--;
    const i = slot - this.base;
    const set = (i / this.ways) | 0;
    this.empty(set, i - set * this.ways);
  }

  dropAll(spared: number): number {
    if (!this.filled) return 0;
    const { records, state } = this;
    let dropped = 0;
    let kept = 0;
    for (let set = 0; set < state.length; set++) {
      let live = ((state[set] as number) & LIVE_BITS) >> LIVE_SHIFT;
      for (; live !== 0; live &= live - 1) {
        const slot = this.base + set * this.ways + 31 - Math.clz32(live & -live);
        if (((records[(slot << TLB_RECORD_SHIFT) | TLB_META] as number) & spared) !== 0) {
          kept++;
          continue;
        }
        this.drop(slot);
        dropped++;
      }
    }
    this.filled = kept > 0;
    return dropped;
  }

  dropPage(vpnHi: number, vpnLo: number, context: number): number {
    const { records, tags, ways } = this;
    const set = this.setOf(vpnHi, vpnLo);
    const first = (this.base + set * ways) | 0;
    let dropped = 0;
    for (let way = 0; way < ways; way++) {
      if (tags[(set << this.tagShift) | way] !== vpnLo) continue;
      const at = (first + way) << TLB_RECORD_SHIFT;
      if (records[at | TLB_VPN_HI] !== vpnHi || !this.belongs(at, context)) continue;
      this.empty(set, way);
      dropped++;
    }
    return dropped;
  }

  /** Marks a way of a set as neither used nor in use. */
  private empty(set: number, way: number): void {
    this.records[((this.base + set * this.ways + way) << TLB_RECORD_SHIFT) | TLB_CONTEXT] = -1;
    this.state[set] = (this.state[set] as number) & ~(USED_AND_LIVE << way);
  }

  /** The page number of slots that span several pages is zero below the span. */
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
}
