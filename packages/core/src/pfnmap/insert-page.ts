/** vm_insert_page and zeromap_page_range (generic-mm 5.3, 5.4): a driver maps pages that count like any other. */
import { ERRNO, KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { pteLock, pteUnmapUnlock } from '../pgtable/lock.js';
import { getLockedPte } from '../pgtable/locked-pte.js';
import { flushCacheRange, flushDcachePage } from '../pgtable/mmu-hooks.js';
import { setPteAt } from '../pgtable/set-pte.js';
import { pageAddFileRmap } from '../rmap/rmap.js';
import type { Op } from '../smp/lock.js';
import { VM_INSERTPAGE } from '../vma/flags.js';
import { addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';

/**
 * vm_insert_page: maps a page that the driver has allocated at page `vpn`, with vm_page_prot; the entry takes a reference of
 * its own. The machine is not told: the first access finds the entry.
 * @returns 0; -EFAULT outside the area, -EINVAL for a page that is free or anonymous, -ENOMEM, -EBUSY when something is there.
 */
export function* vmInsertPage(k: Kernel, vma: Vma, vpn: number, page: number): Op<number> {
  if (vpn < vma.start || vpn >= vma.end) return -ERRNO.EFAULT;
  if (k.map.count[page] === 0) return -ERRNO.EINVAL;
  // fork has to copy these entries: nothing could fault them in again.
  vma.flags |= VM_INSERTPAGE;
  if (k.map.isAnon(page)) return -ERRNO.EINVAL;
  flushDcachePage(k, page);
  const at = yield* getLockedPte(k, vma.mm, vpn);
  if (at === 0) return -ERRNO.ENOMEM;
  const free = isNone(k, at);
  if (free) {
    const f = k.arch.pteFormat;
    const pfn = k.memory.pageToPfn(page);
    mapCounted(k, vma, vpn, at, page, f.makeHi(pfn, vma.protHi), f.makeLo(pfn, vma.protLo));
  }
  pteUnmapUnlock(k, at, pteLock(k, vma.mm, at));
  return free ? 0 : -ERRNO.EBUSY;
}

/**
 * zeromap_page_range: maps the zero page, write-protected, at pages [start, start + pages) of an area that has nothing there.
 * @returns 0, or -ENOMEM, perhaps with some of it mapped.
 */
export function* zeromapPageRange(k: Kernel, vma: Vma, start: number, pages: number): Op<number> {
  const { mm } = vma;
  const f = k.arch.pteFormat;
  const { wrprotect } = f;
  const pfn = k.memory.pageToPfn(k.zeroPage);
  const lo = (f.makeLo(pfn, vma.protLo) & wrprotect.keepLo) | wrprotect.setLo;
  const hi = (f.makeHi(pfn, vma.protHi) & wrprotect.keepHi) | wrprotect.setHi;
  const { ptesPerTable, pteWords } = k.tables;
  const end = start + pages;
  if (pages <= 0) throw new KernelBug(`zeromap_page_range of ${pages} pages`);
  flushCacheRange(k, mm, start, end);
  for (let vpn = start; vpn < end; ) {
    const nr = Math.min(end - vpn, ptesPerTable - (vpn % ptesPerTable));
    const at = yield* getLockedPte(k, mm, vpn);
    if (at === 0) return -ERRNO.ENOMEM;
    for (let i = 0; i < nr; i++) {
      if (!isNone(k, at + i * pteWords)) throw new KernelBug(`zeromap_page_range over something at page ${vpn + i}`);
      mapCounted(k, vma, vpn + i, at + i * pteWords, k.zeroPage, hi, lo);
    }
    pteUnmapUnlock(k, at, pteLock(k, mm, at));
    vpn += nr;
  }
  return 0;
}

/** Stores an entry for a page that is not anonymous, and counts it. The pte lock is held. */
function mapCounted(k: Kernel, vma: Vma, vpn: number, at: number, page: number, hi: number, lo: number): void {
  k.pages.get(page);
  addFileRss(k, vma.mm, 1);
  pageAddFileRmap(k, page);
  setPteAt(k, vma.mm, vpn, at, hi, lo);
}

function isNone(k: Kernel, at: number): boolean {
  const { words } = k.memory;
  const { loAt, hiAt, pteWords } = k.tables;
  return k.arch.pteFormat.isNone(pteWords === 2 ? (words[at + hiAt] as number) : 0, words[at + loAt] as number);
}
