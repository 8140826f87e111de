/** do_no_page (generic-mm 4.5): the file's page, or a private copy of it for a write. */
import { KernelBug } from '../errors.js';
import { pauseAt } from '../events/injection.js';
import { NOPAGE_OOM, NOPAGE_SIGBUS, type Nopage } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { pteUnmap } from '../pgtable/highpte.js';
import { pteOffsetMapLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { lruCacheAddActive } from '../reclaim/lru-batch.js';
import { anonVmaPrepare } from '../rmap/anon-vma.js';
import { pageAddAnonRmap, pageAddFileRmap } from '../rmap/rmap.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import { VM_PFNMAP, VM_SHARED } from '../vma/flags.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import type { PageSource, Vma } from '../vma/vma.js';
import { entryIsNone } from './anonymous.js';
import { VM_FAULT_MAJOR, VM_FAULT_MINOR, VM_FAULT_OOM, VM_FAULT_SIGBUS } from './codes.js';
import { allocCopiedPage, allocCopiedPageSlow, installPage } from './install.js';

/** Handles a fault on an absent page of a file area. `at` is the pte's word index, mapped; no pte lock is held. */
export function* doNoPage(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  write: boolean,
  source: PageSource,
): Op<number> {
  pteUnmap(k, at);
  const { mm } = vma;
  if ((vma.flags & VM_PFNMAP) !== 0 && k.behaviour.noPageRefusesRaw)
    throw new KernelBug(`do_no_page: page ${vpn} of a raw mapping`);
  // An area without a file has no truncation to meet.
  const mapping = vma.file === null ? null : vma.file.inode.mapping;
  const copies = write && (vma.flags & VM_SHARED) === 0;
  const found: Nopage = { page: NOPAGE_SIGBUS, major: false };
  if (k.inject.pause !== null) yield* pauseAt(k, 'after pte read');
  for (;;) {
    const sequence = mapping === null ? 0 : mapping.truncateCount;
    yield* source.nopage(vma, vpn, found);
    if (found.page === NOPAGE_SIGBUS) return VM_FAULT_SIGBUS;
    if (found.page === NOPAGE_OOM) return VM_FAULT_OOM;
    let page = found.page;
    if (copies) {
      let copy = -1;
      if (vma.anonVma !== null || (yield* anonVmaPrepare(k, vma)) === 0) {
        copy = allocCopiedPage(k, page, vpn);
        if (copy < 0) copy = yield* allocCopiedPageSlow(k, page, vpn);
      }
      k.pages.put(page);
      if (copy < 0) return VM_FAULT_OOM;
      page = copy;
    }
    if (k.inject.pause !== null) yield* pauseAt(k, 'before pte lock');
    const lock = pteOffsetMapLock(k, mm, at);
    if (!lock.tryLock()) yield* spinMapped(k, lock);
    // A truncation while nopage slept may have taken the page away again.
    if (mapping !== null && mapping.truncateCount !== sequence) {
      pteUnmapUnlock(k, at, lock);
      k.pages.put(page);
      yield condResched(k);
      continue;
    }
    if (entryIsNone(k, at)) {
      if (copies) {
        addAnonRss(k, mm, 1);
        lruCacheAddActive(k, page);
        pageAddAnonRmap(k, page, vma, vpn);
      } else {
        addFileRss(k, mm, 1);
        pageAddFileRmap(k, page);
      }
      installPage(k, vma, vpn, at, page, write);
    } else {
      k.pages.put(page);
    }
    pteUnmapUnlock(k, at, lock);
    return found.major ? VM_FAULT_MAJOR : VM_FAULT_MINOR;
  }
}
