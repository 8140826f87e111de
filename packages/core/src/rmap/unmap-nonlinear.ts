/**
 * The part of try_to_unmap for nonlinear areas (generic-mm 11.4). Where they map a page only their entries know, so they are
 * not searched: pages are taken out of them a cluster at a time, whatever pages those are, until as many entries are gone as
 * map the page that is wanted. Each area has a cursor, so that the next page goes on where this one stopped.
 */
import type { Kernel } from '../kernel.js';
import type { AddressSpace } from '../pagecache/address-space.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { pteOffsetMap, pteUnmap } from '../pgtable/highpte.js';
import { pteLock } from '../pgtable/lock.js';
import { setPteAt } from '../pgtable/set-pte.js';
import { VM_LOCKED } from '../vma/flags.js';
import { addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { clearFlushEntry, type PageAddress } from './page-address.js';
import { clearFlushYoung } from './referenced.js';
import { pageRemoveRmap } from './rmap.js';

/** Pages a cluster, which is aligned and so lies in one table; CLUSTER_SIZE is less only where a table has fewer entries. */
const CLUSTER = 32;

/**
 * Takes clusters out of the nonlinear areas of a file, for a page that no linear area maps any more. i_mmap_lock is free.
 * @param where scratch; `where.blockedOn` is set when a table was locked. The cursor stays there.
 * @returns false when all the areas are locked in memory.
 */
export function unmapNonlinear(k: Kernel, space: AddressSpace, page: number, where: PageAddress): boolean {
  let limit = 0;
  let longest = 0;
  for (const vma of space.nonlinear) {
    if ((vma.flags & VM_LOCKED) !== 0) continue;
    limit = Math.max(limit, vma.unmapCursor);
    longest = Math.max(longest, vma.pages);
  }
  if (longest === 0) return false;
  longest = Math.ceil(longest / CLUSTER) * CLUSTER;
  if (limit === 0) limit = CLUSTER;
  let wanted = k.map.mapcount[page] as number;
  for (; limit <= longest; limit += CLUSTER) {
    for (const vma of space.nonlinear) {
      if ((vma.flags & VM_LOCKED) !== 0) continue;
      while (vma.unmapCursor < limit && vma.unmapCursor < vma.pages) {
        wanted -= unmapCluster(k, vma, where);
        if (where.blockedOn !== null) return true;
        vma.unmapCursor += CLUSTER;
        if (wanted <= 0) return true;
      }
    }
  }
  // All were gone through. The next page finds the entries old that this one found young.
  for (const vma of space.nonlinear) vma.unmapCursor = 0;
  return true;
}

/** try_to_unmap_cluster: empties the entries at the cursor that were not used of late. Answers how many. */
function unmapCluster(k: Kernel, vma: Vma, where: PageAddress): number {
  const { memory, tables } = k;
  const { mm } = vma;
  const f = k.arch.pteFormat;
  const cursor = vma.start + vma.unmapCursor;
  const first = cursor - (cursor % CLUSTER);
  const start = Math.max(first, vma.start);
  const end = Math.min(first + CLUSTER, vma.end);
  const table = tables.lookupPage(mm, start);
  if (table === 0) return 0;
  const lock = pteLock(k, mm, table);
  if (lock.held) {
    where.blockedOn = lock;
    return 0;
  }
  pteOffsetMap(k, table);
  mm.updateHiwaterRss();
  let nr = 0;
  for (let vpn = start; vpn < end; vpn++) {
    const at = table + (vpn - start) * tables.pteWords;
    const lo = memory.words[at + tables.loAt] as number;
    const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
    if (!f.isPresent(hi, lo)) continue;
    const page = vmNormalPage(k, vma, vpn, hi, lo);
    // With D8 kept a debugger may have left an anonymous page. The kernel has a BUG_ON here.
    if (page < 0 || k.map.isAnon(page)) continue;
    where.vpn = vpn;
    where.at = at;
    where.hi = hi;
    where.lo = lo;
    if (clearFlushYoung(k, vma, where)) continue;
    clearFlushEntry(k, mm, page, where);
    const index = k.map.index[page] as number;
    if (index !== vma.indexOf(vpn)) setPteAt(k, mm, vpn, at, f.fileEntryHi(index), f.fileEntryLo(index));
    pageRemoveRmap(k, page);
    addFileRss(k, mm, -1);
    k.pages.put(page);
    nr++;
  }
  pteUnmap(k, table);
  return nr;
}
