/**
 * hugetlb_fault (generic-mm 16): the file's huge page, made if it is not there yet. Never major, and never out of memory:
 * whatever is missing is SIGBUS. An entry that is there already is a spurious fault, answered MINOR with nothing changed.
 *
 * No rmap, no LRU and no map count: a huge page is found through its file alone, and reclaim never sees it.
 */
import { VM_FAULT_MINOR, VM_FAULT_SIGBUS } from '../fault/codes.js';
import type { MappedFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { allocHugePte, hugePteIsNone, installHugePage, poolOf } from './entry.js';
import type { HugeFile } from './hugetlbfs.js';

/** Resolves a fault of an area of huge pages at page `vpn`. mmap_sem is held. @returns VM_FAULT_MINOR or _SIGBUS */
export function* hugetlbFault(k: Kernel, vma: Vma, vpn: number): Op<number> {
  const { mm } = vma;
  const { format } = poolOf(k);
  const at = yield* allocHugePte(k, mm, vpn);
  if (at === 0) return VM_FAULT_SIGBUS;
  const file = (vma.file as MappedFile).inode as HugeFile;
  const index = Math.floor(vma.indexOf(vpn) / format.pages);
  for (;;) {
    const isNew = !file.mapping.pages.has(index);
    const page = file.takePage(index);
    if (page < 0) return VM_FAULT_SIGBUS;
    if (!mm.pageTableLock.tryLock()) yield* mm.pageTableLock.wait();
    // The original holds the page lock from the look-up to here. Truncation takes the page out of the cache instead.
    const truncated = file.mapping.pages.get(index) !== page;
    const beyond = index >= file.hugePages;
    if (!truncated && !beyond && hugePteIsNone(k, at)) {
      addFileRss(k, mm, format.pages);
      installHugePage(k, vma, vpn, at, page);
      mm.pageTableLock.unlock();
      return VM_FAULT_MINOR;
    }
    mm.pageTableLock.unlock();
    // D6: the original credits a page that this fault never took from the quota.
    if (k.defectsKept && (beyond || !truncated)) file.fs.giveQuota();
    else if (beyond && isNew && !truncated) file.dropPage(index);
    k.pages.put(page);
    if (beyond) return VM_FAULT_SIGBUS;
    if (!truncated) return k.behaviour.spuriousHugeIsMinor ? VM_FAULT_MINOR : VM_FAULT_SIGBUS;
  }
}
