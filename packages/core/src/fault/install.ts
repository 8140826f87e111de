/** Building entries for the fault handlers: mk_pte with what a fault adds to it, and frames to fill them with. */
import { PAGES_CLEARED, PAGES_COPIED } from '../events/counters.js';
import { CLEAR_PAGE, COPY_PAGE, COPY_USER } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { flushTlbPage } from '../pgtable/flush.js';
import { updateMmuCache } from '../pgtable/mmu-hooks.js';
import { setPteAt } from '../pgtable/set-pte.js';
import { VM_WRITE } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';

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
  const f = k.arch.pteFormat;
  const pfn = k.memory.pageToPfn(page);
  let lo = f.makeLo(pfn, vma.protLo);
  let hi = f.makeHi(pfn, vma.protHi);
  if (write) {
    lo = (lo & f.mkdirty.keepLo) | f.mkdirty.setLo;
    hi = (hi & f.mkdirty.keepHi) | f.mkdirty.setHi;
    if ((vma.flags & VM_WRITE) !== 0) {
      lo = (lo & f.mkwrite.keepLo) | f.mkwrite.setLo;
      hi = (hi & f.mkwrite.keepHi) | f.mkwrite.setHi;
    }
  }
  setPteAt(k, vma.mm, vpn, at, hi, lo);
  if (replaces) flushTlbPage(k, vma.mm, vpn);
  updateMmuCache(k, vma.mm, vpn, hi, lo);
}

/** A zeroed frame for a user page, or -1 when memory is short. It has no contents yet: it reads as zero. */
export function allocZeroedPage(k: Kernel): number {
  const page = k.pages.alloc(0);
  if (page >= 0) {
    k.counters.values[PAGES_CLEARED] = (k.counters.values[PAGES_CLEARED] as number) + 1;
    if (k.events.on) k.events.emit(CLEAR_PAGE, page);
  }
  return page;
}

/** A frame with the contents of `from`, which is mapped at page `vpn`; -1 when memory is short. */
export function allocCopiedPage(k: Kernel, from: number, vpn: number): number {
  const page = k.pages.alloc(0);
  if (page < 0) return -1;
  if (k.events.on) k.events.emit(COPY_PAGE, page, from, vpn);
  if (k.contents) k.memory.copyFrame(page, from);
  k.counters.values[PAGES_COPIED] = (k.counters.values[PAGES_COPIED] as number) + 1;
  return page;
}

/**
 * A frame with what a raw entry shows, or -1 when memory is short: cow_user_page without a source page. The kernel copies
 * from the user address; it is translated by this very entry, or else the copy is thrown away. What cannot be read,
 * because nothing answers there, is left zero.
 */
export function allocRawCopy(k: Kernel, hi: number, lo: number, vpn: number): number {
  const from = k.inject.failUserCopy?.(vpn) ? -1 : k.memory.frameAt(k.arch.pteFormat.frame(hi, lo));
  const page = k.pages.alloc(0);
  if (page < 0) return -1;
  if (k.events.on) k.events.emit(COPY_USER, page, vpn * k.memory.pageSize);
  if (k.contents && from >= 0) k.memory.copyFrame(page, from);
  k.counters.values[PAGES_COPIED] = (k.counters.values[PAGES_COPIED] as number) + 1;
  return page;
}
