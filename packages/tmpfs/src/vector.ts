/**
 * The swap vector of a file: for each index the swap entry that holds its page, 0 for none. Entries past the sixteenth lie
 * in index pages, which are real frames; each takes a block of the file system.
 *
 * An index page holds machine words: a leaf the entries, the other pages the number of the page below, plus one. `priv` of
 * a leaf's descriptor counts its entries that are not 0.
 */
import type { Kernel } from '@fourfold/core/fs';
import { NR_DIRECT, type VectorGeometry } from './geometry.js';

const HALF = 4294967296;

/** The swap entries of one inode. The inode's lock guards it. */
export class SwapVector {
  /** i_direct. */
  readonly direct: Float64Array = new Float64Array(NR_DIRECT);
  /** i_indirect: the top index page, -1 for none. */
  top = -1;
  readonly geometry: VectorGeometry;
  readonly #k: Kernel;
  /** 32-bit words of an entry. */
  readonly #words: number;

  constructor(k: Kernel, geometry: VectorGeometry) {
    this.#k = k;
    this.geometry = geometry;
    this.#words = k.memory.pageWords / geometry.entries;
  }

  /** Whether every index page that an index needs is there. */
  reaches(index: number): boolean {
    return index < NR_DIRECT || this.leaf(this.geometry.leafOf(index)) >= 0;
  }

  /** The swap entry of an index; 0 for none, and where its index page is missing. */
  entry(index: number): number {
    if (index < NR_DIRECT) return this.direct[index] as number;
    const leaf = this.leaf(this.geometry.leafOf(index));
    return leaf < 0 ? 0 : this.#load(leaf, this.geometry.slotOf(index));
  }

  /** Stores a swap entry, whose index pages are there. */
  setEntry(index: number, entry: number): void {
    if (index < NR_DIRECT) {
      this.direct[index] = entry;
      return;
    }
    const leaf = this.leaf(this.geometry.leafOf(index));
    const slot = this.geometry.slotOf(index);
    const { priv } = this.#k.map;
    const change = (entry === 0 ? 0 : 1) - (this.#load(leaf, slot) === 0 ? 0 : 1);
    priv[leaf] = (priv[leaf] as number) + change;
    this.#store(leaf, slot, entry);
  }

  /** The page of a leaf by number, -1 when it is missing. */
  leaf(leaf: number): number {
    const below = this.below(this.geometry.topSlot(leaf));
    const middle = this.geometry.middleSlot(leaf);
    return below < 0 || middle < 0 ? below : this.#load(below, middle) - 1;
  }

  /** The page below a slot of the top page: a leaf or a middle page; -1 when it is missing. */
  below(topSlot: number): number {
    return this.top < 0 ? -1 : this.#load(this.top, topSlot) - 1;
  }

  /** Puts a fresh, zeroed page where the first index page on the way to an index is missing. */
  plant(index: number, page: number): void {
    this.#k.memory.materialize(page);
    const leaf = this.geometry.leafOf(index);
    const topSlot = this.geometry.topSlot(leaf);
    if (this.top < 0) this.top = page;
    else if (this.below(topSlot) < 0) this.#store(this.top, topSlot, page + 1);
    else this.#store(this.below(topSlot), this.geometry.middleSlot(leaf), page + 1);
  }

  /** Takes a leaf out of the tree; returns its page. */
  detachLeaf(leaf: number): number {
    const page = this.leaf(leaf);
    const topSlot = this.geometry.topSlot(leaf);
    const middle = this.geometry.middleSlot(leaf);
    if (middle < 0) this.#store(this.top, topSlot, 0);
    else this.#store(this.below(topSlot), middle, 0);
    return page;
  }

  /** Takes the page below a slot of the top page out of the tree; returns it. */
  detachBelow(topSlot: number): number {
    const page = this.below(topSlot);
    this.#store(this.top, topSlot, 0);
    return page;
  }

  /** Takes the whole tree out, as a vector of its own. */
  takeTree(): SwapVector {
    const tree = new SwapVector(this.#k, this.geometry);
    tree.top = this.top;
    this.top = -1;
    return tree;
  }

  /** Leaf pages below a middle page. */
  leavesOf(middle: number): number[] {
    return this.#slotsInUse(middle).map((slot) => this.#load(middle, slot) - 1);
  }

  /** Every index page, top page first. */
  *pages(): Generator<number, void, void> {
    if (this.top < 0) return;
    yield this.top;
    for (const slot of this.#slotsInUse(this.top)) {
      const below = this.below(slot);
      yield below;
      if (slot >= this.geometry.entries / 2) yield* this.leavesOf(below);
    }
  }

  /** Every entry that is not 0, with its index, below `limit`. Missing index pages are passed over whole. */
  *used(limit: number): Generator<{ readonly index: number; readonly entry: number }, void, void> {
    for (let index = 0; index < Math.min(NR_DIRECT, limit); index++) {
      const entry = this.direct[index] as number;
      if (entry !== 0) yield { index, entry };
    }
    for (const leaf of this.leaves(NR_DIRECT, limit)) {
      const page = this.leaf(leaf);
      if (this.#k.map.priv[page] === 0) continue;
      const first = this.geometry.firstOfLeaf(leaf);
      for (const slot of this.#slotsInUse(page)) {
        if (first + slot < limit) yield { index: first + slot, entry: this.#load(page, slot) };
      }
    }
  }

  /** Entries of a leaf page that are not 0. */
  *entriesOf(leaf: number): Generator<number, void, void> {
    for (const slot of this.#slotsInUse(leaf)) yield this.#load(leaf, slot);
  }

  /** Numbers of the leaves that are there and have an index in [start, end), ascending. */
  *leaves(start: number, end: number): Generator<number, void, void> {
    if (this.top < 0 || end <= NR_DIRECT || end <= start) return;
    const { geometry } = this;
    const first = geometry.leafOf(Math.max(start, NR_DIRECT));
    const last = geometry.leafOf(Math.min(end, geometry.maxIndex) - 1);
    for (const topSlot of this.#slotsInUse(this.top)) {
      const below = geometry.leavesBelow(topSlot);
      if (below.first > last) return;
      // While the caller runs, leaves may come and go.
      for (let leaf = Math.max(first, below.first); leaf <= last && leaf < below.first + below.count; leaf++) {
        if (this.leaf(leaf) >= 0) yield leaf;
      }
    }
  }

  /** Slots of an index page that are not 0. */
  #slotsInUse(page: number): number[] {
    const { words, slot: at } = this.#k.memory;
    const start = at[page] as number;
    const slots: number[] = [];
    for (let slot = 0; slot < this.geometry.entries; slot++) {
      const word = start + slot * this.#words;
      if (((words[word] as number) | (words[word + this.#words - 1] as number)) !== 0) slots.push(slot);
    }
    return slots;
  }

  #load(page: number, slot: number): number {
    const { memory } = this.#k;
    const at = (memory.slot[page] as number) + slot * this.#words;
    const first = (memory.words[at] as number) >>> 0;
    if (this.#words === 1) return first;
    const second = (memory.words[at + 1] as number) >>> 0;
    return memory.bigEndian ? first * HALF + second : second * HALF + first;
  }

  #store(page: number, slot: number, value: number): void {
    const { memory } = this.#k;
    const at = (memory.slot[page] as number) + slot * this.#words;
    if (this.#words === 1) {
      memory.words[at] = value;
      return;
    }
    memory.words[at + (memory.bigEndian ? 1 : 0)] = value;
    memory.words[at + (memory.bigEndian ? 0 : 1)] = Math.floor(value / HALF);
  }
}
