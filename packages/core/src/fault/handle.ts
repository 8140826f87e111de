/** __handle_mm_fault and handle_pte_fault (generic-mm 4.2, 4.3). */

import { pauseAt, tearAt } from '../events/injection.js';
import { ACCESS_FLAGS } from '../events/kinds.js';
import { hugetlbFault } from '../hugetlb/fault.js';
import type { Kernel } from '../kernel.js';
import { allocPte } from '../pgtable/alloc.js';
import { flushTlbPage } from '../pgtable/flush.js';
import { pteOffsetMap } from '../pgtable/highpte.js';
import { pteLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { updateMmuCache } from '../pgtable/mmu-hooks.js';
import { setAccessFlagsAt } from '../pgtable/set-pte.js';
import { finished } from '../smp/driver.js';
import type { Op, SpinLock } from '../smp/lock.js';
import { VM_HUGETLB } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';
import { doAnonymousPage } from './anonymous.js';
import { VM_FAULT_BITS, VM_FAULT_MINOR, VM_FAULT_OOM } from './codes.js';
import { doFilePage } from './file-page.js';
import { doNoPage } from './nopage.js';
import { doSwapPage } from './swap.js';
import { doWpPage, entryIs } from './wp.js';

/**
 * Resolves a fault of `vma` at page `vpn`; the area is known to allow the access. mmap_sem is held on entry and exit.
 * The answer is the operation itself: no generator of its own stands between the entry and the case that handles it. It has begun
 * then, perhaps with the table mapped: the caller goes on with it at once.
 * @returns a VM_FAULT code, with VM_FAULT_WRITE or VM_FAULT_BITS.
 */
export function handleMmFault(k: Kernel, vma: Vma, vpn: number, write: boolean): Op<number> {
  if ((vma.flags & VM_HUGETLB) !== 0) return hugetlbFault(k, vma, vpn);
  const at = k.tables.lookupPage(vma.mm, vpn);
  return at === 0 ? withNewTable(k, vma, vpn, write) : handlePteFault(k, vma, vpn, at, write);
}

function* withNewTable(k: Kernel, vma: Vma, vpn: number, write: boolean): Op<number> {
  const at = yield* allocPte(k, vma.mm, (vpn / 4294967296) | 0, vpn | 0);
  return at === 0 ? VM_FAULT_OOM : yield* handlePteFault(k, vma, vpn, at, write);
}

function handlePteFault(k: Kernel, vma: Vma, vpn: number, at: number, write: boolean): Op<number> {
  // Read without the lock: everything that acts on it looks again under the lock. Each case unmaps the table.
  pteOffsetMap(k, at);
  const { tables, memory } = k;
  const f = k.arch.pteFormat;
  const lo = memory.words[at + tables.loAt] as number;
  if (k.inject.tear !== null && f.splitStore) tearAt(k, at);
  const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
  if (f.isPresent(hi, lo) || !f.isNone(hi, lo)) return presentFault(k, vma, vpn, at, hi, lo, write);
  const source = vma.pageSource;
  return source === null ? doAnonymousPage(k, vma, vpn, at, write) : doNoPage(k, vma, vpn, at, write, source);
}

/** The entry (hi, lo) was not empty when it was read. No generator of its own stands here either while the lock is free. */
function presentFault(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  write: boolean,
): Op<number> {
  const f = k.arch.pteFormat;
  if (!f.isPresent(hi, lo)) {
    if (f.isFile(hi, lo)) return doFilePage(k, vma, vpn, at, hi, lo, write);
    return doSwapPage(k, vma, vpn, at, hi, lo, write);
  }
  const lock = pteLock(k, vma.mm, at);
  if (k.inject.pause !== null || !lock.tryLock()) return lockAndHandle(k, vma, vpn, at, hi, lo, write, lock);
  return lockedFault(k, vma, vpn, at, hi, lo, write, lock);
}

function* lockAndHandle(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  write: boolean,
  lock: SpinLock,
): Op<number> {
  if (k.inject.pause !== null) yield* pauseAt(k, 'after pte read');
  if (!lock.tryLock()) yield* spinMapped(k, lock);
  return yield* lockedFault(k, vma, vpn, at, hi, lo, write, lock);
}

/** The pte lock is held, the table mapped; the entry is still (hi, lo), or somebody else was faster. */
function lockedFault(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  write: boolean,
  lock: SpinLock,
): Op<number> {
  if (!entryIs(k, at, hi, lo)) {
    pteUnmapUnlock(k, at, lock);
    return finished(VM_FAULT_MINOR);
  }
  if (write && !k.arch.pteFormat.write.allows(hi, lo)) return doWpPage(k, vma, vpn, at, hi, lo, lock);
  setAccessFlags(k, vma, vpn, at, hi, lo, write);
  pteUnmapUnlock(k, at, lock);
  return finished(VM_FAULT_MINOR | VM_FAULT_BITS);
}

/** Steps 4 to 6 of handle_pte_fault: mkdirty for a write, mkyoung, and ptep_set_access_flags if that changed anything. */
function setAccessFlags(k: Kernel, vma: Vma, vpn: number, at: number, hi: number, lo: number, write: boolean): void {
  const f = k.arch.pteFormat;
  const { mm } = vma;
  let newLo = lo;
  let newHi = hi;
  if (write) {
    newLo = (newLo & f.mkdirty.keepLo) | f.mkdirty.setLo;
    newHi = (newHi & f.mkdirty.keepHi) | f.mkdirty.setHi;
  }
  newLo = (newLo & f.mkyoung.keepLo) | f.mkyoung.setLo;
  newHi = (newHi & f.mkyoung.keepHi) | f.mkyoung.setHi;
  if (newLo === lo && newHi === hi && k.behaviour.keepsUnchangedPte) {
    if (write) flushTlbPage(k, mm, vpn);
    return;
  }
  if (k.events.on) k.events.emit(ACCESS_FLAGS, mm.id, vpn, write ? 1 : 0);
  // On machines whose hardware keeps the young bit a read updates nothing.
  if (write || k.readUpdatesAccessFlags) setAccessFlagsAt(k, mm, vpn, at, newHi, newLo);
  updateMmuCache(k, mm, vpn, newHi, newLo);
}
