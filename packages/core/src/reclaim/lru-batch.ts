/**
 * Ways onto and between the LRU lists (mm/swap.c). New pages wait in a batch of their CPU, which holds a reference to each,
 * until 14 are there or somebody drains it.
 */
import { PGACTIVATE } from '../events/counters.js';
import { MARK_ACCESSED } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { PG_ACTIVE, PG_LRU, PG_REFERENCED } from '../memory/mem-map.js';
import type { Cpu } from '../smp/cpu.js';

/** PAGEVEC_SIZE. */
export const PAGEVEC_SIZE = 14;

/** Pages on their way to one kind of list. */
export class PageBatch {
  readonly pages: Int32Array = new Int32Array(PAGEVEC_SIZE);
  nr = 0;
}

/** lru_cache_add_active: a page will be on the active list. */
export function lruCacheAddActive(k: Kernel, page: number): void {
  const batch = k.cpu.lruActive;
  k.map.count[page] = (k.map.count[page] as number) + 1;
  batch.pages[batch.nr++] = page;
  if (batch.nr === PAGEVEC_SIZE) drainBatch(k, batch, PG_LRU | PG_ACTIVE);
}

/** lru_cache_add: a page will be on the inactive list. */
export function lruCacheAdd(k: Kernel, page: number): void {
  const batch = k.cpu.lruInactive;
  k.map.count[page] = (k.map.count[page] as number) + 1;
  batch.pages[batch.nr++] = page;
  if (batch.nr === PAGEVEC_SIZE) drainBatch(k, batch, PG_LRU);
}

/** lru_add_drain: the running CPU's batches go to the lists. */
export function lruAddDrain(k: Kernel): void {
  drainCpu(k, k.cpu);
}

/** lru_add_drain_all. */
export function lruAddDrainAll(k: Kernel): void {
  for (const cpu of k.cpus) drainCpu(k, cpu);
}

/** mark_page_accessed: a second access on the inactive list makes a page active. */
export function markPageAccessed(k: Kernel, page: number): void {
  if (k.events.on) k.events.emit(MARK_ACCESSED, page);
  const flags = k.map.flags[page] as number;
  if ((flags & (PG_ACTIVE | PG_REFERENCED | PG_LRU)) === (PG_REFERENCED | PG_LRU)) {
    activatePage(k, page);
    k.map.flags[page] = (k.map.flags[page] as number) & ~PG_REFERENCED;
  } else if ((flags & PG_REFERENCED) === 0) {
    k.map.flags[page] = flags | PG_REFERENCED;
  }
}

/** activate_page: from the inactive list to the active one. */
export function activatePage(k: Kernel, page: number): void {
  const flags = k.map.flags[page] as number;
  if ((flags & (PG_LRU | PG_ACTIVE)) !== PG_LRU) return;
  const { lru } = k.pages.zoneOf(page);
  lru.remove(page);
  lru.add(page, PG_LRU | PG_ACTIVE);
  k.counters.values[PGACTIVATE] = (k.counters.values[PGACTIVATE] as number) + 1;
}

function drainCpu(k: Kernel, cpu: Cpu): void {
  if (cpu.lruInactive.nr !== 0) drainBatch(k, cpu.lruInactive, PG_LRU);
  if (cpu.lruActive.nr !== 0) drainBatch(k, cpu.lruActive, PG_LRU | PG_ACTIVE);
}

function drainBatch(k: Kernel, batch: PageBatch, flags: number): void {
  const { pages } = batch;
  const nr = batch.nr;
  batch.nr = 0;
  for (let i = 0; i < nr; i++) {
    const page = pages[i] as number;
    // Nobody else is left: it would go to the list and straight away again.
    if (k.map.count[page] !== 1) k.pages.zoneOf(page).lru.add(page, flags);
    k.pages.put(page);
  }
}
