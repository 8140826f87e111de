/**
 * Where a scenario's addresses lie and how results name them: the arena, the heap below it, and what the kernel picked
 * above it. Addresses are bytes as bigint here; page numbers are plain numbers.
 */
import type { Kernel, Vma } from '@fourfold/core';

/** First byte of the arena; addresses of a scenario count from here. */
export const ARENA = 0x2000_0000n;
/** Bytes of the arena. */
export const ARENA_BYTES = 0x1000_0000n;
/** The initial break: 64 KiB-aligned, and 256 MiB of room for it to grow below the arena. */
export const START_BRK = 0x1000_0000n;

/** Which part of the address space something lies in; `elsewhere` is no business of a scenario. */
export type Region = 'heap' | 'arena' | 'picked' | 'elsewhere';

export class Arena {
  readonly pageSize: bigint;
  /** Page number of the arena's first page and of the first one past it. */
  readonly firstPage: number;
  readonly endPage: number;
  /** Where one anonymous page lands in a fresh process: `any:0`. */
  readonly firstPick: bigint;
  readonly #wordMask: bigint;
  readonly #taskSize: bigint;

  constructor(k: Kernel) {
    this.pageSize = BigInt(k.memory.pageSize);
    this.firstPage = Number(ARENA / this.pageSize);
    this.endPage = Number((ARENA + ARENA_BYTES) / this.pageSize);
    this.firstPick = BigInt(k.arch.layout.unmappedBase) * this.pageSize;
    this.#taskSize = BigInt(k.arch.layout.taskSizePages) * this.pageSize;
    this.#wordMask = (1n << BigInt(k.arch.wordBits)) - 1n;
  }

  /** `value` as an unsigned word of the machine. */
  word(value: bigint): bigint {
    return value & this.#wordMask;
  }

  /** The region an address lies in. Above the arena what is nearer to the arena than to the first pick is nobody's. */
  regionOf(address: bigint): Region {
    if (address < START_BRK) return 'elsewhere';
    if (address < ARENA) return 'heap';
    if (address < ARENA + ARENA_BYTES) return 'arena';
    return address >= this.firstPick - ARENA_BYTES && address < this.#taskSize ? 'picked' : 'elsewhere';
  }

  regionOfArea(vma: Vma): Region {
    return this.regionOf(BigInt(vma.start) * this.pageSize);
  }

  /** An address as results print it. */
  format(address: bigint): string {
    switch (this.regionOf(address)) {
      case 'heap':
        return `brk:${this.formatBytes(address - START_BRK)}`;
      case 'arena':
        return this.formatBytes(address - ARENA);
      case 'picked':
        return `any:${this.formatBytes(address - this.firstPick)}`;
      default:
        return 'elsewhere';
    }
  }

  /** A number of bytes as whole pages and the rest: `N` or `N+B`. */
  formatBytes(bytes: bigint): string {
    let pages = bytes / this.pageSize;
    if (pages * this.pageSize > bytes) pages -= 1n;
    const rest = bytes - pages * this.pageSize;
    return rest === 0n ? `${pages}` : `${pages}+${rest}`;
  }
}
