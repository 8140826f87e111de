/**
 * The page-directory cache of a CPU (Intel SDM vol. 3A, 4.10.3): where the pte table of a stretch of addresses lies, and
 * what the levels above it allow, so that most walks read one entry. 32 entries here, each stretch in one place.
 *
 * Only tables are cached: no entry that is not present, no large page, nothing below the last upper level. A CR3 load empties
 * it, which is what the kernel relies on when it frees tables. INVLPG drops the stretch of its page. (Intel's later processors
 * drop all then, 4.10.4.1; a cache that drops less forgives less.)
 */
import type { Cpu, Mm, PageTables } from '@fourfold/core/arch';

/** Entries, a power of two. */
const ENTRIES = 32;

/** Bits of a stretch's number in a record's tag: user page numbers have 35 bits, a pte table spans 2^9 of them or more. */
const STRETCH_BITS = 26;
/** Above them, the generation: emptying the cache begins a new one, and records of older ones match no more. */
const GENERATIONS = 32;

/** Words of a record: the tag (-1 empty), then the three below. */
export const DIRECTORY_SHIFT = 2;
/** Word index of the pte table's contents. */
export const DIRECTORY_TABLE = 1;
/** RW and US of every level above, and-ed. */
export const DIRECTORY_EVERY = 2;
/** High halves of every level above, or-ed (NX). */
export const DIRECTORY_ANY = 3;

/** One CPU's cache. The walker looks into `records` itself. */
export class DirectoryCache {
  readonly records: Int32Array = new Int32Array(ENTRIES << DIRECTORY_SHIFT).fill(-1);
  /** The generation's bits of a tag. */
  generation = 0;
  /** Pages of a stretch. */
  private readonly span: number;

  constructor(span: number) {
    this.span = span;
  }

  empty(): void {
    const next = (this.generation >>> STRETCH_BITS) + 1;
    this.generation = next < GENERATIONS ? next << STRETCH_BITS : 0;
    if (next === GENERATIONS) this.records.fill(-1);
  }

  /** Drops the stretch that a page lies in. */
  dropPage(vpn: number): void {
    this.records[this.at((vpn / this.span) | 0)] = -1;
  }

  /** Word of the record in which a stretch is, if it is cached. */
  at(stretch: number): number {
    return (stretch & (ENTRIES - 1)) << DIRECTORY_SHIFT;
  }

  /** What is cached now: the number of a stretch and the word of its pte table. */
  *[Symbol.iterator](): Generator<[stretch: number, table: number]> {
    for (let at = 0; at < this.records.length; at += 1 << DIRECTORY_SHIFT) {
      const stretch = (this.records[at] as number) ^ this.generation;
      if (stretch >>> STRETCH_BITS === 0) yield [stretch, this.records[at + DIRECTORY_TABLE] as number];
    }
  }
}

/** Every directory that a CPU caches against the live tables, one sentence for each that lies. */
export function auditDirectories(cpu: Cpu, cache: DirectoryCache, tables: PageTables): string[] {
  const lies: string[] = [];
  const span = tables.ptesPerTable;
  for (const [stretch, table] of cpu.mm === null ? [] : cache) {
    const truth = tables.lookupPage(cpu.mm as Mm, stretch * span);
    if (truth !== table) {
      lies.push(
        `CPU ${cpu.id}: the pte table of page ${stretch * span} is cached at word ${table}, the tables say ${truth}`,
      );
    }
  }
  return lies;
}
