/**
 * follow_page (generic-mm 8.1): the page an area maps at an address, as it is, faulting nothing in. It takes the pte
 * lock itself. mmap_sem is held.
 */
import { KernelBug } from '../errors.js';
import { hugeSubPage } from '../hugetlb/follow.js';
import type { Kernel } from '../kernel.js';
import { PG_DIRTY } from '../memory/mem-map.js';
import { setPageDirty } from '../pagecache/dirty.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { pteUnmap } from '../pgtable/highpte.js';
import { pteOffsetMapLock, pteUnmapUnlock } from '../pgtable/lock.js';
import { markPageAccessed } from '../reclaim/lru-batch.js';
import { VM_HUGETLB } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';

/** The entry has to be writable. */
export const FOLL_WRITE = 1;
/** The page is about to be used: marks it accessed, and dirty when it will be written. */
export const FOLL_TOUCH = 2;
/** Takes a reference. */
export const FOLL_GET = 4;
/** Where there is no page table, the zero page will do. */
export const FOLL_ANON = 8;

/** Nothing there that would do. */
export const FOLLOW_NONE = -1;
/** Somebody holds the pte lock: wait for it and ask again. */
export const FOLLOW_BUSY = -2;

/** Atomic. The page, FOLLOW_NONE or FOLLOW_BUSY. */
export function followPage(k: Kernel, vma: Vma, vpn: number, flags: number): number {
  if ((vma.flags & VM_HUGETLB) !== 0) {
    if ((flags & FOLL_GET) !== 0) throw new KernelBug('follow_page with FOLL_GET in an area of huge pages');
    return hugeSubPage(k, vma, vpn);
  }
  const at = k.tables.lookupPage(vma.mm, vpn);
  if (at === 0) return noPageTable(k, flags);
  const lock = pteOffsetMapLock(k, vma.mm, at);
  if (!lock.tryLock()) {
    pteUnmap(k, at);
    return FOLLOW_BUSY;
  }
  const page = followEntry(k, vma, vpn, at, flags);
  pteUnmapUnlock(k, at, lock);
  return page;
}

/** An upper level is missing, or bad, which is no different here: nothing is cleared. */
function noPageTable(k: Kernel, flags: number): number {
  if ((flags & FOLL_ANON) === 0) return FOLLOW_NONE;
  if ((flags & FOLL_WRITE) !== 0) throw new KernelBug('follow_page would hand out the zero page for writing');
  if ((flags & FOLL_GET) !== 0) k.pages.get(k.zeroPage);
  return k.zeroPage;
}

/** The entry itself; its table is mapped and locked. */
function followEntry(k: Kernel, vma: Vma, vpn: number, at: number, flags: number): number {
  const { tables, memory, map } = k;
  const f = k.arch.pteFormat;
  const lo = memory.words[at + tables.loAt] as number;
  const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
  const writes = (flags & FOLL_WRITE) !== 0;
  if (!f.isPresent(hi, lo) || (writes && !f.write.allows(hi, lo))) return FOLLOW_NONE;
  const page = vmNormalPage(k, vma, vpn, hi, lo);
  if (page < 0) return FOLLOW_NONE;
  if ((flags & FOLL_GET) !== 0) k.pages.get(page);
  if ((flags & FOLL_TOUCH) !== 0) {
    if (writes && !f.isDirty(hi, lo) && ((map.flags[page] as number) & PG_DIRTY) === 0) setPageDirty(k, page);
    markPageAccessed(k, page);
  }
  return page;
}
