/** What a TLB asks of one translation buffer. Two kinds do it: hashed ones and ones whose sets are looked through. */

import { TLB_CONTEXT, TLB_META, TLB_SPAN_SHIFT } from './record.js';
import type { SpanRange } from './shape.js';

/** How many slots span several pages: while there are none, nobody looks for them. */
export interface WideSlots {
  count: number;
}

/** Keeps count of wide slots for a record that is about to be filled anew; the low half of the page number that it gets. */
export function wideTag(records: Int32Array, at: number, wide: WideSlots, vpnLo: number, span: number): number {
  const evicts =
    (records[at | TLB_CONTEXT] as number) >= 0 && (records[at | TLB_META] as number) >> TLB_SPAN_SHIFT !== 0;
  wide.count += (span !== 0 ? 1 : 0) - (evicts ? 1 : 0);
  return vpnLo & (-1 << span);
}

/** What the units of a CPU share. */
export interface TlbStore {
  readonly records: Int32Array;
  /** First slot of each bucket of every hashed unit. */
  readonly head: Int16Array;
  /** Of all units that take pages of several sizes. A unit for base pages alone has one of its own, which stays 0. */
  readonly wide: WideSlots;
}

/**
 * One translation buffer. Replacement is one used bit a slot and a hand a set: the hand passes used slots, clearing their
 * bits, and takes the first unused one; real TLBs do so, exactly or nearly.
 */
export interface TlbUnit {
  /** First slot and first slot past the unit. */
  readonly base: number;
  readonly end: number;
  /** log2 of the pages it takes in one slot. */
  readonly spans: SpanRange;
  /** The slot that translates a page in `context`, or globally, while no slot spans several pages; -1 for none. */
  search(vpnHi: number, vpnLo: number, context: number): number;
  /** The same in a unit that takes such slots, while some are about. */
  searchWide(vpnHi: number, vpnLo: number, context: number): number;
  /** Marks a slot of this unit as used. */
  touch(slot: number): void;
  /** Puts a translation in; answers its slot. `meta` holds rights, attributes and span as a record does. */
  insert(vpnHi: number, vpnLo: number, context: number, frame: number, meta: number): number;
  /** Empties a slot of this unit. */
  drop(slot: number): void;
  /** Empties every slot but those with a bit of `spared` in their meta word; answers how many. */
  dropAll(spared: number): number;
  /** Empties the slots that translate one page in `context`, or globally, while no slot spans several; answers how many. */
  dropPage(vpnHi: number, vpnLo: number, context: number): number;
}
