/**
 * try_to_unuse (generic-mm 12.3): empties a swap area by giving every page back to all who have a reference to its slot.
 * The page is locked meanwhile; mmap_sem of each address space is taken for reading, and ranks above the page lock.
 */
import { ERRNO } from '../errors.js';
import { newPteHi, newPteLo } from '../fault/install.js';
import type { Kernel } from '../kernel.js';
import { PG_DIRTY, PG_SWAPCACHE } from '../memory/mem-map.js';
import { tryLockPage, unlockPage, waitForPage } from '../memory/page-lock.js';
import { PteCursor } from '../pgtable/cursor.js';
import { pteOffsetMapLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { setPteAt } from '../pgtable/set-pte.js';
import { activatePage } from '../reclaim/lru-batch.js';
import { swapWritepage } from '../reclaim/pageout.js';
import { pageAddressInVma } from '../rmap/page-address.js';
import { pageAddAnonRmap } from '../rmap/rmap.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import type { Mm } from '../vma/mm.js';
import { addAnonRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { destroyMm } from '../zap/unmap.js';
import { SWAP_MAP_MAX, type SwapArea } from './area.js';
import { deleteFromSwapCache } from './cache.js';
import { pteToSwapEntry, swapEntry } from './entry.js';
import { readSwapCacheAsync } from './read.js';
import { swapCount, swapFree } from './swap.js';

/** Empties an area that takes no new slots any more. 0, or -ENOMEM when a page could not be read in. */
export function* tryToUnuse(k: Kernel, area: SwapArea): Op<number> {
  // Slots may be shared again behind us by a fork under way: round and round until none is left.
  for (let offset = 1; area.inuse > 0; offset = offset + 1 < area.map.length ? offset + 1 : 1) {
    const count = area.map[offset] as number;
    if (count === 0 || count > SWAP_MAP_MAX) continue;
    const entry = swapEntry(area.type, offset);
    const page = yield* readSwapCacheAsync(k, entry);
    if (page < 0) {
      if (area.map[offset] === 0) continue;
      return -ERRNO.ENOMEM;
    }
    if (!tryLockPage(k, page)) yield* waitForPage(k, page);
    if (isSwapPage(k, page, entry)) yield* unuseSlot(k, area, offset, entry, page);
    unlockPage(k, page);
    k.pages.put(page);
    yield condResched(k);
  }
  return 0;
}

function* unuseSlot(k: Kernel, area: SwapArea, offset: number, entry: number, page: number): Op<void> {
  const { map } = k;
  for (const user of k.swap.users) {
    if (swapCount(k, entry) > 1 && (yield* user.unuse(entry, page))) break;
  }
  if (isSwapPage(k, page, entry)) {
    for (const mm of [...k.swap.mms]) {
      if (swapCount(k, entry) <= 1) break;
      if (mm.users > 0) yield* unuseMm(k, mm, entry, page);
    }
  }
  // A count that was lost track of: whoever had it has been looked through.
  if (area.map[offset] === SWAP_MAP_MAX) area.map[offset] = 1;
  if (!isSwapPage(k, page, entry)) return;
  // Somebody has it still: its bytes have to be on the device before the cached page goes.
  if (swapCount(k, entry) > 1 && ((map.flags[page] as number) & PG_DIRTY) !== 0) {
    map.flags[page] = (map.flags[page] as number) & ~PG_DIRTY;
    swapWritepage(k, page);
    if (!tryLockPage(k, page)) yield* waitForPage(k, page);
    if (!isSwapPage(k, page, entry)) return;
  }
  deleteFromSwapCache(k, page);
  map.flags[page] = (map.flags[page] as number) | PG_DIRTY;
}

function isSwapPage(k: Kernel, page: number, entry: number): boolean {
  return ((k.map.flags[page] as number) & PG_SWAPCACHE) !== 0 && k.map.priv[page] === entry;
}

/** unuse_mm: maps the page where this address space has its entry. The page lock is let go while mmap_sem is waited for. */
function* unuseMm(k: Kernel, mm: Mm, entry: number, page: number): Op<void> {
  mm.users++;
  if (!mm.mmapSem.tryRead()) {
    activatePage(k, page);
    unlockPage(k, page);
    yield* mm.mmapSem.waitRead();
    if (!tryLockPage(k, page)) yield* waitForPage(k, page);
  }
  if (isSwapPage(k, page, entry)) {
    for (let vma = mm.vmas.first; vma !== null; vma = vma.next) {
      if (vma.anonVma !== null && (yield* unuseVma(k, vma, entry, page))) break;
    }
  }
  mm.mmapSem.upRead();
  mm.users--;
  if (mm.users === 0) yield* destroyMm(k, mm);
}

/** unuse_vma: at the page's known address, or everywhere when nobody has mapped it since it was read. */
function* unuseVma(k: Kernel, vma: Vma, entry: number, page: number): Op<boolean> {
  let { start, end } = vma;
  if (k.map.isAnon(page)) {
    start = pageAddressInVma(k, vma, page);
    if (start < 0) return false;
    end = start + 1;
  }
  const { mm } = vma;
  const cursor = new PteCursor(k);
  cursor.start(mm, start, end);
  while (cursor.next()) {
    const lock = pteOffsetMapLock(k, mm, cursor.at);
    if (!lock.tryLock()) yield* spinMapped(k, lock);
    const found = unuseRun(k, vma, cursor, entry, page);
    pteUnmapUnlock(k, cursor.at, lock);
    if (found) return true;
  }
  return false;
}

/** unuse_pte_range: the page instead of its entry, old and as the area allows it; sharing is judged anew by the next write. */
function unuseRun(k: Kernel, vma: Vma, cursor: PteCursor, entry: number, page: number): boolean {
  const { words } = k.memory;
  const { loAt, hiAt, pteWords } = k.tables;
  const f = k.arch.pteFormat;
  for (let i = 0; i < cursor.nr; i++) {
    const at = cursor.at + i * pteWords;
    const lo = words[at + loAt] as number;
    const hi = pteWords === 2 ? (words[at + hiAt] as number) : 0;
    if (f.isNone(hi, lo) || f.isPresent(hi, lo) || f.isFile(hi, lo) || pteToSwapEntry(f, hi, lo) !== entry) continue;
    const newLo = newPteLo(k, vma, page, false);
    const newHi = newPteHi(k, vma, page, false);
    addAnonRss(k, vma.mm, 1);
    k.map.count[page] = (k.map.count[page] as number) + 1;
    const oldHi = (newHi & f.mkold.keepHi) | f.mkold.setHi;
    setPteAt(k, vma.mm, cursor.vpn + i, at, oldHi, (newLo & f.mkold.keepLo) | f.mkold.setLo);
    pageAddAnonRmap(k, page, vma, cursor.vpn + i);
    swapFree(k, entry);
    activatePage(k, page);
    return true;
  }
  return false;
}
