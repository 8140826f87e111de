/**
 * free_pgtables: releases the page tables that no remaining area needs (generic-mm 3.3).
 *
 * All arithmetic is in page numbers; the kernel's "ceiling 0" (the top of the address space) is `top` here, so the
 * comparisons need no wrap. A table goes exactly when no area left in the mm needs the span it covers: `floor` is the
 * end of the area below, `ceiling` the start of the area above.
 */

import type { HugeFormat } from '../arch/hugetlb.js';
import { ROOT_VISITS } from '../events/counters.js';
import { UNLINK_TABLE } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import type { MmuGather } from '../zap/gather.js';
import { flushTlbTables } from './flush.js';

/**
 * Frees the tables below a run of areas that were taken out of the mm.
 * @param areas the areas, ascending, already zapped and unlinked from files and anon_vmas.
 * @param floor end page of the area below the run (or FIRST_USER_ADDRESS).
 * @param ceiling start page of the area above the run, or Infinity for none.
 */
export function freePgtables(
  k: Kernel,
  gather: MmuGather,
  areas: readonly Vma[],
  floor: number,
  ceiling: number,
): void {
  const { geometry } = k.arch;
  if (geometry.depth < 2) return;
  const pmdPages = geometry.entryPages(geometry.depth - 2);
  for (let i = 0; i < areas.length; ) {
    const first = areas[i] as Vma;
    const { start } = first;
    let { end } = first;
    i++;
    gather.note(start, end);
    if (isHugeOnly(k, first)) {
      hugetlbFreePgdRange(k, gather, start, end, floor, i < areas.length ? (areas[i] as Vma).start : ceiling);
      continue;
    }
    while (i < areas.length && (areas[i] as Vma).start <= end + pmdPages && !isHugeOnly(k, areas[i] as Vma)) {
      end = (areas[i] as Vma).end;
      i++;
    }
    gather.note(start, end);
    freePgdRange(k, gather, start, end, floor, i < areas.length ? (areas[i] as Vma).start : ceiling);
  }
}

/** Whether an area begins where only huge pages may be: the kernel asks about its first HPAGE_SIZE bytes. */
function isHugeOnly(k: Kernel, vma: Vma): boolean {
  const { huge } = k.arch;
  return huge?.reserves === true && k.mmu.isHugepageOnlyRange(vma.mm, vma.start, huge.pages);
}

/**
 * hugetlb_free_pgd_range: free_pgd_range, by scaled addresses where tables have those. A floor or ceiling is scaled only if
 * it is an address of huge pages itself.
 */
function hugetlbFreePgdRange(
  k: Kernel,
  gather: MmuGather,
  start: number,
  end: number,
  floor: number,
  ceiling: number,
): void {
  const huge = k.arch.huge as HugeFormat;
  if (huge.rangeStart < 0) {
    freePgdRange(k, gather, start, end, floor, ceiling);
    return;
  }
  const bound = (page: number): number =>
    huge.inRange(page) && huge.inRange(page + huge.pages - 1) ? huge.scale(page) : page;
  freePgdRange(k, gather, huge.scale(start), huge.scale(end), bound(floor), bound(ceiling));
}

/** free_pgd_range for pages [start, end). */
export function freePgdRange(
  k: Kernel,
  gather: MmuGather,
  start: number,
  end: number,
  floor: number,
  ceiling: number,
): void {
  const mm = gather.mm;
  const { geometry } = k.arch;
  const pmdPages = geometry.entryPages(geometry.depth - 2);
  let first = roundDown(start, pmdPages);
  if (first < floor) first += pmdPages;
  let top = ceiling;
  if (top !== Infinity) {
    top = roundDown(top, pmdPages);
    if (top === 0) return;
  }
  let last = end;
  if (last > top) last -= pmdPages;
  if (first >= last) return;
  freeLevel(k, gather, mm, 0, mm.rootWord, first, last, floor, ceiling);
  if (!gather.fullmm) flushTlbTables(k, mm, first, last);
}

/** Frees what lies below the entries of one table for [start, end); `table` itself stays. */
function freeLevel(
  k: Kernel,
  gather: MmuGather,
  mm: Mm,
  level: number,
  table: number,
  start: number,
  end: number,
  floor: number,
  ceiling: number,
): void {
  const { tables, arch, counters } = k;
  const pages = arch.geometry.entryPages(level);
  const belowIsPte = level === tables.depth - 2;
  for (let vpn = start; vpn < end; ) {
    const next = Math.min(end, (Math.floor(vpn / pages) + 1) * pages);
    if (level === 0) counters.values[ROOT_VISITS] = (counters.values[ROOT_VISITS] as number) + 1;
    const at = tables.entryAt(level, table, (vpn / 4294967296) | 0, vpn | 0);
    const below = tables.tableAt(level, at);
    if (below !== 0) {
      if (belowIsPte) {
        release(level, at, vpn);
        mm.nrPtes--;
      } else {
        freeLevel(k, gather, mm, level + 1, below, vpn, next, floor, ceiling);
        const isSpare = spanIsFree(vpn, next, pages, floor, ceiling);
        if (isSpare && arch.upper[level]?.preallocated)
          gather.needFlush = true; // pmd_free_tlb says so, though the table stays
        else if (isSpare) release(level, at, vpn);
      }
    }
    vpn = next;
  }

  function release(entryLevel: number, at: number, vpn: number): void {
    const pa = tables.tableAddress(entryLevel, at);
    tables.setEntry(entryLevel, at, 0, 0);
    if (k.events.on) k.events.emit(UNLINK_TABLE, mm.id, entryLevel + 1, pa);
    // Before the gather has the table: it may flush at once.
    if (entryLevel === tables.depth - 2) k.ledger?.unlinked(mm, vpn);
    gather.freeTable(entryLevel + 1, pa);
  }
}

/** Whether the whole span of the entry around [start, end) is free of other areas. */
function spanIsFree(start: number, end: number, pages: number, floor: number, ceiling: number): boolean {
  if (roundDown(start, pages) < floor) return false;
  const top = ceiling === Infinity ? Infinity : roundDown(ceiling, pages);
  return top !== 0 && end <= top;
}

function roundDown(page: number, pages: number): number {
  return Math.floor(page / pages) * pages;
}
