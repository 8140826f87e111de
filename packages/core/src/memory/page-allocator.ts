/**
 * alloc_pages and the page reference count over the zones of a machine.
 * Plain and atomic: an allocation that would have to reclaim answers -1 and the caller, a generator, decides to wait.
 */
import { KernelBug } from '../errors.js';
import { type Counters, PAGES_ALLOCATED, PAGES_FREED } from '../events/counters.js';
import type { Injection } from '../events/injection.js';
import { ALLOC_PAGE, FREE_PAGE } from '../events/kinds.js';
import type { EventRing } from '../events/ring.js';
import {
  MemMap,
  PG_BUDDY,
  PG_COMPOUND,
  PG_LOCKED,
  PG_LRU,
  PG_RESERVED,
  PG_SWAPCACHE,
  PG_WRITEBACK,
} from './mem-map.js';
import type { PhysicalMemory } from './physical.js';
import { Zone } from './zone.js';

/** Flags of pages that are in somebody's hands: freeing one is a bug. */
const NEVER_FREED = PG_BUDDY | PG_RESERVED | PG_LRU | PG_LOCKED | PG_SWAPCACHE | PG_WRITEBACK;

/** A zone by name and by its first frame number past the end. */
export interface ZoneSpec {
  readonly name: string;
  readonly endPfn: number;
}

/** Who listens to frames that are taken and given back. */
export interface FrameWatch {
  taken(page: number, count: number): void;
  freed(page: number, count: number): void;
}

/** The frames of a machine: who has them, and how often. */
export class PageAllocator {
  readonly map: MemMap;
  readonly zones: Zone[] = [];
  private readonly memory: PhysicalMemory;
  private readonly counters: Float64Array;
  private readonly events: EventRing;
  private readonly inject: Injection;
  /** Destructor of compound pages (huge pages are the only ones): gets the first page, whose count is 0. */
  compoundDestructor: ((head: number) => void) | null = null;
  /** Told of every frame taken or given back. */
  readonly watches: FrameWatch[] = [];
  /** The last -1 was an injected failure, and who asked does not know yet that trying again is no use. */
  private refused = false;

  constructor(
    memory: PhysicalMemory,
    zones: readonly ZoneSpec[],
    counters: Counters,
    events: EventRing,
    inject: Injection,
    maxOrder: number = 11,
  ) {
    this.memory = memory;
    this.counters = counters.values;
    this.events = events;
    this.inject = inject;
    this.map = new MemMap(memory.nrPages);
    let start = 0;
    for (const spec of zones) {
      const end = memory.pagesBelow(spec.endPfn);
      if (end > start) this.zones.push(new Zone(spec.name, memory, this.map, start, end, maxOrder));
      start = end;
    }
    for (const zone of this.zones) zone.setWatermarks(memory.pageSize);
    // Highest zone first: the fallback order of a zonelist.
    this.zones.reverse();
  }

  /**
   * One frame with count 1 and no contents while a zone is above its low watermark, else -1: the caller then asks
   * `allocPage`, which has kswapd work first.
   */
  easyPage(): number {
    if (this.isRefused(0)) return -1;
    const zones = this.zones;
    for (let i = 0; i < zones.length; i++) {
      const zone = zones[i] as Zone;
      if (zone.freePages > zone.pagesLow) return this.taken(zone.take(0), 0);
    }
    this.refused = false;
    return -1;
  }

  /**
   * Takes 2^order frames with count 1 and no contents, down to the low watermark of every zone, then to the minimum;
   * returns the first page, or -1. Atomic: who may sleep has `makeRoom` after it.
   */
  alloc(order: number): number {
    if (this.isRefused(order)) return -1;
    const zones = this.zones;
    for (let i = 0; i < 2 * zones.length; i++) {
      const zone = zones[i % zones.length] as Zone;
      const mark = i < zones.length ? zone.pagesLow : zone.pagesMin;
      if (order === 0 ? zone.freePages <= mark : !zone.watermarkOk(order, mark)) continue;
      const page = zone.take(order);
      if (page >= 0) return this.taken(page, order);
    }
    this.refused = false;
    return -1;
  }

  /** As `alloc` without regard to watermarks (PF_MEMALLOC): for what reclaim itself needs to make memory free. */
  allocReserve(order: number): number {
    for (const zone of this.zones) {
      const page = zone.take(order);
      if (page >= 0) return this.taken(page, order);
    }
    return -1;
  }

  /** Whether 2^order frames could be taken at the minimum, or at the high watermark. Takes nothing. */
  couldAlloc(order: number, high: boolean): boolean {
    return this.zones.some((zone) => zone.watermarkOk(order, high ? zone.pagesHigh : zone.pagesMin));
  }

  /** Whether the last -1 was injected; asked once. */
  takeRefusal(): boolean {
    const refused = this.refused;
    this.refused = false;
    return refused;
  }

  private isRefused(order: number): boolean {
    const { failPage } = this.inject;
    if (failPage === null) return false;
    this.refused = failPage(order);
    return this.refused;
  }

  private taken(page: number, order: number): number {
    this.map.count[page] = 1;
    this.counters[PAGES_ALLOCATED] = (this.counters[PAGES_ALLOCATED] as number) + (1 << order);
    if (this.watches.length !== 0) for (const watch of this.watches) watch.taken(page, 1 << order);
    if (this.events.on) this.events.emit(ALLOC_PAGE, page, order);
    return page;
  }

