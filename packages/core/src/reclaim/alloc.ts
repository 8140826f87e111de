/**
 * __alloc_pages beyond its first try (generic-mm 13.5): what a generator does when the allocator answers -1.
 *
 * Allocation is in three layers: `PageAllocator.easyPage` keeps the low watermark and is all that the fault handlers pay
 * for; `PageAllocator.alloc` goes down to the minimum and never waits; here kswapd is woken, the caller reclaims itself,
 * and in the end a process is killed. kswapd has no thread: it runs when the operation that woke it has ended, or
 * while it waits for memory.
 */
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { outOfMemory } from './oom.js';
import { balanceZones, tryToFreePages } from './reclaim.js';

/** Takes one frame for a caller that may sleep; -1 when there is none to be had. */
export function* allocPage(k: Kernel): Op<number> {
  // An allocation that was made to fail fails for good.
  while (!k.pages.takeRefusal()) {
    wakeKswapd(k, 0);
    const page = k.pages.alloc(0);
    if (page >= 0) return page;
    if (!(yield* makeRoom(k, 0))) break;
  }
  return -1;
}

/**
 * An allocation of 2^order frames failed at the minimum: reclaims.
 * @returns whether to try again. When not, the allocation has failed for good.
 */
export function* makeRoom(k: Kernel, order: number): Op<boolean> {
  if (k.pteMaps !== null) k.pteMaps.mightSleep('reclaim');
  if (k.pages.takeRefusal()) return false;
  wakeKswapd(k, order);
  yield* runKswapd(k);
  if (k.pages.couldAlloc(order, false)) return true;
  if (yield* tryToFreePages(k)) return true;
  // Somebody else may have been at it meanwhile.
  if (k.pages.couldAlloc(order, true)) return true;
  return yield* outOfMemory(k);
}

/** wakeup_kswapd: it has work to do, blocks of 2^order frames at least. */
export function wakeKswapd(k: Kernel, order: number): void {
  if (order > k.kswapdOrder) k.kswapdOrder = order;
}

/**
 * kswapd's turn, if it was woken. Not before a fault is over: in a machine that is all but full it would take away again what the
 * fault is about, and the fault would never end.
 */
export function* runKswapd(k: Kernel): Op<void> {
  if (k.kswapdOrder < 0 || k.kswapdRuns) return;
  const order = k.kswapdOrder;
  k.kswapdOrder = -1;
  k.kswapdRuns = true;
  try {
    yield* balanceZones(k, order);
  } finally {
    k.kswapdRuns = false;
  }
}
