/** What a pass of reclaim is told and what it counts (scan_control), and the sizes of its steps. */
import type { Kernel } from '../kernel.js';
import { PageAddress } from '../rmap/page-address.js';

/** SWAP_CLUSTER_MAX: pages taken off a list at once, and what a direct reclaimer has to get. */
export const SWAP_CLUSTER_MAX = 32;
/** DEF_PRIORITY: the first pass looks at 1/4096 of the lists. */
export const DEF_PRIORITY = 12;

/** One pass. */
export class Scan {
  readonly isKswapd: boolean;
  /** Pages taken off a list at once. Ours: a machine of less than 512 pages would find its whole memory in one step. */
  readonly cluster: number;
  /** An order to page out, not reclaim: takes pages though they were used just now, and writes nothing to files on disk. */
  force = false;
  priority: number = DEF_PRIORITY;
  /** nr_mapped when the pass began. */
  mapped = 0;
  scanned = 0;
  reclaimed = 0;
  /** Where the reverse-map walks of this pass are. */
  readonly where: PageAddress = new PageAddress();

  constructor(k: Kernel, isKswapd: boolean) {
    this.isKswapd = isKswapd;
    this.cluster = Math.min(SWAP_CLUSTER_MAX, Math.max(1, k.memory.nrPages >> 4));
  }

  /** Begins the pass of a priority. */
  begin(k: Kernel, priority: number): void {
    this.priority = priority;
    this.mapped = k.nrMapped;
    this.scanned = 0;
    this.reclaimed = 0;
  }
}
