/**
 * page_referenced (generic-mm 11.3): how often a page was used since it was asked last; the accessed bits are cleared.
 * Plain: what somebody else has locked makes the walk stop, and the caller waits and asks again.
 */
import type { Kernel } from '../kernel.js';
import { PG_LOCKED, PG_REFERENCED } from '../memory/mem-map.js';
import type { AddressSpace } from '../pagecache/address-space.js';
import { flushTlbPage } from '../pgtable/flush.js';
import { pteUnmap } from '../pgtable/highpte.js';
import { updatePteAt } from '../pgtable/set-pte.js';
import { VM_LOCKED, VM_MAYSHARE } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';
import type { AnonVma } from './anon-vma.js';
import { findPageIn, type PageAddress } from './page-address.js';

/**
 * Asks once.
 * @param locked whether the caller holds the page lock; a file page that somebody else has locked counts as used.
 * @param where scratch; `where.blockedOn` is set when the walk could not go on.
 * @returns uses found, also those found before the walk was stopped.
 */
export function pageReferenced(k: Kernel, page: number, locked: boolean, where: PageAddress): number {
  const { map } = k;
  const flags = map.flags[page] as number;
  let referenced = 0;
  if ((flags & PG_REFERENCED) !== 0) {
    map.flags[page] = flags & ~PG_REFERENCED;
    referenced++;
  }
  if (map.mapcount[page] === 0) return referenced;
  const handle = map.mapping[page] as number;
  if ((handle & 1) !== 0) {
    const anon = k.mappings.anon(handle);
    return anon === null ? referenced : referenced + anonReferenced(k, page, anon, where);
  }
  const space = handle === 0 ? null : k.mappings.file(handle);
  if (space === null) return referenced;
  if (!locked && (flags & PG_LOCKED) !== 0) return referenced + 1;
  return referenced + fileReferenced(k, page, space, where);
}

function anonReferenced(k: Kernel, page: number, anon: AnonVma, where: PageAddress): number {
  if (anon.lock.held) {
    where.blockedOn = anon.lock;
    return 0;
  }
  let left = k.map.mapcount[page] as number;
  let referenced = 0;
  for (const vma of anon.areas) {
    if (!findPageIn(k, vma, page, where)) continue;
    referenced += referencedOne(k, vma, where);
    if (--left === 0) break;
  }
  return referenced;
}

function fileReferenced(k: Kernel, page: number, space: AddressSpace, where: PageAddress): number {
  if (space.lock.held) {
    where.blockedOn = space.lock;
    return 0;
  }
  let left = k.map.mapcount[page] as number;
  let referenced = 0;
  const index = k.map.index[page] as number;
  for (const vma of space.linear.overlapping(index, index)) {
    if ((vma.flags & (VM_LOCKED | VM_MAYSHARE)) === (VM_LOCKED | VM_MAYSHARE)) return referenced + 1;
    if (!findPageIn(k, vma, page, where)) continue;
    referenced += referencedOne(k, vma, where);
    if (--left === 0) break;
  }
  return referenced;
}

/** page_referenced_one: the entry found, unmapped here, and the swap token of an mm that is faulting right now. */
function referencedOne(k: Kernel, vma: Vma, where: PageAddress): number {
  const { mm } = vma;
  const young = clearFlushYoung(k, vma, where) ? 1 : 0;
  const holdsToken = k.swapToken.holder === mm && mm !== k.cpu.mm && !mm.mmapSem.free;
  pteUnmap(k, where.at);
  return holdsToken ? young + 1 : young;
}

/** ptep_clear_flush_young of the entry found: whether it was young. */
export function clearFlushYoung(k: Kernel, vma: Vma, where: PageAddress): boolean {
  const f = k.arch.pteFormat;
  const { hi, lo } = where;
  const wasYoung = f.isYoung(hi, lo);
  const { queueLo, queueHi, flushesOld } = k.arch.pendingFlush;
  if (!wasYoung && !(flushesOld && ((lo & queueLo) | (hi & queueHi)) !== 0)) return false;
  where.lo = (lo & f.mkold.keepLo) | f.mkold.setLo;
  where.hi = (hi & f.mkold.keepHi) | f.mkold.setHi;
  updatePteAt(k, vma.mm, where.vpn, where.at, where.hi, where.lo);
  flushTlbPage(k, vma.mm, where.vpn);
  return wasYoung;
}
