/**
 * move_page_tables: carries page-table entries from one range to another. Entries stay what they are, swap and file
 * entries too; rss, mapcount and page counts do not change.
 */

import type { Kernel } from '../kernel.js';
import { allocPte } from '../pgtable/alloc.js';
import { PteCursor } from '../pgtable/cursor.js';
import { flushTlbPage, flushTlbRange } from '../pgtable/flush.js';
import { pteOffsetMapNested, pteUnmapNested } from '../pgtable/highpte.js';
import { pteLock, pteOffsetMapLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { flushCacheRange } from '../pgtable/mmu-hooks.js';
import { replacePteAt, updatePteAt } from '../pgtable/set-pte.js';
import type { Op } from '../smp/lock.js';
import type { Vma } from './vma.js';

/** Entries moved under one pair of locks (LATENCY_LIMIT). */
const EXTENT = 64;
const heldLo = new Int32Array(EXTENT);
const heldHi = new Int32Array(EXTENT);

/**
 * Moves the entries of `pages` pages from page `from` of `source` to page `to` of `target`. A destination table is made
 * for every source table, even an empty one.
 * @returns pages moved: fewer than asked for when memory for a table is short.
 */
export function* movePageTables(
  k: Kernel,
  source: Vma,
  target: Vma,
  from: number,
  to: number,
  pages: number,
): Op<number> {
  const fileLock = source.file?.inode.mapping.lock ?? null;
  const { mm } = source;
  const { pteWords, ptesPerTable } = k.tables;
  const cursor = new PteCursor(k);
  cursor.start(mm, from, from + pages);
  flushCacheRange(k, mm, from, from + pages);
  while (cursor.next()) {
    for (let done = 0; done < cursor.nr; ) {
      const vpn = cursor.vpn + done;
      const dest = to + (vpn - from);
      const at = yield* allocPte(k, mm, (dest / 4294967296) | 0, dest | 0);
      if (at === 0) return vpn - from;
      const nr = Math.min(EXTENT, cursor.nr - done, ptesPerTable - (dest % ptesPerTable));
      if (fileLock !== null) {
        if (!fileLock.tryLock()) yield* fileLock.wait();
        // A truncation may have passed the target already, and not yet the source: it has to come again.
        if (source.truncateCount !== target.truncateCount) target.truncateCount = 0;
      }
      const oldLock = pteOffsetMapLock(k, mm, cursor.at);
      if (!oldLock.tryLock()) yield* spinMapped(k, oldLock);
      pteOffsetMapNested(k, at);
      const newLock = pteLock(k, mm, at);
      if (newLock !== oldLock && !newLock.tryLock()) yield* spinMapped(k, newLock);
      moveExtent(k, source, cursor.at + done * pteWords, vpn, at, dest, nr);
      if (newLock !== oldLock) newLock.unlock();
      pteUnmapNested(k, at);
      pteUnmapUnlock(k, cursor.at, oldLock);
      fileLock?.unlock();
      done += nr;
    }
  }
  return pages;
}

/** Moves `nr` entries: clears them all, flushes once, then stores them where nothing is. Both pte locks are held. */
function moveExtent(k: Kernel, source: Vma, from: number, vpn: number, to: number, dest: number, nr: number): void {
  const { mm } = source;
  const { words } = k.memory;
  const { loAt, pteWords } = k.tables;
  const hiAt = pteWords === 2 ? k.tables.hiAt : loAt;
  const { countLo, countHi } = k.arch.pteFormat;
  let first = -1;
  let last = -1;
  for (let i = 0; i < nr; i++) {
    const entry = from + i * pteWords;
    const lo = (words[entry + loAt] as number) & countLo;
    const hi = pteWords === 2 ? (words[entry + hiAt] as number) & countHi : 0;
    heldLo[i] = lo;
    heldHi[i] = hi;
    if ((lo | hi) === 0) continue;
    if (first < 0) first = i;
    last = i;
    updatePteAt(k, mm, vpn + i, entry, 0, 0);
  }
  if (first < 0) return;
  // Before the entries appear at the new place: no page may be reachable through both.
  if (first === last) flushTlbPage(k, mm, vpn + first);
  else flushTlbRange(k, mm, vpn + first, vpn + last + 1);
  for (let i = first; i <= last; i++) {
    const lo = heldLo[i] as number;
    const hi = heldHi[i] as number;
    if ((lo | hi) !== 0) replacePteAt(k, mm, dest + i, to + i * pteWords, hi, lo);
  }
}
