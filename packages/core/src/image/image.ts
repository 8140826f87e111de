/**
 * Physical memory as walkers read it: a machine's own, or a dump's. Reading is lazy and at the edge, so words are bigint here.
 */
import type { PhysicalMemory } from '../memory/physical.js';

/** Physical memory of some machine. */
export interface Image {
  /** `bytes` bytes at a physical address, aligned, as one number in the machine's byte order; null where there are none. */
  read(pa: bigint, bytes: 4 | 8): bigint | null;
}

/** The memory of a simulated machine as an image. */
export function imageOf(memory: PhysicalMemory): Image {
  const word = (pa: bigint): bigint | null => {
    const at = pa < 1n << 53n ? memory.wordAt(Number(pa)) : -1;
    return at < 0 ? null : BigInt((memory.words[at] as number) >>> 0);
  };
  return {
    read(pa, bytes) {
      const first = word(pa);
      if (bytes === 4 || first === null) return first;
      const second = word(pa + 4n);
      if (second === null) return null;
      return memory.bigEndian ? (first << 32n) | second : (second << 32n) | first;
    },
  };
}

/** A frame that has contents: where its bytes belong, and the bytes, in the machine's own order. */
export interface DumpedFrame {
  /** Physical address. */
  readonly pa: number;
  readonly bytes: Uint8Array;
}

/** The frames of a machine's RAM that are not zero all over, in order: the rest of a dump reads as zero. */
export function* dumpFrames(memory: PhysicalMemory): Generator<DumpedFrame> {
  const { pageSize, pageWords, nrPages, slot, bigEndian } = memory;
  for (let page = 0; page < nrPages; page++) {
    const at = slot[page] as number;
    if (at === 0) continue;
    const bytes = new Uint8Array(pageSize);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < pageWords; i++) view.setInt32(4 * i, memory.words[at + i] as number, !bigEndian);
    yield { pa: memory.pageToPfn(page) * pageSize, bytes };
  }
}
