/** copy_hugetlb_page_range: a child maps the very huge pages its parent maps, with the same rights. */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import { addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { allocHugePte, copyHugePte, hugePageOf, hugePteIsNone, poolOf } from './entry.js';

/** Copies the entries of one area of huge pages into the child. Both mmap_sems are held. 0 or -ENOMEM. */
export function* copyHugetlbRange(k: Kernel, child: Mm, vma: Vma): Op<number> {
  const parent = vma.mm;
  const { pages } = poolOf(k).format;
  for (let vpn = vma.start; vpn < vma.end; vpn += pages) {
    const to = yield* allocHugePte(k, child, vpn);
    if (to === 0) return -ERRNO.ENOMEM;
    if (!child.pageTableLock.tryLock()) yield* child.pageTableLock.wait();
    if (!parent.pageTableLock.tryLock()) yield* parent.pageTableLock.wait();
    const from = k.tables.lookupHuge(parent, vpn);
    if (from !== 0 && !hugePteIsNone(k, from)) {
      k.pages.get(hugePageOf(k, from));
      addFileRss(k, child, pages);
      copyHugePte(k, child, vpn, to, from);
    }
    parent.pageTableLock.unlock();
    child.pageTableLock.unlock();
  }
  return 0;
}
