/** The words of a scenario as the bits of the system calls (asm-generic values; they are alike on every machine here). */
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
} from '@fourfold/core';

/** Flag words of mmap; `huge`, `fdro`, `fdwo` and `badfd` are no bits of the call but say how the file is open. */
export const MAP_BITS: Readonly<Record<string, number>> = {
  private: MAP_PRIVATE,
  shared: MAP_SHARED,
  anon: MAP_ANONYMOUS,
  fixed: MAP_FIXED,
  noreserve: MAP_NORESERVE,
  growsdown: MAP_GROWSDOWN,
  locked: MAP_LOCKED,
  populate: MAP_POPULATE,
  huge: 0,
  fdro: 0,
  fdwo: 0,
  badfd: 0,
};

/** Flag words of mremap; `badflag` is a bit nobody defined. */
export const MREMAP_BITS: Readonly<Record<string, number>> = { maymove: 1, fixed: 2, badflag: 0x40 };

/** Flag words of msync. */
export const MSYNC_BITS: Readonly<Record<string, number>> = { async: 1, invalidate: 2, sync: 4, bad: 0x100 };

/** Flag words of mlockall. */
export const MLOCKALL_BITS: Readonly<Record<string, number>> = { current: 1, future: 2 };

/** Advice words of madvise, but for `remove`, whose number depends on the machine. */
export const ADVICE: Readonly<Record<string, number>> = {
  normal: 0,
  random: 1,
  sequential: 2,
  willneed: 3,
  dontneed: 4,
  remove: -1,
  dontfork: 10,
  dofork: 11,
  bad: 0x7777,
};

/** All of the bits in a list. */
export function sum(bits: readonly number[]): number {
  return bits.reduce((all, bit) => all | bit, 0);
}
