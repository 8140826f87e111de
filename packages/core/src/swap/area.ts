/**
 * One swap area (swap_info_struct): its slots, how often each is referred to, and the search for a free one.
 *
 * Invariants: `inuse` slots have a count of 1 to SWAP_MAP_MAX; every free slot lies in [lowestBit, highestBit]; a slot is in
 * the swap cache exactly when `cached` names a page, and then one of its references is the cache's.
 */
import { BlockStore } from '../memory/block-store.js';

/** A count that large is never lowered again: the slot stays until swapoff. */
export const SWAP_MAP_MAX = 0x7fff;
/** The header and whatever else may not be used. */
export const SWAP_MAP_BAD = 0x8000;
/** Slots looked for in one row when a cluster is begun. */
const SWAPFILE_CLUSTER = 256;

/** A device or file that pages are swapped to. */
export class SwapArea {
  readonly type: number;
  readonly prio: number;
  /** SWP_WRITEOK: new slots may be taken. Off while swapoff empties the area. */
  writeOk = true;
  /** References to each slot: entries in page tables, tmpfs vectors, and the swap cache. */
  readonly map: Uint16Array;
  /** Page that caches each slot, -1 for none: this area's part of swapper_space. */
  readonly cached: Int32Array;
  readonly device: BlockStore = new BlockStore();
  /** Usable slots, and those in use. */
  readonly pages: number;
  inuse = 0;
  lowestBit = 1;
  highestBit: number;
  private clusterNext = 1;
  private clusterNr = 0;
  private readonly clusterTooLow: boolean;

  /**
   * @param slots slots of the device, header included; at least 2.
   * @param clusterTooLow D20 kept: a cluster is begun two slots before it.
   */
  constructor(type: number, slots: number, prio: number, clusterTooLow: boolean) {
    this.type = type;
    this.prio = prio;
    this.map = new Uint16Array(slots);
    this.map[0] = SWAP_MAP_BAD;
    this.cached = new Int32Array(slots).fill(-1);
    this.pages = slots - 1;
    this.highestBit = slots - 1;
    this.clusterTooLow = clusterTooLow;
  }

  /** scan_swap_map: takes a free slot and gives it the count 1; 0 when there is none. */
  take(): number {
    if (!this.writeOk || this.highestBit === 0) return 0;
    let from = this.clusterNext;
    if (this.clusterNr === 0) {
      this.clusterNr = SWAPFILE_CLUSTER - 1;
      const cluster = this.pages - this.inuse < SWAPFILE_CLUSTER ? 0 : this.findCluster();
      from = cluster === 0 ? this.lowestBit : this.clusterTooLow ? cluster - 2 : cluster;
    } else {
      this.clusterNr--;
    }
    if (from > this.highestBit || from < 0) from = this.lowestBit;
    const offset = this.firstFree(from, this.highestBit) || this.firstFree(this.lowestBit, this.highestBit);
    if (offset !== 0) this.claim(offset);
    return offset;
  }

  /** First slot of the first run of SWAPFILE_CLUSTER free ones, 0 when there is none. */
  private findCluster(): number {
    const { map } = this;
    let start = this.lowestBit;
    for (let offset = start; start + SWAPFILE_CLUSTER - 1 <= this.highestBit; offset++) {
      if (map[offset] !== 0) start = offset + 1;
      else if (offset === start + SWAPFILE_CLUSTER - 1) return start;
    }
    return 0;
  }

  private firstFree(from: number, to: number): number {
    const { map } = this;
    for (let offset = from; offset <= to; offset++) if (map[offset] === 0) return offset;
    return 0;
  }

  private claim(offset: number): void {
    if (offset === this.lowestBit) this.lowestBit++;
    if (offset === this.highestBit) this.highestBit--;
    this.inuse++;
    if (this.inuse === this.pages) {
      this.lowestBit = this.map.length;
      this.highestBit = 0;
    }
    this.map[offset] = 1;
    this.clusterNext = offset + 1;
  }

  /** A slot's last reference went: it can be taken again. */
  release(offset: number): void {
    if (offset < this.lowestBit) this.lowestBit = offset;
    if (offset > this.highestBit) this.highestBit = offset;
    this.inuse--;
  }
}
