/**
 * The hooks of the machine that the generic code calls beside flushes of translations (generic-mm 23): after entries are
 * installed, and around what a cache indexed by virtual addresses must know. The event for whoever listens, then the
 * machine's own way, which by default is nothing.
 */
import {
  FLUSH_CACHE_MM,
  FLUSH_CACHE_PAGE,
  FLUSH_CACHE_RANGE,
  FLUSH_DCACHE_PAGE,
  LAZY_MMU_PROT_UPDATE,
  UPDATE_MMU_CACHE,
} from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';

/** update_mmu_cache and lazy_mmu_prot_update: a fault installed or changed an entry. */
export function updateMmuCache(k: Kernel, mm: Mm, vpn: number, hi: number, lo: number): void {
  if (k.events.on) k.events.emit(UPDATE_MMU_CACHE, mm.id, vpn);
  if (k.own.updateMmuCache) k.mmu.updateMmuCache(k.cpu, mm, vpn, hi, lo);
  lazyMmuProtUpdate(k, hi, lo);
}

/** lazy_mmu_prot_update alone: what mprotect calls for every entry it changed. */
export function lazyMmuProtUpdate(k: Kernel, hi: number, lo: number): void {
  if (k.events.on) k.events.emit(LAZY_MMU_PROT_UPDATE, hi, lo);
  if (k.own.lazyMmuProtUpdate) k.mmu.lazyMmuProtUpdate(hi, lo);
}

/** update_mmu_cache alone: what `populate` calls after it installed an entry. */
export function preloadMmu(k: Kernel, mm: Mm, vpn: number, hi: number, lo: number): void {
  if (k.events.on) k.events.emit(UPDATE_MMU_CACHE, mm.id, vpn);
  if (k.own.updateMmuCache) k.mmu.updateMmuCache(k.cpu, mm, vpn, hi, lo);
}

/** flush_cache_page: `pfn` is the frame that the entry of the page maps at this moment. */
export function flushCachePage(k: Kernel, mm: Mm, vpn: number, pfn: number): void {
  if (k.events.on) k.events.emit(FLUSH_CACHE_PAGE, mm.id, vpn, pfn);
}

/** flush_cache_range over page numbers [start, end). */
export function flushCacheRange(k: Kernel, mm: Mm, start: number, end: number): void {
  if (k.events.on) k.events.emit(FLUSH_CACHE_RANGE, mm.id, start, end);
}

/** flush_cache_mm. */
export function flushCacheMm(k: Kernel, mm: Mm): void {
  if (k.events.on) k.events.emit(FLUSH_CACHE_MM, mm.id);
}

/** flush_dcache_page: the kernel wrote or read a page that users may map. */
export function flushDcachePage(k: Kernel, page: number): void {
  if (k.events.on) k.events.emit(FLUSH_DCACHE_PAGE, page);
  k.mmu.flushDcachePage(page);
}
