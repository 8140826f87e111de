/**
 * The areas of an mm in address order: a two-level tree of sorted blocks, with the areas also linked to their
 * neighbours. Look-up is two binary searches; insert and remove move at most one block of pointers, so both stay
 * within a fraction of a microsecond at 65,536 areas (a red-black tree would allocate and chase a node per level).
 * Invariants: areas ascend and never overlap; no block is empty; `size` is map_count.
 */
import { KernelBug } from '../errors.js';
import type { Vma } from './vma.js';

const BLOCK_MAX = 256;

/** The areas of one mm. */
export class VmaTree {
  /** map_count. */
  size = 0;
  /** mmap_cache: the area the last look-up found. */
  private cache: Vma | null = null;
  private readonly blocks: Vma[][] = [];

  /** find_vma: the first area that ends above `vpn` (it may start above it), or null. */
  find(vpn: number): Vma | null {
    const cached = this.cache;
    if (cached !== null && cached.start <= vpn && vpn < cached.end) return cached;
    const block = this.blocks[this.blockFor(vpn)];
    if (block === undefined) return null;
    const vma = block[positionFor(block, vpn)] as Vma;
    if (vma.start <= vpn) this.cache = vma;
    return vma;
  }

  /** The area that contains `vpn`, or null. */
  containing(vpn: number): Vma | null {
    const vma = this.find(vpn);
    return vma !== null && vma.start <= vpn ? vma : null;
  }

  /** The last area that starts below `vpn`, or null. */
  before(vpn: number): Vma | null {
    const vma = this.find(vpn);
    if (vma === null) return this.last;
    return vma.start < vpn ? vma : vma.prev;
  }

  /** find_vma_intersection: the first area that overlaps [start, end), or null. */
  intersecting(start: number, end: number): Vma | null {
    const vma = this.find(start);
    return vma !== null && vma.start < end ? vma : null;
  }

  get first(): Vma | null {
    return this.blocks[0]?.[0] ?? null;
  }

  get last(): Vma | null {
    const block = this.blocks[this.blocks.length - 1];
    return block === undefined ? null : (block[block.length - 1] as Vma);
  }

  /** Adds an area; its range must be free. @throws KernelBug on overlap */
  insert(vma: Vma): void {
    const b = this.blockFor(vma.start);
    const next =
      this.blocks[b] === undefined
        ? null
        : ((this.blocks[b] as Vma[])[positionFor(this.blocks[b] as Vma[], vma.start)] as Vma);
    const prev = next === null ? this.last : next.prev;
    if ((next !== null && next.start < vma.end) || (prev !== null && prev.end > vma.start) || vma.start >= vma.end) {
      throw new KernelBug(`area [${vma.start}, ${vma.end}) overlaps another or is empty`);
    }
    if (this.blocks[b] === undefined) {
      const tail = this.blocks[this.blocks.length - 1];
      if (tail === undefined) this.blocks.push([vma]);
      else this.place(this.blocks.length - 1, tail.length, vma);
    } else {
      this.place(b, positionFor(this.blocks[b] as Vma[], vma.start), vma);
    }
    vma.prev = prev;
    vma.next = next;
    if (prev !== null) prev.next = vma;
    if (next !== null) next.prev = vma;
    this.size++;
  }

  /** Takes an area out. @throws KernelBug when it is not in the tree */
  remove(vma: Vma): void {
    const b = this.blockFor(vma.start);
    const block = this.blocks[b];
    const i = block === undefined ? -1 : positionFor(block, vma.start);
    if (block === undefined || block[i] !== vma)
      throw new KernelBug(`area [${vma.start}, ${vma.end}) is not in the tree`);
    if (block.length === 1) this.blocks.splice(b, 1);
    else block.splice(i, 1);
    if (vma.prev !== null) vma.prev.next = vma.next;
    if (vma.next !== null) vma.next.prev = vma.prev;
    vma.prev = null;
    vma.next = null;
    if (this.cache === vma) this.cache = null;
    this.size--;
  }

  /** Forgets the cached area: call it when an area's bounds change. */
  dropCache(): void {
    this.cache = null;
  }

  *[Symbol.iterator](): Generator<Vma, void, void> {
    for (let vma = this.first; vma !== null; vma = vma.next) yield vma;
  }

  private place(b: number, i: number, vma: Vma): void {
    const block = this.blocks[b] as Vma[];
    block.splice(i, 0, vma);
    if (block.length > BLOCK_MAX) this.blocks.splice(b + 1, 0, block.splice(BLOCK_MAX / 2));
  }

  /** First block whose last area ends above `vpn`; blocks.length when none does. */
  private blockFor(vpn: number): number {
    const blocks = this.blocks;
    let low = 0;
    let high = blocks.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      const block = blocks[mid] as Vma[];
      if ((block[block.length - 1] as Vma).end > vpn) high = mid;
      else low = mid + 1;
    }
    return low;
  }
}

/** First position in `block` whose area ends above `vpn`. */
function positionFor(block: readonly Vma[], vpn: number): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((block[mid] as Vma).end > vpn) high = mid;
    else low = mid + 1;
  }
  return low;
}
