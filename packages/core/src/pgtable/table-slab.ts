/**
 * A slab of page tables smaller than a page: pages cut into equal objects.
 * `priv` of a slab page counts its objects in use; a page without any goes back to the allocator.
 */
import { KernelBug } from '../errors.js';
import { PG_TABLE } from '../memory/mem-map.js';
import type { PageAllocator } from '../memory/page-allocator.js';
import type { PhysicalMemory } from '../memory/physical.js';

/** The slab of one table size. */
export class TableSlab {
  readonly bytes: number;
  private readonly memory: PhysicalMemory;
  private readonly pages: PageAllocator;
  private free: number[] = [];

  constructor(bytes: number, memory: PhysicalMemory, pages: PageAllocator) {
    this.bytes = bytes;
    this.memory = memory;
    this.pages = pages;
  }

  /** Takes a zeroed object; returns its physical address, or -1 when memory is short. */
  take(): number {
    let pa = this.free.pop();
    if (pa === undefined) {
      const page = this.pages.alloc(0);
      if (page < 0) return -1;
      this.pages.map.flags[page] = PG_TABLE;
      this.memory.materialize(page);
      const base = this.memory.pageToPfn(page) * this.memory.pageSize;
      for (let at = this.memory.pageSize - this.bytes; at > 0; at -= this.bytes) this.free.push(base + at);
      pa = base;
    }
    const page = this.pageOf(pa);
    const priv = this.pages.map.priv;
    priv[page] = (priv[page] as number) + 1;
    const word = this.memory.wordAt(pa);
    this.memory.words.fill(0, word, word + this.bytes / 4);
    return pa;
  }

  /** Gives an object back. */
  give(pa: number): void {
    const page = this.pageOf(pa);
    const map = this.pages.map;
    const left = (map.priv[page] as number) - 1;
    if (left < 0) throw new KernelBug(`table at ${pa} freed twice`);
    map.priv[page] = left;
    if (left > 0) {
      this.free.push(pa);
      return;
    }
    const base = pa - (pa % this.memory.pageSize);
    this.free = this.free.filter((other) => other < base || other >= base + this.memory.pageSize);
    map.flags[page] = 0;
    this.pages.free(page, 0);
  }

  private pageOf(pa: number): number {
    return this.memory.pfnToPage(Math.floor(pa / this.memory.pageSize));
  }
}
