/**
 * The page-directory cache of a CPU: where the pte table of a stretch of addresses lies, and what the levels above it
 * allow, so that most walks read one entry (24 of them in an Opteron, AMD 25112 "Software Optimization Guide", appendix A;
 * some in every processor since the Pentium Pro, Intel 317080 "TLBs, Paging-Structure Caches, and Their Invalidation").
 * Here 32, each stretch in one place.
 *
 * Only tables are cached, never an entry that is not present or a large page, and never below the last level. A CR3 load and
 * every INVLPG, whatever its address, empty it: that is all that Intel's document promises, and what the kernel relies on.
 */

/** Entries of the cache, a power of two. */
const ENTRIES = 32;

/** Words of a record: the page number above the pte table's index bits (-1 empty), then the three below. */
export const DIRECTORY_SHIFT = 2;
/** Word index of the pte table's contents. */
export const DIRECTORY_TABLE = 1;
/** RW and US of every level above, and-ed. */
export const DIRECTORY_EVERY = 2;
/** High halves of every level above, or-ed (NX). */
export const DIRECTORY_ANY = 3;

/** An empty cache, as records in one array. */
export function newDirectoryCache(): Int32Array {
  return new Int32Array(ENTRIES << DIRECTORY_SHIFT).fill(-1);
}

/** Word of the record in which the stretch `key` is, if it is cached. */
export function directoryAt(key: number): number {
  return (key & (ENTRIES - 1)) << DIRECTORY_SHIFT;
}
