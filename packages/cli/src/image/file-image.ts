/** A raw memory dump in a file: offset = physical address. Read lazily, a page at a time, so its size does not matter. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Image } from '@fourfold/core/arch';

/** Bytes read at once, and how many such pieces are kept. */
const PIECE = 4096;
const KEPT = 1024;

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