  /**
   * Takes the machine's first frame, once, at boot. It is never anybody's table: an upper entry that is nothing but an address
   * could not tell a table at address 0 from none.
   */
  takeFirst(): number {
    const zone = this.zoneOf(0);
    if (!zone.takeAt(0, 0)) throw new KernelBug('the first frame was taken before');
    return this.taken(0, 0);
  }

  /**
   * Takes 2^order frames in a row, aligned to their size, for good: what a machine reserves at boot, when almost all is
   * free. The highest that fit; orders above the buddy's are joined blocks, and no watermark is kept. -1: no room.
   */
  reserve(order: number): number {
    const nr = 1 << order;
    for (const zone of this.zones) {
      const top = this.memory.pageToPfn(zone.end - 1) + 1;
      for (let pfn = top - (top % nr) - nr; pfn >= 0; pfn -= nr) {
        const first = this.memory.pfnToPage(pfn);
        if (first >= 0 && first < zone.start) break;
        if (first < 0 || this.memory.pfnToPage(pfn + nr - 1) !== first + nr - 1) continue;
        if (!this.takeRun(zone, first, order)) continue;
        this.map.flags.fill(PG_RESERVED, first, first + nr);
        this.map.count.fill(1, first, first + nr);
        return first;
      }
    }
    return -1;
  }

  private takeRun(zone: Zone, first: number, order: number): boolean {
    const block = Math.min(order, zone.maxOrder - 1);
    const end = first + (1 << order);
    for (let at = first; at < end; at += 1 << block) {
      if (zone.takeAt(at, block)) continue;
      for (let back = first; back < at; back += 1 << block) zone.give(back, block);
      return false;
    }
    return true;
  }

  /** put_page: drops one reference; the last one takes the page off its LRU list and frees the frame. */
  put(page: number): void {
    const count = (this.map.count[page] as number) - 1;
    if (count > 0) {
      this.map.count[page] = count;
      return;
    }
    if (((this.map.flags[page] as number) & PG_COMPOUND) !== 0) {
      this.putCompound(page);
      return;
    }
    if (count < 0) throw new KernelBug(`page ${page} put below zero`);
    if (((this.map.flags[page] as number) & PG_LRU) !== 0) this.zoneOf(page).lru.remove(page);
    this.free(page, 0);
  }

  /** get_page: one more reference, to the whole of a compound page. */
  get(page: number): void {
    const { flags, priv, count } = this.map;
    const head = ((flags[page] as number) & PG_COMPOUND) === 0 ? page : (priv[page] as number);
    count[head] = (count[head] as number) + 1;
  }

  /** prep_compound_page: makes 2^order frames just taken one page. */
  joinCompound(head: number, order: number): void {
    const { flags, priv } = this.map;
    for (let page = head; page < head + 2 ** order; page++) {
      flags[page] = (flags[page] as number) | PG_COMPOUND;
      priv[page] = head;
    }
  }

  /** destroy_compound_page, and the frames go back to the buddy allocator. Nobody refers to the page. */
  freeCompound(head: number, order: number): void {
    const { flags, priv, count } = this.map;
    flags.fill(0, head, head + 2 ** order);
    priv.fill(0, head, head + 2 ** order);
    count[head] = 1;
    this.free(head, order);
  }

  /** put_page of a compound page, by any of its pages; `put` has not counted yet. */
  private putCompound(page: number): void {
    const { priv, count } = this.map;
    const head = priv[page] as number;
    const left = (count[head] as number) - 1;
    if (left < 0 || this.compoundDestructor === null) throw new KernelBug(`compound page ${head} put below zero`);
    count[head] = left;
    if (left === 0) this.compoundDestructor(head);
  }

  /** Frees 2^order frames whose only reference is the caller's. */
  free(page: number, order: number): void {
    const map = this.map;
    if (map.count[page] !== 1 || map.mapcount[page] !== 0 || ((map.flags[page] as number) & NEVER_FREED) !== 0) {
      throw new KernelBug(
        `bad page ${page}: count ${map.count[page]} mapcount ${map.mapcount[page]} flags ${map.flags[page]}`,
      );
    }
    map.count[page] = 0;
    map.flags[page] = 0;
    map.mapping[page] = 0;
    map.index[page] = 0;
    map.priv[page] = 0;
    if (order === 0) {
      if (this.memory.slot[page] !== 0) this.memory.dropContents(page);
    } else {
      for (let i = 0; i < 1 << order; i++) this.memory.dropContents(page + i);
    }
    this.counters[PAGES_FREED] = (this.counters[PAGES_FREED] as number) + (1 << order);
    if (this.watches.length !== 0) for (const watch of this.watches) watch.freed(page, 1 << order);
    if (this.events.on) this.events.emit(FREE_PAGE, page, order);
    this.zoneOf(page).give(page, order);
  }

  /** nr_free_pages. */
  get freePages(): number {
    let free = 0;
    for (const zone of this.zones) free += zone.freePages;
    return free;
  }

  /** page_zone. */
  zoneOf(page: number): Zone {
    for (let i = 0; i < this.zones.length; i++) {
      const zone = this.zones[i] as Zone;
      if (page >= zone.start && page < zone.end) return zone;
    }
    throw new KernelBug(`page ${page} lies in no zone`);
  }
}
