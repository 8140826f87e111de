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
import { KernelBug } from '../errors.js';
import { type LaterLevels, TlbChain } from './chain.js';
import { HashedUnit } from './hashed-unit.js';
import {
  MAX_SCANNED_WAYS,
  TLB_ATTRS_SHIFT,
  TLB_BUCKETS,
  TLB_CONTEXT,
  TLB_FRAME,
  TLB_GLOBAL,
  TLB_LINK,
  TLB_META,
  TLB_RECORD_SHIFT,
  TLB_SPAN_SHIFT,
  TLB_VPN_HI,
  TLB_VPN_LO,
} from './record.js';
import { SetUnit } from './set-unit.js';
import { checkShape, spansOf } from './shape.js';
import type { TlbStore, TlbUnit, WideSlots } from './unit.js';
import type { TlbWatch } from './watch.js';

export class Tlb {
  readonly slots: number;
  /** The records. */
  readonly records: Int32Array;
  /** First slot of each bucket, -1 empty. */
  readonly head: Int16Array;
  /** True when instruction and data accesses share the first level: both probe the data chain. */
  readonly sharedFirstLevel: boolean;
  /** Set by `find`: 1 when a second-level unit answered. */
  secondLevelHit = 0;
  /** Who is told of every purge; null: nobody. */
  watch: TlbWatch | null = null;

  private readonly units: readonly TlbUnit[];
  /** Those that take base pages. */
  private readonly baseUnits: readonly TlbUnit[];
  private readonly wide: WideSlots = { count: 0 };
  private readonly exec: TlbChain;
  private readonly data: TlbChain;
  /** The last data unit, which a hardware walker works with. */
  private readonly lastData: TlbUnit;

  /** @throws MmError MM_TLB for a shape that is none */
  constructor(shape: TlbShape) {
    const { pageShift = 0 } = shape;
    checkShape(shape, pageShift === 0 ? [] : [pageShift]);
    const buckets = bucketsOf(shape);
    this.slots = shape.units.reduce((sum, unit) => sum + unit.sets * unit.ways, 0);
    this.records = new Int32Array(this.slots << TLB_RECORD_SHIFT);
    this.head = new Int16Array(Math.max(...buckets) + TLB_BUCKETS).fill(-1);
    const store: TlbStore = { records: this.records, head: this.head, wide: this.wide };
    let base = 0;
    this.units = shape.units.map((spec, u) => {
      const bucket = buckets[u] as number;
      const spans = spansOf(spec, pageShift);
      const shared = spans.max > 0 ? store : { ...store, wide: { count: 0 } };
      const unit =
        bucket < 0 ? new SetUnit(spec, base, shared, spans) : new HashedUnit(spec, base, bucket, shared, spans);
      base = unit.end;
      return unit;
    });
    this.baseUnits = this.units.filter(({ spans }) => spans.min === 0);
    const chain = (levels: readonly number[]): TlbChain => {
      const [first, ...behind] = levels.map((u) => this.units[u] as TlbUnit);
      return new TlbChain(first as HashedUnit, behind);
    };
    this.exec = chain(shape.exec);
    this.data = chain(shape.data);
    this.lastData = this.data.last;
    this.sharedFirstLevel = this.exec.first === this.data.first;
  }

  /** Slots filled with a span above one page. */
  get wideSlots(): number {
    return this.wide.count;
  }

  /**
   * The first-level slot that translates a page for an access of `kind` (0 fetch, else data) in `context`, or -1.
   * Refills the first level of the page's size from a later one.
   */
  find(kind: number, vpnHi: number, vpnLo: number, context: number): number {
    this.secondLevelHit = 0;
    if (this.wide.count !== 0) return this.findAny(kind, vpnHi, vpnLo, context);
    const { first } = kind === 0 ? this.exec : this.data;
    const hit = first.search(vpnHi, vpnLo, context);
    if (hit < 0) return this.findBehind(kind, vpnHi, vpnLo, context);
    first.touch(hit);
    return hit;
  }

  /** `find` of a page that the first level of base pages does not have. */
  findBehind(kind: number, vpnHi: number, vpnLo: number, context: number): number {
    this.secondLevelHit = 0;
    if (this.wide.count !== 0) return this.findAny(kind, vpnHi, vpnLo, context);
    const { first, later } = kind === 0 ? this.exec : this.data;
    if (later === null) return -1;
    const slot = later.search(vpnHi, vpnLo, context);
    return slot < 0 ? -1 : this.refill(first, later, slot, vpnHi, vpnLo);
  }

  /** `find` while slots that span several pages are about. */
  private findAny(kind: number, vpnHi: number, vpnLo: number, context: number): number {
    const { first, behind } = kind === 0 ? this.exec : this.data;
    const hit = this.searchAny(first, vpnHi, vpnLo, context);
    if (hit >= 0) {
      first.touch(hit);
      return hit;
    }
    for (let i = 0; i < behind.length; i++) {
      const unit = behind[i] as TlbUnit;
      const slot = this.searchAny(unit, vpnHi, vpnLo, context);
      if (slot < 0) continue;
      const span = this.spanOf(slot);
      const home = span === 0 ? first : this.homeOf(kind, span);
      if (home !== unit) return this.refill(home, unit, slot, vpnHi, vpnLo);
      unit.touch(slot);
      return slot;
    }
    return -1;
  }

