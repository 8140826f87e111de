/** remap_pfn_range (generic-mm 5.2): a driver maps frame numbers as they are, whether they have pages or not. */
import { ERRNO, KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { pteLock, pteUnmapUnlock } from '../pgtable/lock.js';
import { getLockedPte } from '../pgtable/locked-pte.js';
import { flushCacheRange } from '../pgtable/mmu-hooks.js';
import { setPteAt } from '../pgtable/set-pte.js';
import type { Op } from '../smp/lock.js';
import { isCowMapping, VM_IO, VM_PFNMAP, VM_RESERVED } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';

/**
 * Maps frames from `pfn` on at pages [start, start + pages) of an area that has nothing there. Nothing is counted: no
 * reference, no rss. Called while the area is being mapped, or with mmap_sem held for writing.
 *
 * Where pages may be copied on write, vm_pgoff has to tell the frames from the copies later, so the area has to be mapped
 * whole, by one call. Anywhere else any part may map any frames, in any order.
 * @param protLo low half of the protection of the entries, @param protHi the high half; default vm_page_prot.
 * @returns 0; -EINVAL for a part of such an area, with nothing changed; -ENOMEM, perhaps with some of it mapped.
 */
export function* remapPfnRange(
  k: Kernel,
  vma: Vma,
  start: number,
  pfn: number,
  pages: number,
  protLo: number = vma.protLo,
  protHi: number = vma.protHi,
): Op<number> {
  const error = beginRaw(k, vma, start, pfn, pages);
  if (error < 0) return error;
  const { mm } = vma;
  const end = start + pages;
  const { ptesPerTable } = k.tables;
  for (let vpn = start; vpn < end; ) {
    const nr = Math.min(end - vpn, ptesPerTable - (vpn % ptesPerTable));
    const at = yield* getLockedPte(k, mm, vpn);
    if (at === 0) return -ERRNO.ENOMEM;
    fillRun(k, vma, vpn, at, pfn + (vpn - start), nr, protLo, protHi);
    pteUnmapUnlock(k, at, pteLock(k, mm, at));
    vpn += nr;
  }
  return 0;
}

/** What comes before the entries: the area becomes one of raw frames. 0, or -EINVAL with nothing changed. */
export function beginRaw(k: Kernel, vma: Vma, start: number, pfn: number, pages: number): number {
  const end = start + pages;
  if (pages <= 0) throw new KernelBug(`remap_pfn_range of ${pages} pages`);
  if (isCowMapping(vma.flags)) {
    if (start !== vma.start || end !== vma.end) return -ERRNO.EINVAL;
    vma.pgoff = pfn;
  }
  vma.flags |= VM_IO | VM_RESERVED | VM_PFNMAP;
  flushCacheRange(k, vma.mm, start, end);
  return 0;
}

/** remap_pte_range inside one table. The pte lock is held. */
function fillRun(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  pfn: number,
  nr: number,
  protLo: number,
  protHi: number,
): void {
  const f = k.arch.pteFormat;
  const { pteWords } = k.tables;
  for (let i = 0; i < nr; i++) {
    putRaw(k, vma, vpn + i, at + i * pteWords, f.makeHi(pfn + i, protHi), f.makeLo(pfn + i, protLo));
  }
}

/** Stores a raw entry where nothing is. The pte lock is held. */
export function putRaw(k: Kernel, vma: Vma, vpn: number, at: number, hi: number, lo: number): void {
  const { words } = k.memory;
  const { loAt, hiAt, pteWords } = k.tables;
  if (!k.arch.pteFormat.isNone(pteWords === 2 ? (words[at + hiAt] as number) : 0, words[at + loAt] as number))
    throw new KernelBug(`remap_pfn_range over something at page ${vpn}`);
  setPteAt(k, vma.mm, vpn, at, hi, lo);
}
