/**
 * The page-directory cache of a CPU: where the pte table of a stretch of addresses lies, and what the levels above it
 * allow, so that most walks read one entry (24 of them in an Opteron, AMD 25112 "Software Optimization Guide", appendix A;
 * some in every processor since the Pentium Pro, Intel 317080 "TLBs, Paging-Structure Caches, and Their Invalidation").
 * Here 32, each stretch in one place.
 *
 * Only tables are cached, never an entry that is not present or a large page, and never below the last level. A CR3 load and
 * every INVLPG, whatever its address, empty it: that is all that Intel's document promises, and what the kernel relies on.
 */

import type { Cpu, PageTables } from '@fourfold/core/arch';

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

/**
 * Every cached directory of the CPUs against the live tables, one sentence for each that lies: stale is one whose table the
 * tables above no longer give.
 */
export function auditDirectories(cpus: readonly Cpu[], tables: PageTables): string[] {
  const lies: string[] = [];
  const bits = tables.geometry.bits[tables.depth - 1] as number;
  for (const { id, mm, registers } of cpus) {
    const { directory } = registers as { readonly directory: Int32Array };
    for (let at = 0; mm !== null && at < directory.length; at += 1 << DIRECTORY_SHIFT) {
      const key = directory[at] as number;
      const table = directory[at + DIRECTORY_TABLE] as number;
      if (key < 0) continue;
      const truth = tables.lookupPage(mm, key * 2 ** bits);
      if (truth !== table)
        lies.push(`CPU ${id}: page directory ${key} cached with the table at word ${table}, is at ${truth}`);
    }
  }
  return lies;
}
