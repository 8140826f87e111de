/**
 * The swap areas of a machine and the references to their slots (mm/swapfile.c). All plain: swap_lock could never be seen
 * held. Invariant: `free` is the number of free slots of the areas that take new ones.
 */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import { SWAP_MAP_MAX, type SwapArea } from './area.js';
import { MAX_SWAP_AREAS, swapEntry, swapOffset, swapType } from './entry.js';

/** Who keeps swap entries outside page tables (tmpfs): what swapoff asks. */
export interface SwapUser {
  /**
   * shmem_unuse: takes `entry` out of its own books, the page (locked, in the swap cache) becoming its own again.
   * @returns whether it was there.
   */
  unuse(entry: number, page: number): Op<boolean>;
  /** Every entry it keeps, for the audit. */
  entries(): Iterable<number>;
}

/** All that swap keeps for one machine. */
export class Swap {
  /** Areas by type; null for a type that is free. */
  readonly areas: (SwapArea | null)[] = new Array<SwapArea | null>(MAX_SWAP_AREAS).fill(null);
  /** Areas that take new slots, highest priority first, equal ones in the order of swapon. */
  readonly order: SwapArea[] = [];
  /** Where in `order` the next slot is looked for. */
  next = 0;
  /** nr_swap_pages and total_swap_pages. */
  free = 0;
  total = 0;
  /** Slots in the swap cache (total_swapcache_pages). */
  cachedPages = 0;
  /** Priority of the next area that asks for none. */
  leastPriority = 0;
  /** page_cluster: read-ahead in blocks of 2^n slots; 0 for none. */
  pageCluster: number;
  /** mmlist: address spaces that may have swap entries. */
  readonly mms: Set<Mm> = new Set();
  readonly users: Set<SwapUser> = new Set();

  constructor(memoryBytes: number) {
    this.pageCluster = memoryBytes < 16 * 2 ** 20 ? 2 : 3;
  }

  /** vm_swap_full: more than half of swap is in use. */
  get isFull(): boolean {
    return this.free * 2 < this.total;
  }
}

/** get_swap_page: takes a slot with the count 1 from the areas of the highest priority that have one; 0 when swap is full. */
export function getSwapPage(k: Kernel): number {
  const { swap } = k;
  if (swap.free <= 0) return 0;
  const { order } = swap;
  // Round robin among areas of one priority; when those from here on are full, once through all from the front.
  let wrapped = false;
  for (let at = swap.next < order.length ? swap.next : 0; at < order.length; ) {
    const area = order[at] as SwapArea;
    const following = order[at + 1];
    const next = following === undefined || following.prio !== area.prio ? 0 : at + 1;
    const offset = area.take();
    if (offset !== 0) {
      swap.next = next;
      swap.free--;
      return swapEntry(area.type, offset);
    }
    if (wrapped) {
      at++;
    } else {
      at = next;
      wrapped = next === 0;
    }
  }
  return 0;
}

/** swap_duplicate: one more reference to an entry; false when nobody has it any more. */
export function swapDuplicate(k: Kernel, entry: number): boolean {
  const area = k.swap.areas[swapType(entry)];
  if (!area) return false;
  const offset = swapOffset(entry);
  const count = area.map[offset] ?? 0;
  if (count === 0 || count > SWAP_MAP_MAX) return false;
  area.map[offset] = Math.min(count + 1, SWAP_MAP_MAX);
  return true;
}

/** swap_free: one reference less. @returns how many are left. */
export function swapFree(k: Kernel, entry: number): number {
  const { swap } = k;
  const area = areaOf(k, entry);
  const offset = swapOffset(entry);
  const count = area.map[offset] as number;
  if (count === 0 || count > SWAP_MAP_MAX) throw new KernelBug(`swap entry ${entry} freed with count ${count}`);
  if (count === SWAP_MAP_MAX) return count;
  area.map[offset] = count - 1;
  if (count > 1) return count - 1;
  area.release(offset);
  swap.free++;
  const next = swap.order[swap.next];
  if (area.writeOk && next !== undefined && area.prio > next.prio) swap.next = swap.order.indexOf(area);
  return 0;
}

/** References to an entry. */
export function swapCount(k: Kernel, entry: number): number {
  return areaOf(k, entry).map[swapOffset(entry)] as number;
}

/** The area of an entry. */
export function areaOf(k: Kernel, entry: number): SwapArea {
  const area = k.swap.areas[swapType(entry)];
  if (!area || swapOffset(entry) >= area.map.length) throw new KernelBug(`swap entry ${entry} of no area`);
  return area;
}
