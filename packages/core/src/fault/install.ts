/** Building entries for the fault handlers: mk_pte with what a fault adds to it, and frames to fill them with. */
import { PAGES_CLEARED, PAGES_COPIED } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import { setPteAt } from '../pgtable/set-pte.js';
import { VM_WRITE } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';

/** mk_pte(page, vm_page_prot), made dirty and, where the area allows it, writable when `write`; stored and announced. */
export function installPage(k: Kernel, vma: Vma, vpn: number, at: number, page: number, write: boolean): void {
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
  k.mmu.updateMmuCache(k.cpu, vma.mm, vpn, hi, lo);
}

/** A zeroed frame for a user page, or -1 when memory is short. It has no contents yet: it reads as zero. */
export function allocZeroedPage(k: Kernel): number {
  const page = k.pages.alloc(0);
  if (page >= 0) k.counters.values[PAGES_CLEARED] = (k.counters.values[PAGES_CLEARED] as number) + 1;
  return page;
}

/** A frame with the contents of `from`, or -1 when memory is short. */
export function allocCopiedPage(k: Kernel, from: number): number {
  const page = k.pages.alloc(0);
  if (page < 0) return -1;
  if (k.contents) k.memory.copyFrame(page, from);
  k.counters.values[PAGES_COPIED] = (k.counters.values[PAGES_COPIED] as number) + 1;
  return page;
}
