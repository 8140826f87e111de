/**
 * MAP_POPULATE: prefaulting of a shared file mapping (the linear case of generic-mm 9.14). Private mappings are never
 * populated in this version, and errors are nobody's business. No fault is counted.
 */
import { ERRNO } from '../errors.js';
import { installPage } from '../fault/install.js';
import { isPaged, type Nopage } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { allocPte } from '../pgtable/alloc.js';
import { pteLock } from '../pgtable/lock.js';
import { pageAddFileRmap } from '../rmap/rmap.js';
import type { Op } from '../smp/lock.js';
import { VM_SHARED } from './flags.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';

/**
 * Maps the file pages of [start, start + pages), which shall begin at file page `pgoff`. Takes mmap_sem for reading.
 * @param nonblock skips pages that are not in the page cache.
 * @returns 0, or the first error: -EINVAL beyond the file or outside a shared area, -ENOMEM.
 */
export function* populateRange(
  k: Kernel,
  mm: Mm,
  start: number,
  pages: number,
  pgoff: number,
  nonblock: boolean,
): Op<number> {
  if (!mm.mmapSem.tryRead()) yield* mm.mmapSem.waitRead();
  const vma = mm.vmas.containing(start);
  const fits =
    vma !== null &&
    vma.file !== null &&
    vma.ops === null &&
    (vma.flags & VM_SHARED) !== 0 &&
    start + pages <= vma.end &&
    vma.indexOf(start) === pgoff;
  const result = fits ? yield* populateArea(k, vma, start, start + pages, nonblock) : -ERRNO.EINVAL;
  mm.mmapSem.upRead();
  return result;
}

function* populateArea(k: Kernel, vma: Vma, start: number, end: number, nonblock: boolean): Op<number> {
  const { inode } = vma.file as NonNullable<Vma['file']>;
  if (!isPaged(inode)) return -ERRNO.EINVAL;
  const found: Nopage = { page: -1, major: false };
  for (let vpn = start; vpn < end; vpn++) {
    if (vma.indexOf(vpn) * k.memory.pageSize >= inode.size) return -ERRNO.EINVAL;
    if (nonblock && !inode.mapping.pages.has(vma.indexOf(vpn))) continue;
    yield* inode.nopage(vma, vpn, found);
    if (found.page < 0) return -ERRNO.ENOMEM;
    const error = yield* mapPage(k, vma, vpn, found.page);
    if (error < 0) return error;
  }
  return 0;
}

/** install_page: maps a page whose reference the caller owns; the entry owns it afterwards. */
function* mapPage(k: Kernel, vma: Vma, vpn: number, page: number): Op<number> {
  const at = yield* allocPte(k, vma.mm, (vpn / 4294967296) | 0, vpn | 0);
  if (at === 0) {
    k.pages.put(page);
    return -ERRNO.ENOMEM;
  }
  const lock = pteLock(k, vma.mm, at);
  if (!lock.tryLock()) yield* lock.wait();
  const { tables, memory } = k;
  const { mapping } = (vma.file as NonNullable<Vma['file']>).inode;
  // Truncated while the page was read or the table made.
  if (k.map.mapping[page] !== mapping.handle) {
    lock.unlock();
    k.pages.put(page);
    return -ERRNO.EINVAL;
  }
  const lo = memory.words[at + tables.loAt] as number;
  const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
  if (k.arch.pteFormat.isNone(hi, lo)) {
    vma.mm.fileRss++;
    pageAddFileRmap(k, page);
    installPage(k, vma, vpn, at, page, false);
  } else {
    // A fault was faster: the same page is there, because the area is linear.
    k.pages.put(page);
  }
  lock.unlock();
  return 0;
}
