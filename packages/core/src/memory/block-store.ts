/** Pages kept outside of memory: the blocks of a disk file, the slots of a swap area. Reads and writes end at once. */
import type { PhysicalMemory } from './physical.js';

/** Blocks of one page each, by number. One that was never written reads as zero. */
export class BlockStore {
  /** Words as they lie in frames; null for a block written from a frame without contents. */
  private readonly blocks: Map<number, Int32Array | null> = new Map();

  /** Writes a frame to a block. */
  write(memory: PhysicalMemory, page: number, block: number): void {
    const at = memory.slot[page] as number;
    if (at === 0) {
      this.blocks.set(block, null);
      return;
    }
    let copy = this.blocks.get(block) ?? null;
    if (copy === null) {
      copy = new Int32Array(memory.pageWords);
      this.blocks.set(block, copy);
    }
    copy.set(memory.words.subarray(at, at + memory.pageWords));
  }

  /** Reads a block into a frame. */
  read(memory: PhysicalMemory, page: number, block: number): void {
    const copy = this.blocks.get(block) ?? null;
    if (copy === null) {
      memory.dropContents(page);
      return;
    }
    const at = memory.materialize(page);
    memory.words.set(copy, at);
  }

  /** Forgets what lies from byte `size` on, counted from the beginning of block 0. */
  truncate(memory: PhysicalMemory, size: number): void {
    for (const [block, words] of this.blocks) {
      const kept = size - block * memory.pageSize;
      if (kept <= 0) this.blocks.delete(block);
      if (kept <= 0 || kept >= memory.pageSize || words === null) continue;
      const bytes = new Uint8Array(words.buffer);
      for (let at = kept; at % 4 !== 0; at++) bytes[at ^ memory.byteSwizzle] = 0;
      words.fill(0, Math.ceil(kept / 4));
    }
  }

  /** Numbers of the blocks that were written, zeros included. */
  written(): Iterable<number> {
    return this.blocks.keys();
  }
}
