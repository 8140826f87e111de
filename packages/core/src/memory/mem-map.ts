/**
 * The mem_map: one descriptor a frame, as a struct of arrays indexed by page (the dense index of physical.ts).
 * 40 bytes a page with the contents slot of PhysicalMemory: flags, count, mapcount, mapping, private, next, prev (4 each),
 * index (8), slot (4). An array of objects was 7-25x slower and 4x larger at a million pages.
 *
 * `count` is page_count and `mapcount` page_mapcount (the kernel stores both one lower).
 * `mapping` is a handle of `Mappings` (0 none); an odd handle is an anon_vma: PageAnon.
 */

export const PG_RESERVED: number = 1 << 0;
/** Free, head of a buddy block; `priv` is its order. */
export const PG_BUDDY: number = 1 << 1;
/** A page-table page, or one that holds smaller tables. */
export const PG_TABLE: number = 1 << 2;
export const PG_LOCKED: number = 1 << 3;
export const PG_DIRTY: number = 1 << 4;
export const PG_UPTODATE: number = 1 << 5;
export const PG_REFERENCED: number = 1 << 6;
/** In a page cache: `mapping` and `index` say where. */
export const PG_CACHED: number = 1 << 7;
/** In the swap cache: `priv` is the swap entry. */
export const PG_SWAPCACHE: number = 1 << 8;
/** On an LRU list of its zone; with PG_ACTIVE on the active one. */
export const PG_LRU: number = 1 << 9;
export const PG_ACTIVE: number = 1 << 10;
/** Being written to its file or to swap. */
export const PG_WRITEBACK: number = 1 << 11;
/** To be rotated to the end of the inactive list when its write ends. */
export const PG_RECLAIM: number = 1 << 12;
/** PG_arch_1: what the machine's caches know of the page; clear in a page that was just taken. */
export const PG_ARCH_1: number = 1 << 13;
/** Part of a compound page: `priv` is its first page, which holds the reference count of all. */
export const PG_COMPOUND: number = 1 << 16;

/** Descriptors of all frames. */
export class MemMap {
  readonly nrPages: number;
  readonly flags: Int32Array;
  readonly count: Int32Array;
  readonly mapcount: Int32Array;
  readonly mapping: Int32Array;
  /** Linear page offset in the file or in the anon_vma's numbering; below 2^52. */
  readonly index: Float64Array;
  readonly priv: Int32Array;
  readonly next: Int32Array;
  readonly prev: Int32Array;

  constructor(nrPages: number) {
    this.nrPages = nrPages;
    this.flags = new Int32Array(nrPages);
    this.count = new Int32Array(nrPages);
    this.mapcount = new Int32Array(nrPages);
    this.mapping = new Int32Array(nrPages);
    this.index = new Float64Array(nrPages);
    this.priv = new Int32Array(nrPages);
    this.next = new Int32Array(nrPages);
    this.prev = new Int32Array(nrPages);
  }

  /** PageAnon. */
  isAnon(page: number): boolean {
    return ((this.mapping[page] as number) & 1) !== 0;
  }

  /** Bytes of one descriptor, PhysicalMemory's contents slot included. */
  static readonly BYTES_PER_PAGE: number = 7 * 4 + 8 + 4;
}