  private searchAny(unit: TlbUnit, vpnHi: number, vpnLo: number, context: number): number {
    const isWide = this.wide.count !== 0 && unit.spans.max > 0;
    return isWide ? unit.searchWide(vpnHi, vpnLo, context) : unit.search(vpnHi, vpnLo, context);
  }

  /**
   * A hit in a later unit: into the first level of its size, under the page asked for (a slot that spans several may belong into
   * another set under its first page).
   */
  private refill(home: TlbUnit, unit: LaterLevels, slot: number, vpnHi: number, vpnLo: number): number {
    const { records } = this;
    const at = slot << TLB_RECORD_SHIFT;
    unit.touch(slot);
    this.secondLevelHit = 1;
    return home.insert(
      vpnHi,
      vpnLo,
      records[at | TLB_CONTEXT] as number,
      records[at | TLB_FRAME] as number,
      records[at | TLB_META] as number,
    );
  }

  /**
   * Puts a translation into every unit of the chain of `kind` that takes its size; answers its first-level slot.
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
    const meta = rights | (attrs << TLB_ATTRS_SHIFT) | (span << TLB_SPAN_SHIFT);
    if (span !== 0) return this.fillWide(kind, vpnHi, vpnLo, context, frame, meta);
    this.fillBehind(kind, vpnHi, vpnLo, context, frame, meta);
    return this.fillFirst(kind, vpnHi, vpnLo, context, frame, meta);
  }

  /**
   * `fill` of a base page whose rights and attributes stand in TLB_META's places already, in two halves: the levels behind the
   * first, and the first, whose slot is the answer. (As one, V8 did not take SetUnit's insertion into a miss handler.)
   */
  fillBehind(kind: number, vpnHi: number, vpnLo: number, context: number, frame: number, meta: number): void {
    const { later } = kind === 0 ? this.exec : this.data;
    if (later !== null) later.insert(vpnHi, vpnLo, context, frame, meta);
  }

  fillFirst(kind: number, vpnHi: number, vpnLo: number, context: number, frame: number, meta: number): number {
    return (kind === 0 ? this.exec : this.data).first.insert(vpnHi, vpnLo, context, frame, meta);
  }

  /** The same of a page that spans several: into the units that take its size. */
  fillWide(kind: number, vpnHi: number, vpnLo: number, context: number, frame: number, meta: number): number {
    const home = this.homeOf(kind, meta >> TLB_SPAN_SHIFT);
    const { behind } = kind === 0 ? this.exec : this.data;
    for (let i = 0; i < behind.length; i++) {
      const unit = behind[i] as TlbUnit;
      if (unit !== home && takes(unit, meta >> TLB_SPAN_SHIFT)) unit.insert(vpnHi, vpnLo, context, frame, meta);
    }
    return home.insert(vpnHi, vpnLo, context, frame, meta);
  }

  /** Whether a unit of the chain of `kind` takes pages that span 2^span base pages. */
  takesSpan(kind: number, span: number): boolean {
    const { first, behind } = kind === 0 ? this.exec : this.data;
    return takes(first, span) || behind.some((unit) => takes(unit, span));
  }

  /** The first level of pages that span several. */
  private homeOf(kind: number, span: number): TlbUnit {
    const { first, behind } = kind === 0 ? this.exec : this.data;
    if (takes(first, span)) return first;
    for (let i = 0; i < behind.length; i++) if (takes(behind[i] as TlbUnit, span)) return behind[i] as TlbUnit;
    throw new KernelBug(`no unit takes pages of 2^${span} base pages`);
  }

  /** The last data unit's slot that translates a page in `context`, or -1: the look-up of a walker, which refills nothing. */
  findLast(vpnHi: number, vpnLo: number, context: number): number {
    const slot = this.searchAny(this.lastData, vpnHi, vpnLo, context);
    if (slot >= 0) this.lastData.touch(slot);
    return slot;
  }

  /** Puts a translation of one page into the last data unit alone; answers its slot there. */
  fillLast(vpnHi: number, vpnLo: number, context: number, frame: number, rights: number, attrs: number): number {
    return this.lastData.insert(vpnHi, vpnLo, context, frame, rights | (attrs << 8));
  }

  /** Whether some unit translates a page under a context. */
  holds(page: number, context: number): boolean {
    const hi = (page / 4294967296) | 0;
    return this.units.some((unit) => this.searchAny(unit, hi, page | 0, context) >= 0);
  }

