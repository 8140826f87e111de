/**
 * Allocation and release of page-table pages.
 *
 * Tables are allocated without locks and linked under mm.page_table_lock after a second look at the upper entry: if
 * another fault linked one meanwhile, ours is freed (generic-mm 3.1). Tables smaller than a page come from slabs of
 * their size.
 */

import { TABLES_ALLOCATED, TABLES_FREED } from '../events/counters.js';
import { pauseAt } from '../events/injection.js';
import { ALLOC_TABLE, FREE_TABLE, LINK_TABLE } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { PG_TABLE } from '../memory/mem-map.js';
import { makeRoom } from '../reclaim/alloc.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import type { Quicklists } from './quicklists.js';

/** Takes a zeroed table of `level` for page `vpn`; returns its physical address, or -1 when memory is short. Atomic. */
export function allocTable(k: Kernel, level: number, vpn: number): number {
  const bytes = k.arch.geometry.tableBytes[level] as number;
  const pa =
    bytes < k.memory.pageSize
      ? takeSmall(k, bytes)
      : k.quicklists !== null
        ? takeListed(k, k.quicklists, level, vpn)
        : takePages(k, bytes);
  if (pa >= 0) {
    k.counters.values[TABLES_ALLOCATED] = (k.counters.values[TABLES_ALLOCATED] as number) + 1;
    k.tablesInUse[level] = (k.tablesInUse[level] as number) + 1;
    k.tablesPeak = Math.max(k.tablesPeak, sum(k.tablesInUse));
    if (k.events.on) k.events.emit(ALLOC_TABLE, level, pa);
  }
  return pa;
}

/** allocTable for a caller that may sleep, after a first try failed: -1 only when there is no memory to be had. */
export function* allocTableSlow(k: Kernel, level: number, vpn: number): Op<number> {
  const order = k.quicklists?.[0]?.orderOf(level) ?? orderOf(k, k.arch.geometry.tableBytes[level] as number);
  while (yield* makeRoom(k, order)) {
    const pa = allocTable(k, level, vpn);
    if (pa >= 0) return pa;
  }
  return -1;
}

/** Gives a table of `level` at physical address `pa` back. */
export function freeTable(k: Kernel, level: number, pa: number): void {
  const bytes = k.arch.geometry.tableBytes[level] as number;
  k.counters.values[TABLES_FREED] = (k.counters.values[TABLES_FREED] as number) + 1;
  k.tablesInUse[level] = (k.tablesInUse[level] as number) - 1;
  if (k.events.on) k.events.emit(FREE_TABLE, level, pa);
  const page = k.memory.pfnToPage(Math.floor(pa / k.memory.pageSize));
  if (bytes < k.memory.pageSize) {
    k.smallTables(bytes).give(pa);
  } else {
    const order = orderOf(k, bytes);
    if (k.pteLocks.size > 0) k.pteLocks.delete(k.memory.slot[page] as number);
    k.map.flags[page] = 0;
    if (k.quicklists === null) k.pages.free(page, order);
    else (k.quicklists[k.cpu.id] as Quicklists).give(level, page);
  }
}

/** Word index of the table at physical address `pa`. */
export function tableWord(k: Kernel, pa: number): number {
  return k.memory.wordAt(pa);
}

/**
 * pgd_alloc: the root of a new mm, with the kernel's entries and the tables that come with it.
 * @param own the root entries that get tables of their own, first and past the last. @returns false when memory is short
 */
export function* allocRoot(k: Kernel, mm: Mm, own: RootEntries): Op<boolean> {
  let pa = allocTable(k, 0, 0);
  if (pa < 0) pa = yield* allocTableSlow(k, 0, 0);
  if (pa < 0) return false;
  mm.rootPa = pa;
  mm.rootWord = tableWord(k, pa);
  const format = k.arch.upper[0];
  copyKernelEntries(k, mm);
  if (!format?.preallocated) return true;
  for (let i = own.first; i < own.end; i++) {
    const vpn = i * k.arch.geometry.entryPages(0);
    let below = allocTable(k, 1, vpn);
    if (below < 0) below = yield* allocTableSlow(k, 1, vpn);
    if (below < 0) {
      freeRoot(k, mm, own);
      return false;
    }
    const at = mm.rootWord + i * ((k.arch.geometry.entryBytes[0] as number) / 4);
    k.tables.setEntry(0, at, format.linkHi(below), format.linkLo(below));
  }
  return true;
}

/** Entries of a root table: the first, and past the last. */
export interface RootEntries {
  readonly first: number;
  readonly end: number;
}

