/**
 * A zone and its buddy allocator: free blocks of 2^order frames on lists linked through the mem_map.
 * Lists are last in, first out, so a run is deterministic and a frame just freed is used again at once.
 * A block is aligned to its size by frame number, and so lies in one bank.
 * Invariants: a free block's head has PG_BUDDY and its order in `priv`, all its frames count 0; `freePages` is the sum.
 */
import { KernelBug } from '../errors.js';
import { LruLists } from './lru.js';
import { type MemMap, PG_BUDDY } from './mem-map.js';
import type { PhysicalMemory } from './physical.js';

/** The part of a zone in one bank: first page, first page past it, and what a page number lacks to its frame number. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly toPfn: number;
}

/** A range of frames with free lists and watermarks of its own. */
export class Zone {
  readonly name: string;
  /** First page and first page past the zone (dense page numbers). */
  readonly start: number;
  readonly end: number;
  freePages = 0;
  /** Watermarks, in pages (setup_per_zone_pages_min). */
  pagesMin = 0;
  pagesLow = 0;
  pagesHigh = 0;
  readonly lru: LruLists;
  /** MAX_ORDER: orders of blocks are 0 to maxOrder - 1. */
  readonly maxOrder: number;
  /** Reclaim: pages still to be scanned by list, pages scanned since one was freed, and how hard the last passes had it. */
  scanActive = 0;
  scanInactive = 0;
  pagesScanned = 0;
  allUnreclaimable = false;
  prevPriority = 12;
  tempPriority = 12;
  private readonly map: MemMap;
  private readonly spans: readonly Span[];
  /** Heads of the free lists by order, -1 empty. */
  private readonly head: Int32Array;
  private readonly blocks: Int32Array;

  constructor(name: string, memory: PhysicalMemory, map: MemMap, start: number, end: number, maxOrder: number) {
    this.name = name;
    this.map = map;
    this.lru = new LruLists(map);
    this.start = start;
    this.end = end;
    this.maxOrder = maxOrder;
    this.spans = spansOf(memory, start, end);
    this.head = new Int32Array(maxOrder).fill(-1);
    this.blocks = new Int32Array(maxOrder);
    const blocks: [number, number][] = [];
    for (const span of this.spans) {
      for (let page = span.start; page < span.end; ) {
        let order = maxOrder - 1;
        while (order > 0 && ((page + span.toPfn) % (1 << order) !== 0 || page + (1 << order) > span.end)) order--;
        blocks.push([page, order]);
        page += 1 << order;
      }
    }
    // Last first, so that the lowest frames are handed out first.
    for (let i = blocks.length - 1; i >= 0; i--) {
      const [first, order] = blocks[i] as [number, number];
      this.link(first, order);
      this.freePages += 1 << order;
    }
  }

  /** min_free_kbytes = sqrt(16 x kB), clamped to 128..65536; low and high a quarter and a half above min. */
  setWatermarks(pageSize: number): void {
    const kb = ((this.end - this.start) * pageSize) / 1024;
    const minFreeKb = Math.min(65536, Math.max(128, Math.floor(Math.sqrt(16 * kb))));
    this.pagesMin = Math.floor((minFreeKb * 1024) / pageSize);
    this.pagesLow = this.pagesMin + Math.floor(this.pagesMin / 4);
    this.pagesHigh = this.pagesMin + Math.floor(this.pagesMin / 2);
  }

  /** zone_watermark_ok: whether 2^order pages can be taken and `mark` pages stay free, at every lower order too. */
  watermarkOk(order: number, mark: number): boolean {
    let free = this.freePages - (1 << order) + 1;
    let min = mark;
    if (free <= min) return false;
    for (let o = 0; o < order; o++) {
      free -= (this.blocks[o] as number) * (1 << o);
      min >>= 1;
      if (free <= min) return false;
    }
    return true;
  }

  /** Takes a block of 2^order pages; returns its first page or -1. */
  take(order: number): number {
    const head = this.head;
    for (let o = order; o < this.maxOrder; o++) {
      const page = head[o] as number;
      if (page < 0) continue;
      this.unlink(page, o);
      for (let split = o; split > order; ) {
        split--;
        this.link(page + (1 << split), split);
      }
      this.freePages -= 1 << order;
      return page;
    }
    return -1;
  }

