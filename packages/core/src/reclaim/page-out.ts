/**
 * Paging out of a range on demand, as later kernels' MADV_PAGEOUT does it: for tests and tools that want pages in swap without
 * filling memory first. Not a call of this kernel version.
 */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { PG_LRU, PG_REFERENCED } from '../memory/mem-map.js';
import { PteCursor } from '../pgtable/cursor.js';
import { pteOffsetMap, pteUnmap } from '../pgtable/highpte.js';
import type { Op } from '../smp/lock.js';
import { VM_HUGETLB, VM_LOCKED, VM_PFNMAP } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import { lruAddDrainAll } from './lru-batch.js';
import { Scan } from './scan.js';
import { shrinkList } from './shrink-list.js';
import { putBack } from './shrink-zone.js';

/**
 * Pages out [first, end) (page numbers), as far as pages are mapped there and nowhere else. A dirty page of a file on disk is
 * unmapped and stays in the cache: MADV_PAGEOUT leaves its writing to others.
 * @returns 0; -EINVAL at an area that may not be paged out; -ENOMEM at the end when there were holes.
 */
export function* pageOutRange(k: Kernel, mm: Mm, first: number, end: number): Op<number> {
  if (!mm.mmapSem.tryRead()) yield* mm.mmapSem.waitRead();
  let result = 0;
  let at = first;
  for (let vma = mm.vmas.find(first); at < end && result !== -ERRNO.EINVAL; vma = vma.next) {
    if (vma === null) {
      result = -ERRNO.ENOMEM;
      break;
    }
    if (vma.start > at) result = -ERRNO.ENOMEM;
    if (vma.start >= end) break;
    if ((vma.flags & (VM_LOCKED | VM_HUGETLB | VM_PFNMAP)) !== 0) result = -ERRNO.EINVAL;
    else yield* pageOutArea(k, vma, Math.max(at, vma.start), Math.min(end, vma.end));
    at = vma.end;
  }
  mm.mmapSem.upRead();
  return result;
}

function* pageOutArea(k: Kernel, vma: Vma, first: number, end: number): Op<void> {
  lruAddDrainAll(k);
  const scan = new Scan(k, false);
  scan.force = true;
  const pages = isolateMapped(k, vma, first, end);
  yield* shrinkList(k, pages, pages.length, scan);
  // A page of a memory-backed file has only come as far as the swap cache: once more.
  const left = pages.filter((page) => page >= 0);
  yield* shrinkList(k, left, left.length, scan);
  putBack(k, left, left.length);
}

/** Takes the pages that the range alone maps off their lists, with a reference to each. */
function isolateMapped(k: Kernel, vma: Vma, first: number, end: number): Int32Array {
  const { map, memory, tables } = k;
  const f = k.arch.pteFormat;
  const pages: number[] = [];
  const cursor = new PteCursor(k);
  cursor.start(vma.mm, first, end);
  while (cursor.next()) {
    pteOffsetMap(k, cursor.at);
    for (let i = 0; i < cursor.nr; i++) {
      const at = cursor.at + i * tables.pteWords;
      const lo = memory.words[at + tables.loAt] as number;
      const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
      if (!f.isPresent(hi, lo)) continue;
      const page = memory.pfnToPage(f.frame(hi, lo));
      if (page < 0 || map.mapcount[page] !== 1 || ((map.flags[page] as number) & PG_LRU) === 0) continue;
      k.pages.zoneOf(page).lru.remove(page);
      map.count[page] = (map.count[page] as number) + 1;
      map.flags[page] = (map.flags[page] as number) & ~PG_REFERENCED;
      pages.push(page);
    }
    pteUnmap(k, cursor.at);
  }
  return Int32Array.from(pages);
}