/** The root entries of user space: all where user roots do not carry the kernel's. */
export function userEntries(k: Kernel): RootEntries {
  const first = k.arch.kernelSpace?.firstRootEntry ?? -1;
  return { first: 0, end: first < 0 ? 1 << (k.arch.geometry.bits[0] as number) : first };
}

/** The root entries that are the kernel's in every root: none where user roots do not carry them. */
export function kernelEntries(k: Kernel): RootEntries {
  return { first: userEntries(k).end, end: 1 << (k.arch.geometry.bits[0] as number) };
}

/** Copies the kernel's part of init_mm's root. */
function copyKernelEntries(k: Kernel, mm: Mm): void {
  if (k.initMm === null) return;
  const { first, end } = kernelEntries(k);
  const words = (k.arch.geometry.entryBytes[0] as number) / 4;
  const from = k.initMm.rootWord + first * words;
  k.memory.words.copyWithin(mm.rootWord + first * words, from, from + (end - first) * words);
}

/** pgd_free: the root and what came with it. The user part below must be empty already. */
export function freeRoot(k: Kernel, mm: Mm, own: RootEntries = userEntries(k)): void {
  if (k.arch.upper[0]?.preallocated) {
    for (let i = own.first; i < own.end; i++) {
      const at = mm.rootWord + i * ((k.arch.geometry.entryBytes[0] as number) / 4);
      if (k.tables.tableAt(0, at) !== 0) freeTable(k, 1, k.tables.tableAddress(0, at));
    }
  }
  freeTable(k, 0, mm.rootPa);
  mm.rootPa = 0;
  mm.rootWord = 0;
}

/**
 * pud_alloc, pmd_alloc and pte_alloc in one: makes every missing table on the way to a page's pte.
 * @returns the word index of the pte, or 0 when memory is short.
 */
export function allocPte(k: Kernel, mm: Mm, vpnHi: number, vpnLo: number): Op<number> {
  return allocEntry(k, mm, k.tables.depth - 1, vpnHi, vpnLo);
}

/** The same down to an entry of any real `level`: its word index, or 0 when memory is short. */
export function* allocEntry(k: Kernel, mm: Mm, target: number, vpnHi: number, vpnLo: number): Op<number> {
  const { tables } = k;
  const last = tables.depth - 1;
  let table = mm.rootWord;
  for (let level = 0; level < target; level++) {
    const at = tables.entryAt(level, table, vpnHi, vpnLo);
    let below = tables.tableAt(level, at);
    if (below === 0) {
      const vpn = vpnHi * 4294967296 + (vpnLo >>> 0);
      let pa = allocTable(k, level + 1, vpn);
      if (pa < 0) pa = yield* allocTableSlow(k, level + 1, vpn);
      if (pa < 0) return 0;
      if (k.inject.pause !== null) yield* pauseAt(k, 'before table link');
      if (!mm.pageTableLock.tryLock()) yield* mm.pageTableLock.wait();
      below = tables.tableAt(level, at);
      if (below !== 0) {
        freeTable(k, level + 1, pa);
      } else {
        const format = k.arch.upper[level] as (typeof k.arch.upper)[number];
        tables.setEntry(level, at, format.linkHi(pa), format.linkLo(pa));
        if (level + 1 === last) mm.nrPtes++;
        if (k.events.on) k.events.emit(LINK_TABLE, mm.id, level + 1, vpn);
        below = tableWord(k, pa);
      }
      mm.pageTableLock.unlock();
    }
    table = below;
  }
  return tables.entryAt(target, table, vpnHi, vpnLo);
}

function takePages(k: Kernel, bytes: number): number {
  const order = orderOf(k, bytes);
  const page = k.pages.alloc(order);
  if (page < 0) return -1;
  k.map.flags[page] = PG_TABLE;
  for (let i = 0; i < 1 << order; i++) k.memory.materialize(page + i);
  return k.memory.pageToPfn(page) * k.memory.pageSize;
}

/** A page of this CPU's lists, or one that goes there when it is free again. */
function takeListed(k: Kernel, lists: readonly Quicklists[], level: number, vpn: number): number {
  const page = (lists[k.cpu.id] as Quicklists).take(level, vpn);
  if (page < 0) return -1;
  k.map.flags[page] = PG_TABLE;
  return k.memory.pageToPfn(page) * k.memory.pageSize;
}

function takeSmall(k: Kernel, bytes: number): number {
  return k.smallTables(bytes).take();
}

function orderOf(k: Kernel, bytes: number): number {
  return Math.max(0, Math.ceil(Math.log2(bytes / k.memory.pageSize)));
}

function sum(counts: Int32Array): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] as number;
  return total;
}
