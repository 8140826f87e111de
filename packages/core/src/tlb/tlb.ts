/**
 * The TLBs of one CPU: every unit of the machine's TlbShape, in one set of typed arrays, one element a slot.
 *
 * A slot caches one translation: the page number it is for (two halves), the context it belongs to, the frame, and what
 * user mode may do through it. Context -1 marks an empty slot. Units are any number of sets and ways (a fully
 * associative unit is one set); replacement is one used bit a slot and a hand a set (as UltraSPARC and the pseudo-LRU
 * of x86 do), so a hit is one store and a victim needs no scan of stamps.
 *
 * First-level units are also reachable through `head`, a hash of the page number with exact chains (`link`), so a hit
 * costs one probe whatever the associativity. The replay loop probes `head` itself with these arrays in locals;
 * everything else goes through `find`.
 *
 * Laws: `find` answers a slot filled for exactly that page and context, or global; after `drop*` no slot in the stated
 * range remains; lookups = hits + misses.
 */
import type { TlbShape } from '../arch/mmu-data.js';

/** Bits of `rights`: 1 << access kind. */
export const RIGHT_EXEC = 1;
export const RIGHT_LOAD = 2;
export const RIGHT_STORE = 4;

/** Bits of `attrs`. */
export const TLB_GLOBAL = 1;
/** The page may be stored to once its dirty bit is set (x86). */
export const TLB_CLEAN = 2;
/** A translation of page tables, not of a user page (sparc64's VPTE pages, ia64's VHPT pages); user mode may not use it. */
export const TLB_TABLE = 4;

/** Buckets of the hash of each chain. */
export const TLB_BUCKETS = 512;

export class Tlb {
  readonly slots: number;
  readonly vpnLo: Int32Array;
  readonly vpnHi: Int32Array;
  readonly context: Int32Array;
  readonly frame: Int32Array;
  readonly rights: Uint8Array;
  readonly attrs: Uint8Array;
  /** log2 of the base pages the slot spans. */
  readonly span: Uint8Array;
  readonly used: Uint8Array;
  /** First slot of each bucket, -1 empty: instruction chain in [TLB_BUCKETS, 2 x), data chain in [0, TLB_BUCKETS). */
  readonly head = new Int16Array(2 * TLB_BUCKETS).fill(-1);
  readonly link: Int16Array;
  /** Slots filled with a span above one page; while 0 a look-up need not try larger pages. */
  wideSlots = 0;
  /** Set by `find`: 1 when a second-level unit answered. */
  secondLevelHit = 0;

  readonly #base: Int32Array;
  readonly #sets: Int32Array;
  readonly #ways: Int32Array;
  readonly #hand: Uint16Array;
  readonly #handBase: Int32Array;
  /** Unit of a slot, and whether the unit is some chain's first level: bucket base, or -1. */
  readonly #unitOf: Uint8Array;
  readonly #bucketBase: Int32Array;
  readonly #exec: Int32Array;
  readonly #data: Int32Array;

