/** Building entries for the fault handlers: mk_pte with what a fault adds to it, and frames to fill them with. */
import { PAGES_CLEARED, PAGES_COPIED } from '../events/counters.js';
import { CLEAR_PAGE, COPY_PAGE, COPY_USER } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { flushTlbPage } from '../pgtable/flush.js';
import { updateMmuCache } from '../pgtable/mmu-hooks.js';
import { setPteAt } from '../pgtable/set-pte.js';
import { allocPage } from '../reclaim/alloc.js';
import type { Op } from '../smp/lock.js';
import { VM_WRITE } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';

/** In the place of a frame: nobody has asked for one yet. (-1: there is none to be had without reclaim.) */
export const NOT_TRIED = -2;

/**
 * mk_pte(page, vm_page_prot), made dirty and, where the area allows it, writable when `write`; stored and announced.
 * @param replaces a present entry is replaced (ptep_establish): its translation goes before the new one is announced.
 */
export function installPage(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  page: number,
  write: boolean,
  replaces: boolean = false,
): void {
  const lo = newPteLo(k, vma, page, write);
  const hi = newPteHi(k, vma, page, write);
  setPteAt(k, vma.mm, vpn, at, hi, lo);
  if (replaces) flushTlbPage(k, vma.mm, vpn);
  updateMmuCache(k, vma.mm, vpn, hi, lo);
}

/** Low half of mk_pte(page, vm_page_prot), made dirty and, where the area allows it, writable when `write`. */
export function newPteLo(k: Kernel, vma: Vma, page: number, write: boolean): number {
  const f = k.arch.pteFormat;
  const lo = f.makeLo(k.memory.pageToPfn(page), vma.protLo);
  if (!write) return lo;
  const dirty = (lo & f.mkdirty.keepLo) | f.mkdirty.setLo;
  return (vma.flags & VM_WRITE) === 0 ? dirty : (dirty & f.mkwrite.keepLo) | f.mkwrite.setLo;
}

/** High half of it. */
export function newPteHi(k: Kernel, vma: Vma, page: number, write: boolean): number {
  const f = k.arch.pteFormat;
  const hi = f.makeHi(k.memory.pageToPfn(page), vma.protHi);
  if (!write) return hi;
  const dirty = (hi & f.mkdirty.keepHi) | f.mkdirty.setHi;
  return (vma.flags & VM_WRITE) === 0 ? dirty : (dirty & f.mkwrite.keepHi) | f.mkwrite.setHi;
}

/** A zeroed frame for a user page, or -1 when reclaim has to work first. It has no contents yet: it reads as zero. */
export function allocZeroedPage(k: Kernel): number {
  const page = k.pages.easyPage();
  return page < 0 ? -1 : cleared(k, page);
}

/** allocZeroedPage's slow half: reclaims, and answers -1 only when there is no memory to be had. */
export function* allocZeroedPageSlow(k: Kernel): Op<number> {
  const page = yield* allocPage(k);
  return page < 0 ? -1 : cleared(k, page);
}

function cleared(k: Kernel, page: number): number {
  k.counters.values[PAGES_CLEARED] = (k.counters.values[PAGES_CLEARED] as number) + 1;
  if (k.events.on) k.events.emit(CLEAR_PAGE, page);
  return page;
}

/**
 * A frame with the contents of `from`, which is mapped at page `vpn`, or -1 when reclaim has to work first. The caller holds a
 * reference to `from`.
 */
export function allocCopiedPage(k: Kernel, from: number, vpn: number): number {
  const page = k.pages.easyPage();
  return page < 0 ? -1 : copied(k, page, from, vpn);
}

/** allocCopiedPage's slow half: reclaims, and answers -1 only when there is no memory to be had. */
export function* allocCopiedPageSlow(k: Kernel, from: number, vpn: number): Op<number> {
  const page = yield* allocPage(k);
  return page < 0 ? -1 : copied(k, page, from, vpn);
}

function copied(k: Kernel, page: number, from: number, vpn: number): number {
  if (k.events.on) k.events.emit(COPY_PAGE, page, from, vpn);
  if (k.contents) k.memory.copyFrame(page, from);
  k.counters.values[PAGES_COPIED] = (k.counters.values[PAGES_COPIED] as number) + 1;
  return page;
}

/**
 * A frame with what a raw entry shows, or -1 when there is no memory: cow_user_page without a source page. The kernel copies
 * from the user address; it is translated by this very entry, or else the copy is thrown away. What cannot be read,
 * because nothing answers there, is left zero.
 */
export function* allocRawCopy(k: Kernel, hi: number, lo: number, vpn: number): Op<number> {
  const from = k.inject.failUserCopy?.(vpn) ? -1 : k.memory.frameAt(k.arch.pteFormat.frame(hi, lo));
  let page = k.pages.easyPage();
  if (page < 0) page = yield* allocPage(k);
  if (page < 0) return -1;
  if (k.events.on) k.events.emit(COPY_USER, page, vpn * k.memory.pageSize);
  if (k.contents && from >= 0) k.memory.copyFrame(page, from);
  k.counters.values[PAGES_COPIED] = (k.counters.values[PAGES_COPIED] as number) + 1;
  return page;
}
