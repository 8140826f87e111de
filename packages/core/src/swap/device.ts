/** A swap device: the bytes of its slots. Reads and writes end at once. */
import type { PhysicalMemory } from '../memory/physical.js';

/** Slots of one page each. A slot never written, or written from a frame without contents, reads as zero. */
export class SwapDevice {
  /** Contents by slot; an array stays with its slot and is written over. */
  private readonly blocks: (Int32Array | undefined)[] = [];
  /** Whether a slot's array is what the slot holds. */
  private readonly holds: Uint8Array;

  constructor(slots: number) {
    this.holds = new Uint8Array(slots);
  }

  /** Writes a frame to a slot. */
  write(memory: PhysicalMemory, page: number, slot: number): void {
    const at = memory.slot[page] as number;
    this.holds[slot] = at === 0 ? 0 : 1;
    if (at === 0) return;
    let block = this.blocks[slot];
    if (block === undefined) {
      block = new Int32Array(memory.pageWords);
      this.blocks[slot] = block;
    }
    block.set(memory.words.subarray(at, at + memory.pageWords));
  }

  /** Reads a slot into a frame. */
  read(memory: PhysicalMemory, page: number, slot: number): void {
    if (this.holds[slot] === 0) {
      memory.dropContents(page);
      return;
    }
    const at = memory.materialize(page);
    memory.words.set(this.blocks[slot] as Int32Array, at);
  }
}
