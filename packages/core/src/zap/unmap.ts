/** Unmapping of whole areas: munmap's core and the end of an address space (generic-mm 7.7, 18). */
import { KernelBug } from '../errors.js';
import { EXITS } from '../events/counters.js';
import { CLOSE_VMA } from '../events/kinds.js';
import { lastClose } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { freePgtables } from '../pgtable/free.js';
import { flushCacheMm } from '../pgtable/mmu-hooks.js';
import { lruAddDrain } from '../reclaim/lru-batch.js';
import { unlinkAnonVma } from '../rmap/anon-vma.js';
import type { Op } from '../smp/lock.js';
import { mmdropLast } from '../smp/switch.js';
import { unchargeMemory } from '../vma/accounting.js';
import { unlinkFileVma } from '../vma/link.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import { betweenGathers, type MmuGather } from './gather.js';
import { unmapVmas } from './zap.js';

/**
 * unmap_region: zaps [start, end) of areas that were taken out of the mm, gives the charge back, frees the page tables
 * nobody needs any more and flushes. mmap_sem is held for writing.
 * @param prev the area left below the range, or null; @param next the one left above, or null.
 */
export function* unmapRegion(
  k: Kernel,
  mm: Mm,
  areas: readonly Vma[],
  prev: Vma | null,
  next: Vma | null,
  start: number,
  end: number,
): Op<void> {
  lruAddDrain(k);
  const gather = k.gather.start(mm, false);
  mm.updateHiwaterRss();
  const accounted = yield* unmapVmas(k, gather, areas, start, end);
  unchargeMemory(k, accounted);
  const floor = prev === null ? k.arch.layout.firstUser : prev.end;
  yield* unlinkAndFree(k, gather, areas, floor, next === null ? Infinity : next.start);
  gather.finish();
}

/** exit_mmap: everything goes. Nobody uses the mm any more. */
export function* exitMmap(k: Kernel, mm: Mm): Op<void> {
  lruAddDrain(k);
  flushCacheMm(k, mm);
  const gather = k.gather.start(mm, true);
  const areas = [...mm.vmas];
  const accounted = yield* unmapVmas(k, gather, areas, 0, Infinity);
  unchargeMemory(k, accounted);
  yield* unlinkAndFree(k, gather, areas, k.arch.layout.firstUser, Infinity);
  gather.finish();
  for (const vma of areas) {
    mm.vmas.remove(vma);
    if (k.events.on) k.events.emit(CLOSE_VMA, mm.id, vma.start);
    vma.ops?.close?.(vma);
    if (vma.file !== null && --vma.file.refs === 0) yield* lastClose(vma.file);
  }
  if (mm.nrPtes !== 0 || mm.rss !== 0) {
    throw new KernelBug(`exit_mmap left ${mm.nrPtes} pte tables and ${mm.rss} resident pages`);
  }
}

/** mmput at the last user, then mmdrop: the address space goes, and its context and root table when no CPU has them loaded. */
export function* destroyMm(k: Kernel, mm: Mm): Op<void> {
  k.counters.values[EXITS] = (k.counters.values[EXITS] as number) + 1;
  yield* exitMmap(k, mm);
  k.swap.mms.delete(mm);
  k.swapToken.put(k, mm);
  mmdropLast(k, mm);
}

/** free_pgtables: the areas leave rmap's lists, then their tables go; without 8f4f8c164c the other way round. */
function* unlinkAndFree(k: Kernel, gather: MmuGather, areas: readonly Vma[], floor: number, ceiling: number): Op<void> {
  const first = k.behaviour.unlinksBeforeTables;
  if (!first) freePgtables(k, gather, areas, floor, ceiling);
  for (const vma of areas) yield* unlink(k, gather, vma);
  if (first) freePgtables(k, gather, areas, floor, ceiling);
}

/** Takes an area off its anon_vma's and its file's list, so that no walk of theirs meets a table that is being freed. */
function* unlink(k: Kernel, gather: MmuGather, vma: Vma): Op<void> {
  const anonLock = vma.anonVma?.lock;
  if (anonLock !== undefined) {
    if (!anonLock.tryLock()) yield* betweenGathers(gather, anonLock.wait());
    unlinkAnonVma(k, vma);
    anonLock.unlock();
  }
  const fileLock = vma.file?.inode.mapping.lock;
  if (fileLock !== undefined) {
    if (!fileLock.tryLock()) yield* betweenGathers(gather, fileLock.wait());
    unlinkFileVma(k, vma);
    fileLock.unlock();
  }
}
