/** Raw memory dumps in files: the byte at physical address p has offset p. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { dumpFrames } from '@fourfold/core';
import type { Image, PhysicalMemory } from '@fourfold/core/arch';

/** Writes a machine's RAM to a sparse file; how many frames were not zero. @throws Error of the host */
export function writeMemory(memory: PhysicalMemory, path: string): number {
  const file = openSync(path, 'w');
  try {
    let frames = 0;
    for (const { pa, bytes } of dumpFrames(memory)) {
      writeSync(file, bytes, 0, bytes.length, pa);
      frames++;
    }
    ftruncateSync(file, Math.max(...memory.banks.map(({ base, size }) => base + size)));
    return frames;
  } finally {
    closeSync(file);
  }
}

/** Bytes read at once, and how many such pieces are kept. */
const PIECE = 4096;
const KEPT = 1024;

/** A dump that is read lazily, a piece at a time, so that its size does not matter. */
export class FileImage implements Image {
  readonly size: number;
  readonly #file: number;
  readonly #bigEndian: boolean;
  /** Pieces by their number, the one used last at the end. */
  readonly #pieces = new Map<number, DataView>();

  /** @throws Error of the host when the file cannot be opened */
  constructor(path: string, byteOrder: 'little' | 'big') {
    this.#file = openSync(path, 'r');
    this.size = fstatSync(this.#file).size;
    this.#bigEndian = byteOrder === 'big';
  }

  read(pa: bigint, bytes: 4 | 8): bigint | null {
    if (pa < 0n || pa + BigInt(bytes) > BigInt(this.size)) return null;
    const at = Number(pa);
    const piece = this.#piece(Math.floor(at / PIECE));
    const offset = at % PIECE;
    if (bytes === 8) return piece.getBigUint64(offset, !this.#bigEndian);
    return BigInt(piece.getUint32(offset, !this.#bigEndian));
  }

  close(): void {
    closeSync(this.#file);
  }

  #piece(number: number): DataView {
    let piece = this.#pieces.get(number);
    if (piece === undefined) {
      const bytes = new Uint8Array(PIECE);
      readSync(this.#file, bytes, 0, PIECE, number * PIECE);
      piece = new DataView(bytes.buffer);
      if (this.#pieces.size >= KEPT) this.#pieces.delete(this.#pieces.keys().next().value as number);
    } else {
      this.#pieces.delete(number);
    }
    this.#pieces.set(number, piece);
    return piece;
  }
}
