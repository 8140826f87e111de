/**
 * The page lock (PG_locked): guards page.mapping, membership of the swap cache, and truncation against faults. It ranks
 * below mmap_sem and above i_mmap_lock, and may be held across a sleep.
 */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Op, Wait } from '../smp/lock.js';
import { PG_LOCKED, PG_WRITEBACK } from './mem-map.js';

/** TestSetPageLocked, the other way round: true when the lock was free and is the caller's now. */
export function tryLockPage(k: Kernel, page: number): boolean {
  const flags = k.map.flags[page] as number;
  if ((flags & PG_LOCKED) !== 0) return false;
  k.map.flags[page] = flags | PG_LOCKED;
  return true;
}

/** lock_page's slow half: waits until the lock is free and takes it. The caller holds a reference to the page. */
export function* waitForPage(k: Kernel, page: number): Op<void> {
  if (k.pteMaps !== null) k.pteMaps.mightSleep('lock_page');
  const wait = pageWait(k, page, PG_LOCKED, 'page lock');
  while (!tryLockPage(k, page)) yield wait;
}

/** unlock_page. */
export function unlockPage(k: Kernel, page: number): void {
  const flags = k.map.flags[page] as number;
  if ((flags & PG_LOCKED) === 0) throw new KernelBug(`page ${page} unlocked while free`);
  k.map.flags[page] = flags & ~PG_LOCKED;
}

/** wait_on_page_writeback. The caller holds a reference to the page. */
export function* waitOnWriteback(k: Kernel, page: number): Op<void> {
  if (k.pteMaps !== null) k.pteMaps.mightSleep('wait_on_page_writeback');
  const wait = pageWait(k, page, PG_WRITEBACK, 'page writeback');
  while (!wait.ready()) yield wait;
}

function pageWait(k: Kernel, page: number, flag: number, what: string): Wait {
  const { flags } = k.map;
  return { what: `${what} of page ${page}`, ready: () => ((flags[page] as number) & flag) === 0 };
}
