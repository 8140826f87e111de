/**
 * try_to_unmap (generic-mm 11.4): takes a page out of every page table. Plain: what somebody else has locked makes the walk
 * stop, and the caller waits and tries again; what is done by then stays done.
 */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { PG_SWAPCACHE } from '../memory/mem-map.js';
import { pteUnmap } from '../pgtable/highpte.js';
import { setPteAt } from '../pgtable/set-pte.js';
import { swapPteHi, swapPteLo } from '../swap/entry.js';
import { swapDuplicate } from '../swap/swap.js';
import { VM_LOCKED } from '../vma/flags.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { clearFlushEntry, findPageIn, type PageAddress } from './page-address.js';
import { clearFlushYoung } from './referenced.js';
import { pageRemoveRmap } from './rmap.js';
import { unmapNonlinear } from './unmap-nonlinear.js';

export const SWAP_SUCCESS = 0;
/** Something maps it still that the walk does not know; it may go another time. */
export const SWAP_AGAIN = 1;
/** Locked in memory, or used just now. */
export const SWAP_FAIL = 2;

/**
 * Tries once. The page is locked, and in the swap cache when it is anonymous.
 * @param force whether pages used just now go too.
 * @param where scratch; `where.blockedOn` is set when the walk could not go on.
 */
export function tryToUnmap(k: Kernel, page: number, force: boolean, where: PageAddress): number {
  const handle = k.map.mapping[page] as number;
  const result = (handle & 1) !== 0 ? unmapAnon(k, page, force, where) : unmapFile(k, page, force, where);
  return k.map.mapcount[page] === 0 ? SWAP_SUCCESS : result;
}

function unmapAnon(k: Kernel, page: number, force: boolean, where: PageAddress): number {
  const anon = k.mappings.anon(k.map.mapping[page] as number);
  if (anon === null) return SWAP_AGAIN;
  if (anon.lock.held) {
    where.blockedOn = anon.lock;
    return SWAP_AGAIN;
  }
  for (const vma of anon.areas) {
    if (!findPageIn(k, vma, page, where)) continue;
    if (!unmapOne(k, vma, page, force, where)) return SWAP_FAIL;
    if (k.map.mapcount[page] === 0) break;
  }
  return SWAP_AGAIN;
}

function unmapFile(k: Kernel, page: number, force: boolean, where: PageAddress): number {
  const space = k.mappings.file(k.map.mapping[page] as number);
  if (space === null) return SWAP_AGAIN;
  if (space.lock.held) {
    where.blockedOn = space.lock;
    return SWAP_AGAIN;
  }
  const index = k.map.index[page] as number;
  for (const vma of space.linear.overlapping(index, index)) {
    if (!findPageIn(k, vma, page, where)) continue;
    if (!unmapOne(k, vma, page, force, where)) return SWAP_FAIL;
    if (k.map.mapcount[page] === 0) return SWAP_SUCCESS;
  }
  if (where.blockedOn !== null || space.nonlinear.size === 0) return SWAP_AGAIN;
  return unmapNonlinear(k, space, page, where) ? SWAP_AGAIN : SWAP_FAIL;
}

/** try_to_unmap_one with the entry found, unmapped here. False when it has to stay. */
function unmapOne(k: Kernel, vma: Vma, page: number, force: boolean, where: PageAddress): boolean {
  const { mm } = vma;
  if ((vma.flags & VM_LOCKED) !== 0 || (!force && clearFlushYoung(k, vma, where))) {
    pteUnmap(k, where.at);
    return false;
  }
  clearFlushEntry(k, mm, page, where);
  mm.updateHiwaterRss();
  if (k.map.isAnon(page)) {
    if (((k.map.flags[page] as number) & PG_SWAPCACHE) === 0) throw new KernelBug(`anonymous page ${page} has no slot`);
    const entry = k.map.priv[page] as number;
    if (!swapDuplicate(k, entry)) throw new KernelBug(`entry ${entry} of page ${page} is free`);
    k.swap.mms.add(mm);
    const f = k.arch.pteFormat;
    setPteAt(k, mm, where.vpn, where.at, swapPteHi(f, entry), swapPteLo(f, entry));
    addAnonRss(k, mm, -1);
  } else {
    addFileRss(k, mm, -1);
  }
  pageRemoveRmap(k, page);
  k.pages.put(page);
  pteUnmap(k, where.at);
  return true;
}
