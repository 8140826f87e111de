/**
 * Page tables that a CPU keeps for its next use instead of giving them back (pgtable_quicklists of some ports): all of them full
 * of zeros, so that they need no clearing. Root tables have a list of their own; the others lie by the colour of their page in a
 * data cache that is indexed by virtual addresses.
 *
 * A pte table that is also seen at a place in a linear table has to have the colour of that place. Without one in the list two
 * pages in a row are taken, and the one of the other colour is kept.
 */
import type { QuicklistSpec } from '../arch/descriptor.js';
import type { AuditedPart, Say } from '../audit/finding.js';
import type { Kernel } from '../kernel.js';

export class Quicklists implements AuditedPart {
  private readonly k: Kernel;
  private readonly spec: QuicklistSpec;
  private readonly roots: number[] = [];
  private readonly lists: number[][];

  constructor(k: Kernel, spec: QuicklistSpec) {
    this.k = k;
    this.spec = spec;
    this.lists = Array.from({ length: spec.colours }, () => []);
  }

  /** pgtable_cache_size: pages in all lists. */
  get size(): number {
    return this.roots.length + this.lists.reduce((pages, list) => pages + list.length, 0);
  }

  /** log2 of the pages that a table of `level` takes when its list is empty. */
  orderOf(level: number): number {
    return this.spec.colours === 2 && level === this.k.tables.depth - 1 ? 1 : 0;
  }

  /** A page for a table of `level`, for page `vpn` of the address space; -1 without memory. */
  take(level: number, vpn: number): number {
    const { k, lists } = this;
    if (level === 0) return this.roots.pop() ?? this.fresh(0);
    if (level < k.tables.depth - 1) {
      const list = lists.find(({ length }) => length > 0);
      return list?.pop() ?? this.fresh(0);
    }
    const colour = Math.floor(vpn / k.tables.ptesPerTable) % this.spec.colours;
    const kept = (lists[colour] as number[]).pop();
    if (kept !== undefined) return kept;
    const first = this.fresh(this.orderOf(level));
    if (first < 0 || this.spec.colours === 1) return first;
    k.map.count[first + 1] = 1;
    const mine = this.colourOf(first) === colour ? first : first + 1;
    this.keep(mine === first ? first + 1 : first);
    return mine;
  }

  /** free_pgd_fast, free_pmd_fast, free_pte_fast: the page of a table that is empty again. */
  give(level: number, page: number): void {
    if (level === 0) this.roots.push(page);
    else this.keep(page);
  }

  /** check_pgt_cache, at the end of a gather: a page of each list at a time, while there are too many. */
  trim(): void {
    if (this.size <= this.spec.high) return;
    do {
      this.release(this.roots.pop());
      for (const list of this.lists) this.release(list.pop());
    } while (this.size > this.spec.low);
  }

  /** Pages of one colour, and root tables: -1. */
  pagesOf(colour: number): readonly number[] {
    return colour < 0 ? this.roots : (this.lists[colour] as number[]);
  }

  /** DCACHE_COLOR of a page's address in the kernel's linear map. */
  colourOf(page: number): number {
    return this.k.memory.pageToPfn(page) % this.spec.colours;
  }

  charged(): number {
    return 0;
  }

  ownedFrames(own: (page: number) => void): void {
    for (const list of [this.roots, ...this.lists]) for (const page of list) own(page);
  }

  audit(say: Say): void {
    const { slot, words, pageWords } = this.k.memory;
    this.ownedFrames((page) => {
      const first = slot[page] as number;
      if (words.subarray(first, first + pageWords).some((word) => word !== 0))
        say('F5', `page ${page} waits on a quicklist and is not empty`);
    });
    for (const [colour, list] of this.lists.entries()) {
      for (const page of list) {
        if (this.colourOf(page) !== colour) say('F5', `page ${page} waits on the quicklist of colour ${colour}`);
      }
    }
  }

  private fresh(order: number): number {
    const { pages, memory } = this.k;
    const first = pages.alloc(order);
    for (let i = 0; first >= 0 && i < 1 << order; i++) memory.materialize(first + i);
    return first;
  }

  private keep(page: number): void {
    (this.lists[this.colourOf(page)] as number[]).push(page);
  }

  private release(page: number | undefined): void {
    if (page !== undefined) this.k.pages.free(page, 0);
  }
}
