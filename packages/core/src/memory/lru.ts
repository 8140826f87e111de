/**
 * The LRU lists of a zone: active and inactive pages, newest at the head, linked through the mem_map as free blocks are.
 * Invariants (F18): a page is on at most one list; PG_LRU is set exactly for listed pages, PG_ACTIVE among them for active
 * ones; no listed page has a count of 0.
 */
import { KernelBug } from '../errors.js';
import { type MemMap, PG_ACTIVE, PG_LRU } from './mem-map.js';

/** Both lists of one zone. */
export class LruLists {
  nrActive = 0;
  nrInactive = 0;
  private readonly map: MemMap;
  /** Newest and oldest page of the inactive [0] and the active [1] list, -1 for none. */
  private readonly head: Int32Array = new Int32Array(2).fill(-1);
  private readonly tail: Int32Array = new Int32Array(2).fill(-1);

  constructor(map: MemMap) {
    this.map = map;
  }

  /** Puts a page at the head of a list. @param flags PG_LRU, with PG_ACTIVE for the active list. */
  add(page: number, flags: number): void {
    const { next, prev } = this.map;
    const list = (flags & PG_ACTIVE) !== 0 ? 1 : 0;
    this.mark(page, flags);
    const first = this.head[list] as number;
    next[page] = first;
    prev[page] = -1;
    if (first >= 0) prev[first] = page;
    else this.tail[list] = page;
    this.head[list] = page;
    this.count(list, 1);
  }

  /** Puts a page at the tail of the inactive list: the next to be looked at. */
  addInactiveTail(page: number): void {
    const { next, prev } = this.map;
    this.mark(page, PG_LRU);
    const last = this.tail[0] as number;
    next[page] = -1;
    prev[page] = last;
    if (last >= 0) next[last] = page;
    else this.head[0] = page;
    this.tail[0] = page;
    this.count(0, 1);
  }

  /** Takes a page off its list and clears its flags. */
  remove(page: number): void {
    const { flags, next, prev } = this.map;
    const list = ((flags[page] as number) & PG_ACTIVE) !== 0 ? 1 : 0;
    const after = next[page] as number;
    const before = prev[page] as number;
    if (before >= 0) next[before] = after;
    else this.head[list] = after;
    if (after >= 0) prev[after] = before;
    else this.tail[list] = before;
    flags[page] = (flags[page] as number) & ~(PG_LRU | PG_ACTIVE);
    this.count(list, -1);
  }

  /** Oldest page of a list, -1 when it is empty. */
  oldest(active: boolean): number {
    return this.tail[active ? 1 : 0] as number;
  }

  /** Pages of a list, newest first: for the audit and for people. */
  *pages(active: boolean): IterableIterator<number> {
    for (let page = this.head[active ? 1 : 0] as number; page >= 0; page = this.map.next[page] as number) yield page;
  }

  private mark(page: number, flags: number): void {
    const now = this.map.flags[page] as number;
    if ((now & PG_LRU) !== 0) throw new KernelBug(`page ${page} put on an LRU list twice`);
    this.map.flags[page] = now | flags;
  }

  private count(list: number, by: number): void {
    if (list === 1) this.nrActive += by;
    else this.nrInactive += by;
  }
}
