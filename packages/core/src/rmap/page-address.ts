/** Where an area maps a page (vma_address, page_check_address of mm/rmap.c). Atomic, so the pte lock need not be kept. */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { setPageDirty } from '../pagecache/dirty.js';
import { flushTlbPage } from '../pgtable/flush.js';
import { pteOffsetMap, pteUnmap } from '../pgtable/highpte.js';
import { pteLock } from '../pgtable/lock.js';
import { flushCachePage } from '../pgtable/mmu-hooks.js';
import { updatePteAt } from '../pgtable/set-pte.js';
import type { SpinLock } from '../smp/lock.js';
import { VM_NONLINEAR } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';

/** What a walk over the areas of a page found in one of them; one for all walks, for it never outlives a step. */
export class PageAddress {
  vpn = 0;
  /** Word index of the entry. */
  at = 0;
  hi = 0;
  lo = 0;
  /** A lock that somebody holds: the walk has to be begun again when it is free. */
  blockedOn: SpinLock | null = null;
}

/** vma_address: the page number at which an area has a page by page.index, or -EFAULT outside of it. */
function vmaAddress(k: Kernel, vma: Vma, page: number): number {
  const vpn = vma.start + ((k.map.index[page] as number) - vma.pgoff);
  return vpn < vma.start || vpn >= vma.end ? -ERRNO.EFAULT : vpn;
}

/**
 * page_address_in_vma: the page number at which an area would map a page that is known to be its anon_vma's or its file's;
 * -EFAULT when the page is not, lies outside of the area, or could be anywhere in it (nonlinear).
 */
export function pageAddressInVma(k: Kernel, vma: Vma, page: number): number {
  const handle = k.map.mapping[page] as number;
  if (k.map.isAnon(page)) return handle === vma.anonVma?.handle ? vmaAddress(k, vma, page) : -ERRNO.EFAULT;
  if (handle === 0 || (vma.flags & VM_NONLINEAR) !== 0) return -ERRNO.EFAULT;
  return handle === vma.file?.inode.mapping.handle ? vmaAddress(k, vma, page) : -ERRNO.EFAULT;
}

/**
 * Whether `vma` maps `page` where page.index says: `out` holds the entry then, and its table is mapped, for the caller to unmap.
 * If not, `out` may hold the lock that keeps it.
 */
export function findPageIn(k: Kernel, vma: Vma, page: number, out: PageAddress): boolean {
  const vpn = vmaAddress(k, vma, page);
  if (vpn < 0) return false;
  const at = k.tables.lookupPage(vma.mm, vpn);
  if (at === 0) return false;
  const { memory, tables } = k;
  const f = k.arch.pteFormat;
  pteOffsetMap(k, at);
  const lo = memory.words[at + tables.loAt] as number;
  const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
  if (!f.isPresent(hi, lo) || memory.pfnToPage(f.frame(hi, lo)) !== page) {
    pteUnmap(k, at);
    return false;
  }
  const lock = pteLock(k, vma.mm, at);
  if (lock.held) {
    pteUnmap(k, at);
    out.blockedOn = lock;
    return false;
  }
  out.vpn = vpn;
  out.at = at;
  out.hi = hi;
  out.lo = lo;
  return true;
}

/** ptep_clear_flush of the entry found, which maps `page`: the page is dirty from now on if the entry was. */
export function clearFlushEntry(k: Kernel, mm: Mm, page: number, where: PageAddress): void {
  const { at, vpn, hi, lo } = where;
  const f = k.arch.pteFormat;
  flushCachePage(k, mm, vpn, f.frame(hi, lo));
  updatePteAt(k, mm, vpn, at, 0, 0);
  flushTlbPage(k, mm, vpn);
  if (f.isDirty(hi, lo)) setPageDirty(k, page);
}