  /** Drops every slot that translates the page in `context`, or globally; answers how many. */
  dropPage(vpnHi: number, vpnLo: number, context: number): number {
    if (this.watch !== null || this.wide.count !== 0) return this.dropWide(vpnHi, vpnLo, context);
    const { baseUnits } = this;
    let dropped = 0;
    for (let i = 0; i < baseUnits.length; i++) dropped += (baseUnits[i] as TlbUnit).dropPage(vpnHi, vpnLo, context);
    return dropped;
  }

  /** `dropPage` while somebody listens, or slots that span several pages are about. */
  private dropWide(vpnHi: number, vpnLo: number, context: number): number {
    const { units } = this;
    const wide = this.wide.count !== 0;
    const vpn = (vpnHi >>> 0) * 4294967296 + (vpnLo >>> 0);
    this.watch?.dropping(vpn, vpn + 1, context);
    let dropped = 0;
    for (let i = 0; i < units.length; i++) {
      const unit = units[i] as TlbUnit;
      // It may lie in several sets, one for each page it was filled for: look at every slot.
      if (wide && unit.spans.max > 0) dropped += this.dropSlots(unit.base, unit.end, vpn, vpn + 1, context);
      else dropped += unit.dropPage(vpnHi, vpnLo, context);
    }
    this.watch?.dropped(dropped);
    return dropped;
  }

  /** Drops the slots of one context; global ones stay. */
  dropContext(context: number): number {
    this.watch?.droppingContext(context);
    let dropped = 0;
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.contextOf(slot) === context && (this.attrsOf(slot) & TLB_GLOBAL) === 0) {
        this.drop(slot);
        dropped++;
      }
    }
    this.watch?.dropped(dropped);
    return dropped;
  }

  /** Drops the slots of one context (and global ones) whose pages overlap [start, end), page numbers. */
  dropRange(start: number, end: number, context: number): number {
    this.watch?.dropping(start, end, context);
    const dropped = this.dropSlots(0, this.slots, start, end, context);
    this.watch?.dropped(dropped);
    return dropped;
  }

  private dropSlots(from: number, to: number, start: number, end: number, context: number): number {
    let dropped = 0;
    for (let slot = from; slot < to; slot++) {
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
    this.watch?.droppingAll(keepGlobal);
    const { units } = this;
    const spared = keepGlobal ? TLB_GLOBAL << TLB_ATTRS_SHIFT : 0;
    let dropped = 0;
    for (let i = 0; i < units.length; i++) dropped += (units[i] as TlbUnit).dropAll(spared);
    this.watch?.dropped(dropped);
    return dropped;
  }

  /** Low half of the page number a slot translates. */
  vpnLoOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) | TLB_VPN_LO] as number;
  }

  /** High half of the page number a slot translates. */
  vpnHiOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) | TLB_VPN_HI] as number;
  }

  /** Page number a slot translates. */
  pageOf(slot: number): number {
    return (this.vpnHiOf(slot) >>> 0) * 4294967296 + (this.vpnLoOf(slot) >>> 0);
  }

  /** Context a slot belongs to, -1 when it is empty. */
  contextOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) | TLB_CONTEXT] as number;
  }

  /** Page of the mem_map a slot translates to. */
  frameOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) | TLB_FRAME] as number;
  }

  /** RIGHT_ bits of a slot. */
  rightsOf(slot: number): number {
    return (this.records[(slot << TLB_RECORD_SHIFT) | TLB_META] as number) & 0xff;
  }

  /** Attributes of a slot: TLB_GLOBAL and the like. */
  attrsOf(slot: number): number {
    return ((this.records[(slot << TLB_RECORD_SHIFT) | TLB_META] as number) >> TLB_ATTRS_SHIFT) & 0xff;
  }

  /** log2 of the base pages a slot spans. */
  spanOf(slot: number): number {
    return (this.records[(slot << TLB_RECORD_SHIFT) | TLB_META] as number) >> TLB_SPAN_SHIFT;
  }

  /** Next slot of the same bucket, -1 for none. */
  linkOf(slot: number): number {
    return this.records[(slot << TLB_RECORD_SHIFT) | TLB_LINK] as number;
  }

  /** Empties one slot. */
  drop(slot: number): void {
    for (let i = 0; i < this.units.length; i++) {
      const unit = this.units[i] as TlbUnit;
      if (slot < unit.end) {
        unit.drop(slot);
        return;
      }
    }
  }
}

function takes(unit: TlbUnit, span: number): boolean {
  return unit.spans.min <= span && span <= unit.spans.max;
}

/**
 * First bucket of each unit's hash: the first data unit's is 0, the first instruction unit's TLB_BUCKETS. Later units of
 * many ways have one too; -1 for the rest, whose few ways are looked through.
 */
function bucketsOf(shape: TlbShape): number[] {
  let next = 2 * TLB_BUCKETS;
  return shape.units.map((spec, u) => {
    if (u === shape.data[0]) return 0;
    if (u === shape.exec[0]) return TLB_BUCKETS;
    if (spec.ways <= MAX_SCANNED_WAYS) return -1;
    next += TLB_BUCKETS;
    return next - TLB_BUCKETS;
  });
}
