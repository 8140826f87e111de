/** do_wp_page (generic-mm 4.8): a write to a present page whose entry is not writable. */

import { COPY_FAULTS, REUSE_FAULTS } from '../events/counters.js';
import { pauseAt } from '../events/injection.js';
import { ACCESS_FLAGS } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { PG_LOCKED } from '../memory/mem-map.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { pteOffsetMap } from '../pgtable/highpte.js';
import { pteOffsetMapLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { flushCachePage, updateMmuCache } from '../pgtable/mmu-hooks.js';
import { setAccessFlagsAt } from '../pgtable/set-pte.js';
import { lruCacheAddActive } from '../reclaim/lru-batch.js';
import { anonVmaPrepare } from '../rmap/anon-vma.js';
import { pageAddAnonRmap, pageRemoveRmap } from '../rmap/rmap.js';
import { finished } from '../smp/driver.js';
import type { Op, SpinLock } from '../smp/lock.js';
import { canShareSwapPage } from '../swap/cache.js';
import { isCowMapping, VM_WRITE } from '../vma/flags.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { VM_FAULT_MINOR, VM_FAULT_OOM, VM_FAULT_SIGBUS, VM_FAULT_WRITE } from './codes.js';
import {
  allocCopiedPage,
  allocCopiedPageSlow,
  allocRawCopy,
  allocZeroedPage,
  allocZeroedPageSlow,
  installPage,
  NOT_TRIED,
} from './install.js';

/**
 * Entered with the table mapped, its lock held and the entry (hi, lo) verified; leaves both undone. An anonymous page that nobody else maps
 * is made writable in place; everything else is copied. It ends in the plain part unless it has to wait for something.
 */
export function doWpPage(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  lock: SpinLock,
): Op<number> {
  const { map } = k;
  const old = vmNormalPage(k, vma, vpn, hi, lo);
  const reusable = old >= 0 && map.isAnon(old) && ((map.flags[old] as number) & PG_LOCKED) === 0;
  if (reusable && canShareSwapPage(k, old)) {
    reuse(k, vma, vpn, at, hi, lo);
    pteUnmapUnlock(k, at, lock);
    return finished(VM_FAULT_MINOR | VM_FAULT_WRITE);
  }
  // D8: originally a copy goes into areas whose pages are shared, where no copy should ever be.
  if (!isCowMapping(vma.flags) && !k.defectsKept) {
    pteUnmapUnlock(k, at, lock);
    return finished(VM_FAULT_SIGBUS);
  }
  if (old >= 0) map.count[old] = (map.count[old] as number) + 1;
  pteUnmapUnlock(k, at, lock);
  if (k.inject.pause !== null || vma.anonVma === null || old < 0) {
    return waitForCopy(k, vma, vpn, at, hi, lo, old, NOT_TRIED);
  }
  const page = takeCopy(k, old, vpn);
  if (page < 0) return waitForCopy(k, vma, vpn, at, hi, lo, old, page);
  pteOffsetMap(k, at);
  if (!lock.tryLock()) return spinAndMap(k, vma, vpn, at, hi, lo, lock, old, page);
  return finished(mapCopy(k, vma, vpn, at, hi, lo, lock, old, page));
}

/** @param taken the copy of `old`, -1 if there was no frame without reclaim, NOT_TRIED */
function* waitForCopy(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  old: number,
  taken: number,
): Op<number> {
  let page = taken;
  const prepared = vma.anonVma !== null || (yield* anonVmaPrepare(k, vma)) === 0;
  if (prepared && old < 0) {
    page = yield* allocRawCopy(k, hi, lo, vpn);
  } else if (prepared) {
    if (page === NOT_TRIED) page = takeCopy(k, old, vpn);
    if (page < 0) page = yield* old === k.zeroPage ? allocZeroedPageSlow(k) : allocCopiedPageSlow(k, old, vpn);
  }
  if (page < 0) {
    if (old >= 0) k.pages.put(old);
    return VM_FAULT_OOM;
  }
  if (k.inject.pause !== null) yield* pauseAt(k, 'before pte lock');
  const lock = pteOffsetMapLock(k, vma.mm, at);
  if (!lock.tryLock()) yield* spinMapped(k, lock);
  return mapCopy(k, vma, vpn, at, hi, lo, lock, old, page);
}

function* spinAndMap(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  lock: SpinLock,
  old: number,
  page: number,
): Op<number> {
  yield* spinMapped(k, lock);
  return mapCopy(k, vma, vpn, at, hi, lo, lock, old, page);
}

/** A frame with what `old` holds; -1 when reclaim has to work first. */
function takeCopy(k: Kernel, old: number, vpn: number): number {
  return old === k.zeroPage ? allocZeroedPage(k) : allocCopiedPage(k, old, vpn);
}

/** The table is mapped and locked, both undone here: maps the copy in the place of `old`, unless the entry has changed. */
function mapCopy(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  lock: SpinLock,
  old: number,
  page: number,
): number {
  const { mm } = vma;
  let result = VM_FAULT_MINOR;
  if (entryIs(k, at, hi, lo)) {
    if (old < 0) {
      addAnonRss(k, mm, 1);
    } else {
      pageRemoveRmap(k, old);
      if (!k.map.isAnon(old)) {
        addFileRss(k, mm, -1);
        addAnonRss(k, mm, 1);
      }
    }
    flushCachePage(k, mm, vpn, k.arch.pteFormat.frame(hi, lo));
    lruCacheAddActive(k, page);
    pageAddAnonRmap(k, page, vma, vpn);
    installPage(k, vma, vpn, at, page, true, true);
    k.counters.values[COPY_FAULTS] = (k.counters.values[COPY_FAULTS] as number) + 1;
    result |= VM_FAULT_WRITE;
    if (old >= 0) k.pages.put(old);
  } else {
    k.pages.put(page);
  }
  pteUnmapUnlock(k, at, lock);
  if (old >= 0) k.pages.put(old);
  return result;
}

function reuse(k: Kernel, vma: Vma, vpn: number, at: number, hi: number, lo: number): void {
  const f = k.arch.pteFormat;
  flushCachePage(k, vma.mm, vpn, f.frame(hi, lo));
  let newLo = (lo & f.mkyoung.keepLo) | f.mkyoung.setLo;
  let newHi = (hi & f.mkyoung.keepHi) | f.mkyoung.setHi;
  newLo = (newLo & f.mkdirty.keepLo) | f.mkdirty.setLo;
  newHi = (newHi & f.mkdirty.keepHi) | f.mkdirty.setHi;
  if ((vma.flags & VM_WRITE) !== 0) {
    newLo = (newLo & f.mkwrite.keepLo) | f.mkwrite.setLo;
    newHi = (newHi & f.mkwrite.keepHi) | f.mkwrite.setHi;
  }
  if (k.events.on) k.events.emit(ACCESS_FLAGS, vma.mm.id, vpn, 1);
  setAccessFlagsAt(k, vma.mm, vpn, at, newHi, newLo);
  updateMmuCache(k, vma.mm, vpn, newHi, newLo);
  k.counters.values[REUSE_FAULTS] = (k.counters.values[REUSE_FAULTS] as number) + 1;
}

/** pte_same of the entry at a word index with (hi, lo). */
export function entryIs(k: Kernel, at: number, hi: number, lo: number): boolean {
  const words = k.memory.words;
  const { loAt, hiAt, pteWords } = k.tables;
  const f = k.arch.pteFormat;
  const nowLo = words[at + loAt] as number;
  const nowHi = pteWords === 2 ? (words[at + hiAt] as number) : 0;
  return (((nowLo ^ lo) & f.countLo) | ((nowHi ^ hi) & f.countHi)) === 0;
}