  /** Takes exactly the free pages [first, first + 2^order); false when some of them are in use. */
  takeAt(first: number, order: number): boolean {
    const { flags, priv } = this.map;
    const span = this.spanOf(first);
    for (let o = order; o < this.maxOrder; o++) {
      let head = first - ((first + span.toPfn) % (1 << o));
      if (head < span.start) break;
      if (((flags[head] as number) & PG_BUDDY) === 0 || priv[head] !== o) continue;
      this.unlink(head, o);
      for (let split = o; split > order; ) {
        split--;
        const upper = head + (1 << split);
        this.link(first < upper ? upper : head, split);
        if (first >= upper) head = upper;
      }
      this.freePages -= 1 << order;
      return true;
    }
    return false;
  }

  /** Gives a block of 2^order pages back, joining it with its free buddies. */
  give(page: number, order: number): void {
    const { flags, priv } = this.map;
    if (((flags[page] as number) & PG_BUDDY) !== 0) throw new KernelBug(`page ${page} freed twice`);
    this.freePages += 1 << order;
    this.pagesScanned = 0;
    this.allUnreclaimable = false;
    const { start, end, toPfn } = this.spanOf(page);
    let first = page;
    let o = order;
    for (; o < this.maxOrder - 1; o++) {
      const buddy = ((first + toPfn) ^ (1 << o)) - toPfn;
      if (buddy < start || buddy + (1 << o) > end || ((flags[buddy] as number) & PG_BUDDY) === 0 || priv[buddy] !== o)
        break;
      this.unlink(buddy, o);
      if (buddy < first) first = buddy;
    }
    this.link(first, o);
  }

  /** Recounts the free pages by following every list. @throws KernelBug on a broken list. */
  recountFree(): number {
    let free = 0;
    for (let o = 0; o < this.maxOrder; o++) {
      let blocks = 0;
      for (let page = this.head[o] as number; page >= 0; page = this.map.next[page] as number) {
        if (((this.map.flags[page] as number) & PG_BUDDY) === 0 || this.map.priv[page] !== o) {
          throw new KernelBug(`page ${page} on the free list of order ${o} is not a free block of it`);
        }
        blocks++;
      }
      if (blocks !== this.blocks[o])
        throw new KernelBug(`zone ${this.name} order ${o}: ${blocks} blocks, counted ${this.blocks[o]}`);
      free += blocks * (1 << o);
    }
    return free;
  }

  private spanOf(page: number): Span {
    let i = 0;
    while (page >= (this.spans[i] as Span).end) i++;
    return this.spans[i] as Span;
  }

  private link(page: number, order: number): void {
    const map = this.map;
    const first = this.head[order] as number;
    map.flags[page] = PG_BUDDY;
    map.priv[page] = order;
    map.next[page] = first;
    map.prev[page] = -1;
    if (first >= 0) map.prev[first] = page;
    this.head[order] = page;
    this.blocks[order] = (this.blocks[order] as number) + 1;
  }

  private unlink(page: number, order: number): void {
    const map = this.map;
    const next = map.next[page] as number;
    const prev = map.prev[page] as number;
    if (prev >= 0) map.next[prev] = next;
    else this.head[order] = next;
    if (next >= 0) map.prev[next] = prev;
    map.flags[page] = 0;
    map.priv[page] = 0;
    this.blocks[order] = (this.blocks[order] as number) - 1;
  }
}

/** The parts of pages [start, end) by bank. */
function spansOf(memory: PhysicalMemory, start: number, end: number): Span[] {
  const spans: Span[] = [];
  let first = 0;
  for (const { size } of memory.banks) {
    const past = first + size / memory.pageSize;
    const from = Math.max(first, start);
    const to = Math.min(past, end);
    if (from < to) spans.push({ start: from, end: to, toPfn: memory.pageToPfn(from) - from });
    first = past;
  }
  return spans;
}
