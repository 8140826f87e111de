/**
 * shrink_list (generic-mm 13.2): for each page taken off a list, what becomes of it: freed, active again, or back where it was.
 *
 * A page goes through two plain steps with the write to its file, which may sleep, between them. Locks that somebody else
 * holds stop a step: the page is unlocked, the pass waits and takes it up again.
 */
import { PGACTIVATE } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import { PG_ACTIVE, PG_DIRTY, PG_LOCKED, PG_SWAPCACHE, PG_WRITEBACK } from '../memory/mem-map.js';
import { tryLockPage, unlockPage } from '../memory/page-lock.js';
import { removeFromPageCache } from '../pagecache/page-cache.js';
import { pageReferenced } from '../rmap/referenced.js';
import { SWAP_AGAIN, SWAP_FAIL, tryToUnmap } from '../rmap/try-to-unmap.js';
import type { Op } from '../smp/lock.js';
import { addToSwap, deleteFromSwapCache } from '../swap/cache.js';
import { goesToSwap, PAGE_ACTIVATE, PAGE_KEEP, pageoutFile, pageoutSwap } from './pageout.js';
import type { Scan } from './scan.js';

/** The page stays where it is. */
const KEEP = 0;
/** The page becomes active. */
const ACTIVATE = 1;
/** The page is gone. */
const FREED = 2;
/** The page is locked, unmapped, clean: it can be freed. */
const CLEAN = 3;
/** The page is locked and has to be written to its file. */
const WRITE = 4;
/** Somebody holds a lock that the step needs: `scan.where.blockedOn`. */
const BLOCKED = 5;

/**
 * Shrinks a list of `nr` pages, each held by a reference of the caller's, off every LRU list. A page that went is -1
 * afterwards, one that shall be active has PG_ACTIVE.
 */
export function* shrinkList(k: Kernel, pages: Int32Array, nr: number, scan: Scan): Op<void> {
  for (let i = 0; i < nr; i++) {
    const page = pages[i] as number;
    let referenced = 0;
    let what = BLOCKED;
    while (what === BLOCKED) {
      if (!tryLockPage(k, page)) {
        what = KEEP;
        break;
      }
      // A file page that was already asked is not unused because a lock was in the way.
      referenced += pageReferenced(k, page, true, scan.where);
      what = scan.where.blockedOn === null ? unmapPage(k, page, referenced, scan) : BLOCKED;
      if (what !== BLOCKED) break;
      unlockPage(k, page);
      const lock = scan.where.blockedOn;
      scan.where.blockedOn = null;
      if (lock?.held) yield lock;
    }
    if (what === WRITE) what = afterPageout(k, page, yield* pageoutFile(k, page));
    if (what === CLEAN) what = freePage(k, page);
    if (what === FREED) {
      pages[i] = -1;
      scan.reclaimed++;
      continue;
    }
    if (what === ACTIVATE) {
      k.map.flags[page] = (k.map.flags[page] as number) | PG_ACTIVE;
      k.counters.values[PGACTIVATE] = (k.counters.values[PGACTIVATE] as number) + 1;
    }
  }
}

/** Steps 2 to 7 of a locked page. Unless the answer is CLEAN, WRITE or BLOCKED it is unlocked. */
function unmapPage(k: Kernel, page: number, referenced: number, scan: Scan): number {
  const { map } = k;
  let flags = map.flags[page] as number;
  const mapped = map.mapcount[page] !== 0;
  scan.scanned += mapped || (flags & PG_SWAPCACHE) !== 0 ? 2 : 1;
  if ((flags & PG_WRITEBACK) !== 0) return unlocked(k, page, KEEP);
  const used = referenced > 0 && !scan.force;
  if (used && inUse(k, page)) return unlocked(k, page, ACTIVATE);
  if (map.isAnon(page) && (flags & PG_SWAPCACHE) === 0) {
    if (!addToSwap(k, page)) return unlocked(k, page, ACTIVATE);
    flags = map.flags[page] as number;
  }
  if (mapped && ((flags & PG_SWAPCACHE) !== 0 || map.mapping[page] !== 0)) {
    const result = tryToUnmap(k, page, scan.force, scan.where);
    if (scan.where.blockedOn !== null) return BLOCKED;
    if (result === SWAP_FAIL) return unlocked(k, page, ACTIVATE);
    if (result === SWAP_AGAIN) return unlocked(k, page, KEEP);
  }
  if (((map.flags[page] as number) & PG_DIRTY) === 0) return CLEAN;
  if (used) return unlocked(k, page, KEEP);
  if (goesToSwap(k, page)) return afterPageout(k, page, pageoutSwap(k, page));
  return scan.force && isOnDisk(k, page) ? unlocked(k, page, KEEP) : WRITE;
}

/** What follows pageout: CLEAN, with the page locked again, when the write is over and nobody was faster. */
function afterPageout(k: Kernel, page: number, result: number): number {
  if (result === PAGE_KEEP) return unlocked(k, page, KEEP);
  if (result === PAGE_ACTIVATE) return unlocked(k, page, ACTIVATE);
  if (((k.map.flags[page] as number) & (PG_DIRTY | PG_WRITEBACK | PG_LOCKED)) !== 0) return KEEP;
  tryLockPage(k, page);
  return CLEAN;
}

/** Steps 9 to 11: a locked page leaves its cache and is freed, if the cache and the caller alone refer to it. */
function freePage(k: Kernel, page: number): number {
  const { map } = k;
  const flags = map.flags[page] as number;
  const handle = map.mapping[page] as number;
  const space = (flags & PG_SWAPCACHE) !== 0 || (handle & 1) !== 0 ? null : k.mappings.file(handle);
  if (map.count[page] !== 2 || (flags & PG_DIRTY) !== 0) return unlocked(k, page, KEEP);
  if ((flags & PG_SWAPCACHE) !== 0) deleteFromSwapCache(k, page);
  else if (space !== null) removeFromPageCache(k, space, map.index[page] as number);
  else return unlocked(k, page, KEEP);
  unlockPage(k, page);
  k.pages.put(page);
  return FREED;
}

/** page_mapping_inuse: an accessed page counts only when somebody may use it again. */
function inUse(k: Kernel, page: number): boolean {
  const { map } = k;
  if (map.mapcount[page] !== 0 || ((map.flags[page] as number) & PG_SWAPCACHE) !== 0) return true;
  const handle = map.mapping[page] as number;
  const space = handle === 0 || (handle & 1) !== 0 ? null : k.mappings.file(handle);
  return space !== null && space.linear.size + space.nonlinear.size > 0;
}

/** Whether a file's page is written to a disk, and not to swap. */
function isOnDisk(k: Kernel, page: number): boolean {
  const host = k.mappings.file(k.map.mapping[page] as number)?.host;
  return host !== undefined && host.fsType === undefined;
}

function unlocked(k: Kernel, page: number, what: number): number {
  unlockPage(k, page);
  return what;
}