  constructor(shape: TlbShape) {
    const n = shape.units.length;
    this.#base = new Int32Array(n);
    this.#handBase = new Int32Array(n);
    this.#sets = Int32Array.from(shape.units, (u) => u.sets);
    this.#ways = Int32Array.from(shape.units, (u) => u.ways);
    let slots = 0;
    let sets = 0;
    for (let u = 0; u < n; u++) {
      this.#base[u] = slots;
      this.#handBase[u] = sets;
      slots += (this.#sets[u] as number) * (this.#ways[u] as number);
      sets += this.#sets[u] as number;
    }
    this.slots = slots;
    this.#hand = new Uint16Array(sets);
    this.vpnLo = new Int32Array(slots);
    this.vpnHi = new Int32Array(slots);
    this.context = new Int32Array(slots).fill(-1);
    this.frame = new Int32Array(slots);
    this.rights = new Uint8Array(slots);
    this.attrs = new Uint8Array(slots);
    this.span = new Uint8Array(slots);
    this.used = new Uint8Array(slots);
    this.link = new Int16Array(slots).fill(-1);
    this.#unitOf = new Uint8Array(slots);
    for (let u = 0; u < n; u++) {
      const end = (this.#base[u] as number) + (this.#sets[u] as number) * (this.#ways[u] as number);
      this.#unitOf.fill(u, this.#base[u], end);
    }
    this.#exec = Int32Array.from(shape.exec);
    this.#data = Int32Array.from(shape.data);
    this.#bucketBase = new Int32Array(n).fill(-1);
    this.#bucketBase[this.#data[0] as number] = 0;
    if (this.#exec[0] !== this.#data[0]) this.#bucketBase[this.#exec[0] as number] = TLB_BUCKETS;
    this.sharedFirstLevel = this.#exec[0] === this.#data[0];
  }

  /** True when instruction and data accesses share the first level: both probe the data chain. */
  readonly sharedFirstLevel: boolean;

  /**
   * The first-level slot that translates a page for an access of `kind` (0 fetch, else data) in `context`, or -1.
   * Refills the first level from a later one.
   */
  find(kind: number, vpnHi: number, vpnLo: number, context: number): number {
    const chain = kind === 0 ? this.#exec : this.#data;
    this.secondLevelHit = 0;
    const first = this.#probe(chain[0] as number, vpnHi, vpnLo, context);
    if (first >= 0) {
      this.used[first] = 1;
      return first;
    }
    for (let i = 1; i < chain.length; i++) {
      const slot = this.#scan(chain[i] as number, vpnHi, vpnLo, context);
      if (slot < 0) continue;
      this.used[slot] = 1;
      this.secondLevelHit = 1;
      return this.#insert(
        chain[0] as number,
        this.vpnHi[slot] as number,
        this.vpnLo[slot] as number,
        this.context[slot] as number,
        this.frame[slot] as number,
        this.rights[slot] as number,
        this.attrs[slot] as number,
        this.span[slot] as number,
      );
    }
    return -1;
  }

  /** Puts a translation into every unit of the chain of `kind`; answers its first-level slot. */
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
    const chain = kind === 0 ? this.#exec : this.#data;
    for (let i = chain.length - 1; i > 0; i--) {
      this.#insert(chain[i] as number, vpnHi, vpnLo, context, frame, rights, attrs, span);
    }
    return this.#insert(chain[0] as number, vpnHi, vpnLo, context, frame, rights, attrs, span);
  }

  /** Drops every slot that translates the page in `context`, or globally; answers how many. */
  dropPage(vpnHi: number, vpnLo: number, context: number): number {
    let dropped = 0;
    for (let unit = 0; unit < this.#base.length; unit++) {
      for (
        let slot = this.#scan(unit, vpnHi, vpnLo, context);
        slot >= 0;
        slot = this.#scan(unit, vpnHi, vpnLo, context)
      ) {
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
      if (this.context[slot] === context && ((this.attrs[slot] as number) & TLB_GLOBAL) === 0) {
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
      const owner = this.context[slot] as number;
      if (owner < 0 || (owner !== context && ((this.attrs[slot] as number) & TLB_GLOBAL) === 0)) continue;
      const first = this.pageOf(slot);
      if (first < end && first + 2 ** (this.span[slot] as number) > start) {
        this.drop(slot);
        dropped++;
      }
    }
    return dropped;
  }

  /** Drops everything; with `keepGlobal` all but the global slots. */
  dropAll(keepGlobal: boolean): number {
    let dropped = 0;
    for (let slot = 0; slot < this.slots; slot++) {
      if ((this.context[slot] as number) < 0) continue;
      if (keepGlobal && ((this.attrs[slot] as number) & TLB_GLOBAL) !== 0) continue;
      this.drop(slot);
      dropped++;
    }
    return dropped;
  }

  /** Page number a slot translates. */
  pageOf(slot: number): number {
    return ((this.vpnHi[slot] as number) >>> 0) * 4294967296 + ((this.vpnLo[slot] as number) >>> 0);
  }

  /** Empties one slot. */
  drop(slot: number): void {
    if ((this.context[slot] as number) < 0) return;
    const bucketBase = this.#bucketBase[this.#unitOf[slot] as number] as number;
    if (bucketBase >= 0) this.#unlink(slot, bucketBase);
    if ((this.span[slot] as number) !== 0) this.wideSlots--;
    this.context[slot] = -1;
    this.used[slot] = 0;
  }

  /** First-level look-up through the hash; wide slots are found by a scan. */
  #probe(unit: number, vpnHi: number, vpnLo: number, context: number): number {
    const base = this.#bucketBase[unit] as number;
    for (
      let slot = this.head[base + (vpnLo & (TLB_BUCKETS - 1))] as number;
      slot >= 0;
      slot = this.link[slot] as number
    ) {
      if (
        this.vpnLo[slot] === vpnLo &&
        this.vpnHi[slot] === vpnHi &&
        (this.context[slot] === context || ((this.attrs[slot] as number) & TLB_GLOBAL) !== 0)
      ) {
        return slot;
      }
    }
    return this.wideSlots === 0 ? -1 : this.#scan(unit, vpnHi, vpnLo, context);
  }

  #scan(unit: number, vpnHi: number, vpnLo: number, context: number): number {
    const ways = this.#ways[unit] as number;
    const start = (this.#base[unit] as number) + this.#setOf(unit, vpnHi, vpnLo) * ways;
    for (let slot = start; slot < start + ways; slot++) {
      const mask = -1 << (this.span[slot] as number);
      if (
        this.vpnLo[slot] === (vpnLo & mask) &&
        this.vpnHi[slot] === vpnHi &&
        (this.context[slot] === context ||
          ((this.context[slot] as number) >= 0 && ((this.attrs[slot] as number) & TLB_GLOBAL) !== 0))
      ) {
        return slot;
      }
    }
    return -1;
  }

  #setOf(unit: number, vpnHi: number, vpnLo: number): number {
    const sets = this.#sets[unit] as number;
    if (sets === 1) return 0;
    if ((sets & (sets - 1)) === 0) return vpnLo & (sets - 1);
    return ((vpnHi >>> 0) * 4294967296 + (vpnLo >>> 0)) % sets;
  }

  #insert(
    unit: number,
    vpnHi: number,
    vpnLo: number,
    context: number,
    frame: number,
    rights: number,
    attrs: number,
    span: number,
  ): number {
    const set = this.#setOf(unit, vpnHi, vpnLo);
    const ways = this.#ways[unit] as number;
    const start = (this.#base[unit] as number) + set * ways;
    const handAt = (this.#handBase[unit] as number) + set;
    let hand = this.#hand[handAt] as number;
    const used = this.used;
    // An unused slot comes up within one turn; the turn clears the used bits it passes.
    while (used[start + hand] === 1) {
      used[start + hand] = 0;
      hand = hand + 1 === ways ? 0 : hand + 1;
    }
    const slot = start + hand;
    this.#hand[handAt] = hand + 1 === ways ? 0 : hand + 1;
    this.drop(slot);
    const mask = -1 << span;
    this.vpnHi[slot] = vpnHi;
    this.vpnLo[slot] = vpnLo & mask;
    this.context[slot] = context;
    this.frame[slot] = frame;
    this.rights[slot] = rights;
    this.attrs[slot] = attrs;
    this.span[slot] = span;
    used[slot] = 1;
    if (span !== 0) this.wideSlots++;
    const bucketBase = this.#bucketBase[unit] as number;
    if (bucketBase >= 0) {
      const bucket = bucketBase + (vpnLo & mask & (TLB_BUCKETS - 1));
      this.link[slot] = this.head[bucket] as number;
      this.head[bucket] = slot;
    }
    return slot;
  }

  #unlink(slot: number, bucketBase: number): void {
    const bucket = bucketBase + ((this.vpnLo[slot] as number) & (TLB_BUCKETS - 1));
    if (this.head[bucket] === slot) {
      this.head[bucket] = this.link[slot] as number;
      return;
    }
    let at = this.head[bucket] as number;
    while (this.link[at] !== slot) at = this.link[at] as number;
    this.link[at] = this.link[slot] as number;
  }
}
