/** The memory file that an emulator and we share: the image above, and below it what the guest code reads and writes. Big-endian. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { Machine } from '@fourfold/core';
import { writeMemory } from '@fourfold/replay/node';

export class GuestMemory {
  readonly path: string;
  readonly #file: number;

  /** Writes the physical memory of a machine to a file. */
  constructor(machine: Machine, path: string) {
    writeMemory(machine.kernel.memory, path);
    this.path = path;
    this.#file = openSync(path, 'r+');
  }

  write(pa: number, bytes: Uint8Array): void {
    writeSync(this.#file, bytes, 0, bytes.length, pa);
  }

  /** Writes doublewords. */
  writeWords(pa: number, words: readonly bigint[]): void {
    const view = new DataView(new ArrayBuffer(words.length * 8));
    for (const [i, word] of words.entries()) view.setBigUint64(8 * i, word);
    this.write(pa, new Uint8Array(view.buffer));
  }

  read(pa: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    readSync(this.#file, bytes, 0, length, pa);
    return new DataView(bytes.buffer);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The byte of a machine at a physical address. */
export function byteAt({ kernel: { memory } }: Machine, physical: bigint): number {
  const page = memory.pfnToPage(Number(physical >> BigInt(memory.pageShift)));
  return memory.loadByte(page, Number(physical & BigInt(memory.pageSize - 1)));
}
