/**
 * Where in a file's swap vector an index lies (mm/shmem.c): 16 direct entries in the inode, then the pages of a tree. The
 * first half of the top page points to leaves, the second half to middle pages that point to leaves.
 *
 *   index:  0 .. 15 | 16 .. 16 + E*E/2 - 1            | .. 16 + E*E/2 + E*E*E/2 - 1
 *           inode   | top page, lower half -> leaf    | top page, upper half -> middle page -> leaf
 *
 * E is the entries of an index page: as many as machine words in a page.
 */

/** SHMEM_NR_DIRECT: entries in the inode itself. */
export const NR_DIRECT = 16;

/** The shape of the vectors of one machine. */
export class VectorGeometry {
  /** E, ENTRIES_PER_PAGE. */
  readonly entries: number;
  /** SHMEM_MAX_INDEX: the first index that no file has. */
  readonly maxIndex: number;

  constructor(pageSize: number, wordBytes: number) {
    this.entries = pageSize / wordBytes;
    this.maxIndex = NR_DIRECT + ((this.entries * this.entries) / 2) * (this.entries + 1);
  }

  /** Number of the leaf that holds an index past the direct ones; leaves are numbered in order of index. */
  leafOf(index: number): number {
    return Math.floor((index - NR_DIRECT) / this.entries);
  }

  /** First index of a leaf. */
  firstOfLeaf(leaf: number): number {
    return NR_DIRECT + leaf * this.entries;
  }

  /** Where in its leaf an index lies. */
  slotOf(index: number): number {
    return (index - NR_DIRECT) % this.entries;
  }

  /** Slot of the top page that leads to a leaf. */
  topSlot(leaf: number): number {
    const half = this.entries / 2;
    return leaf < half ? leaf : half + Math.floor((leaf - half) / this.entries);
  }

  /** Slot of the middle page that leads to a leaf, or -1 for a leaf directly below the top page. */
  middleSlot(leaf: number): number {
    const half = this.entries / 2;
    return leaf < half ? -1 : (leaf - half) % this.entries;
  }

  /** First leaf below a slot of the top page, and how many there are below it. */
  leavesBelow(topSlot: number): { readonly first: number; readonly count: number } {
    const half = this.entries / 2;
    if (topSlot < half) return { first: topSlot, count: 1 };
    return { first: half + (topSlot - half) * this.entries, count: this.entries };
  }
}
