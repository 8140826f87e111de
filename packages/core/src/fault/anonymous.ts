/** do_anonymous_page (generic-mm 4.4): the zero page for a read, an own zeroed frame for a write. */
import { ZERO_PAGE_FAULTS } from '../events/counters.js';
import { pauseAt } from '../events/injection.js';
import type { Kernel } from '../kernel.js';
import { PG_REFERENCED } from '../memory/mem-map.js';
import { pteOffsetMap, pteUnmap } from '../pgtable/highpte.js';
import { pteLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { lruCacheAddActive } from '../reclaim/lru-batch.js';
import { anonVmaPrepare } from '../rmap/anon-vma.js';
import { pageAddAnonRmap, pageAddFileRmap } from '../rmap/rmap.js';
import { finished } from '../smp/driver.js';
import type { Op, SpinLock } from '../smp/lock.js';
import { isCowMapping, VM_PFNMAP, VM_SHARED } from '../vma/flags.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { VM_FAULT_MINOR, VM_FAULT_OOM, VM_FAULT_SIGBUS } from './codes.js';
import { allocZeroedPage, allocZeroedPageSlow, installPage, NOT_TRIED } from './install.js';

/**
 * Handles a fault on an absent page of an area without a file, or whose file has no nopage. `at` is the pte's word index, mapped;
 * no pte lock is held. It ends in the plain part unless it has to wait for something.
 */
export function doAnonymousPage(k: Kernel, vma: Vma, vpn: number, at: number, write: boolean): Op<number> {
  // D9: a shared area without nopage has no page to give; the original mapped a writable zero page here, and what it mapped
  // into an area of raw entries nobody could tell from those afterwards.
  if (!isCowMapping(vma.flags) && (vma.flags & (VM_SHARED | VM_PFNMAP)) !== 0 && !k.defectsKept) {
    pteUnmap(k, at);
    return finished(VM_FAULT_SIGBUS);
  }
  // A store needs a frame, which may have to be waited for. A load keeps the table mapped.
  if (write) pteUnmap(k, at);
  if (k.inject.pause !== null || (write && vma.anonVma === null)) {
    return waitForAnonymousPage(k, vma, vpn, at, write, NOT_TRIED);
  }
  const page = takeFrame(k, write);
  if (page < 0) return waitForAnonymousPage(k, vma, vpn, at, write, page);
  if (write) pteOffsetMap(k, at);
  const lock = pteLock(k, vma.mm, at);
  if (!lock.tryLock()) return spinAndMap(k, vma, vpn, at, write, page, lock);
  return finished(mapAnonymousPage(k, vma, vpn, at, write, page, lock));
}

/** @param taken the frame, -1 if there was none without reclaim, NOT_TRIED */
function* waitForAnonymousPage(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  write: boolean,
  taken: number,
): Op<number> {
  let page = taken;
  if (page === NOT_TRIED) {
    if (k.inject.pause !== null) yield* pauseAt(k, 'after pte read');
    if (write && vma.anonVma === null && (yield* anonVmaPrepare(k, vma)) < 0) return VM_FAULT_OOM;
    page = takeFrame(k, write);
  }
  if (page < 0) page = yield* allocZeroedPageSlow(k);
  if (page < 0) return VM_FAULT_OOM;
  if (k.inject.pause !== null) yield* pauseAt(k, 'before pte lock');
  if (write) pteOffsetMap(k, at);
  const lock = pteLock(k, vma.mm, at);
  if (!lock.tryLock()) yield* spinMapped(k, lock);
  return mapAnonymousPage(k, vma, vpn, at, write, page, lock);
}

function* spinAndMap(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  write: boolean,
  page: number,
  lock: SpinLock,
): Op<number> {
  yield* spinMapped(k, lock);
  return mapAnonymousPage(k, vma, vpn, at, write, page, lock);
}

/** A frame of its own for a store, the zero page for a read, with a reference; -1 when reclaim has to work first. */
function takeFrame(k: Kernel, write: boolean): number {
  if (write) return allocZeroedPage(k);
  k.map.count[k.zeroPage] = (k.map.count[k.zeroPage] as number) + 1;
  return k.zeroPage;
}

/** The table is mapped and locked, both undone here: maps the frame, unless somebody else was faster. */
function mapAnonymousPage(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  write: boolean,
  page: number,
  lock: SpinLock,
): number {
  const { mm } = vma;
  if (!entryIsNone(k, at)) {
    pteUnmapUnlock(k, at, lock);
    k.pages.put(page);
    return VM_FAULT_MINOR;
  }
  if (write) {
    addAnonRss(k, mm, 1);
    lruCacheAddActive(k, page);
    k.map.flags[page] = (k.map.flags[page] as number) | PG_REFERENCED;
    pageAddAnonRmap(k, page, vma, vpn);
  } else {
    k.counters.values[ZERO_PAGE_FAULTS] = (k.counters.values[ZERO_PAGE_FAULTS] as number) + 1;
    addFileRss(k, mm, 1);
    pageAddFileRmap(k, page);
  }
  installPage(k, vma, vpn, at, page, write);
  pteUnmapUnlock(k, at, lock);
  return VM_FAULT_MINOR;
}

/** pte_none of the entry at a word index, read again from memory. */
export function entryIsNone(k: Kernel, at: number): boolean {
  const words = k.memory.words;
  const { loAt, hiAt, pteWords } = k.tables;
  return k.arch.pteFormat.isNone(pteWords === 2 ? (words[at + hiAt] as number) : 0, words[at + loAt] as number);
}
