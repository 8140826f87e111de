/**
 * install_page and install_file_pte (generic-mm 9.14): what `populate` of a file system puts into page tables, over
 * whatever was there. The area is shared, mmap_sem is held.
 */
import { ERRNO } from '../errors.js';
import type { MappedFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { flushTlbPage } from '../pgtable/flush.js';
import { pteLock, pteUnmapUnlock } from '../pgtable/lock.js';
import { getLockedPte } from '../pgtable/locked-pte.js';
import { flushCachePage, preloadMmu } from '../pgtable/mmu-hooks.js';
import { clearPte, setPteAt, updatePteAt } from '../pgtable/set-pte.js';
import { pageAddFileRmap, pageRemoveRmap } from '../rmap/rmap.js';
import type { Op } from '../smp/lock.js';
import { freeSwapAndCache } from '../swap/cache.js';
import { pteToSwapEntry } from '../swap/entry.js';
import { addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { setPageDirty } from './dirty.js';

/**
 * install_page: maps a page of the area's file at page `vpn`, with the area's protection.
 * @param page its reference is the caller's; on success the entry owns it.
 * @returns 0; -EINVAL when the page was truncated meanwhile, -ENOMEM. The reference is then still the caller's.
 */
export function* installFilePage(k: Kernel, vma: Vma, vpn: number, page: number): Op<number> {
  const at = yield* getLockedPte(k, vma.mm, vpn);
  if (at === 0) return -ERRNO.ENOMEM;
  const gone = isGone(k, vma, page);
  if (!gone) {
    if (!zapEntry(k, vma, vpn, at)) addFileRss(k, vma.mm, 1);
    const f = k.arch.pteFormat;
    const pfn = k.memory.pageToPfn(page);
    const lo = f.makeLo(pfn, vma.protLo);
    const hi = f.makeHi(pfn, vma.protHi);
    setPteAt(k, vma.mm, vpn, at, hi, lo);
    pageAddFileRmap(k, page);
    preloadMmu(k, vma.mm, vpn, hi, lo);
  }
  pteUnmapUnlock(k, at, pteLock(k, vma.mm, at));
  return gone ? -ERRNO.EINVAL : 0;
}

/** install_file_pte: the fault that comes will find file page `pgoff` at page `vpn` of a nonlinear area. 0 or -ENOMEM. */
export function* installFileEntry(k: Kernel, vma: Vma, vpn: number, pgoff: number): Op<number> {
  const { mm } = vma;
  const at = yield* getLockedPte(k, mm, vpn);
  if (at === 0) return -ERRNO.ENOMEM;
  mm.updateHiwaterRss();
  if (zapEntry(k, vma, vpn, at)) addFileRss(k, mm, -1);
  const f = k.arch.pteFormat;
  const lo = f.fileEntryLo(pgoff);
  const hi = f.fileEntryHi(pgoff);
  setPteAt(k, mm, vpn, at, hi, lo);
  preloadMmu(k, mm, vpn, hi, lo);
  pteUnmapUnlock(k, at, pteLock(k, mm, at));
  return 0;
}

/** Truncated while it was found or the table made, or beyond the end of the file. */
function isGone(k: Kernel, vma: Vma, page: number): boolean {
  const { inode } = vma.file as MappedFile;
  const sizePages = Math.ceil(inode.size / k.memory.pageSize);
  return k.map.mapping[page] === 0 || (k.map.index[page] as number) >= sizePages;
}

/** zap_pte: empties an entry; whether it mapped a page. The pte lock is held. */
function zapEntry(k: Kernel, vma: Vma, vpn: number, at: number): boolean {
  const { tables, memory } = k;
  const { mm } = vma;
  const f = k.arch.pteFormat;
  const lo = memory.words[at + tables.loAt] as number;
  const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
  if (f.isNone(hi, lo)) return false;
  if (!f.isPresent(hi, lo)) {
    if (!f.isFile(hi, lo)) freeSwapAndCache(k, pteToSwapEntry(f, hi, lo));
    if (k.inject.tear === null) updatePteAt(k, mm, vpn, at, 0, 0);
    else clearPte(k, at);
    return false;
  }
  flushCachePage(k, mm, vpn, f.frame(hi, lo));
  updatePteAt(k, mm, vpn, at, 0, 0);
  flushTlbPage(k, mm, vpn);
  const page = vmNormalPage(k, vma, vpn, hi, lo);
  if (page < 0) return false;
  if (f.isDirty(hi, lo)) setPageDirty(k, page);
  pageRemoveRmap(k, page);
  k.pages.put(page);
  return true;
}
