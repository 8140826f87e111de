/**
 * unmap_hugepage_range: takes huge pages out of an address space. mm.page_table_lock is held across the whole range, the
 * flush follows. What is unmapped stays in the page cache of its file, so no frame goes before the flush.
 */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { flushTlbRange } from '../pgtable/flush.js';
import type { Op } from '../smp/lock.js';
import { addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { clearHugePte, hugePageOf, hugePteIsNone, poolOf } from './entry.js';

/** Unmaps pages [start, end), whole huge pages, of an area. @throws KernelBug when they are not whole */
export function* unmapHugepageRange(k: Kernel, vma: Vma, start: number, end: number): Op<void> {
  const lock = vma.mm.pageTableLock;
  if (!lock.tryLock()) yield* lock.wait();
  clearHugeRange(k, vma, start, end);
  lock.unlock();
  flushTlbRange(k, vma.mm, start, end);
}

/** The part under the lock, which the caller holds; the flush is left to the caller too. */
export function clearHugeRange(k: Kernel, vma: Vma, start: number, end: number): void {
  const { mm } = vma;
  const { pages } = poolOf(k).format;
  if (start % pages !== 0 || end % pages !== 0)
    throw new KernelBug(`huge pages of ${pages} unmapped from ${start} to ${end}`);
  mm.updateHiwaterRss();
  for (let vpn = start; vpn < end; vpn += pages) {
    const at = k.tables.lookupHuge(mm, vpn);
    if (at === 0 || hugePteIsNone(k, at)) continue;
    const head = hugePageOf(k, at);
    clearHugePte(k, mm, vpn, at);
    k.pages.put(head);
    addFileRss(k, mm, -pages);
  }
}
