/** mprotect (generic-mm 9.7). */

import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { PteCursor } from '../pgtable/cursor.js';
import { flushTlbRange } from '../pgtable/flush.js';
import { pteOffsetMapLock, pteUnmapUnlock, spinMapped } from '../pgtable/lock.js';
import { flushCacheRange, lazyMmuProtUpdate } from '../pgtable/mmu-hooks.js';
import { replacePteAt } from '../pgtable/set-pte.js';
import type { Op } from '../smp/lock.js';
import { chargeMemory, statAccount, unchargeMemory } from './accounting.js';
import {
  VM_ACCOUNT,
  VM_GROWSDOWN,
  VM_GROWSUP,
  VM_HUGETLB,
  VM_NORESERVE,
  VM_RIGHTS,
  VM_SHARED,
  VM_WRITE,
} from './flags.js';
import { setVmaFlags } from './link.js';
import { vmaMerge } from './merge.js';
import type { Mm } from './mm.js';
import { cutOut } from './split.js';
import type { Vma } from './vma.js';
import { argument, isUnaligned, pageAlign, toPages, word } from './words.js';

export const PROT_SEM = 8;
export const PROT_GROWSDOWN = 0x0100_0000;
export const PROT_GROWSUP = 0x0200_0000;
const PROT_GROWS = PROT_GROWSDOWN | PROT_GROWSUP;

/** mprotect. 0, or a negative errno; what came before a hole stays changed. */
export function* sysMprotect(k: Kernel, mm: Mm, addr: bigint, length: bigint, prot: number): Op<number> {
  const start = argument(k, addr);
  const grows = prot & PROT_GROWS;
  const rights = prot & ~PROT_GROWS;
  if (grows === PROT_GROWS) return -ERRNO.EINVAL;
  if (isUnaligned(k, start)) return -ERRNO.EINVAL;
  if (argument(k, length) === 0n) return 0;
  const end = word(k, start + pageAlign(k, argument(k, length)));
  if (end <= start) return -ERRNO.ENOMEM;
  if ((rights & ~(VM_RIGHTS | PROT_SEM)) !== 0) return -ERRNO.EINVAL;
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const result = yield* protectRange(k, mm, toPages(k, start), toPages(k, end), rights & VM_RIGHTS, grows);
  mm.mmapSem.upWrite();
  return result;
}

function* protectRange(k: Kernel, mm: Mm, first: number, last: number, rights: number, grows: number): Op<number> {
  let start = first;
  let end = last;
  let vma = mm.vmas.find(start);
  if (vma === null) return -ERRNO.ENOMEM;
  if (grows === PROT_GROWSDOWN) {
    if (vma.start >= end) return -ERRNO.ENOMEM;
    start = vma.start;
    if ((vma.flags & VM_GROWSDOWN) === 0) return -ERRNO.EINVAL;
  } else {
    if (vma.start > start) return -ERRNO.ENOMEM;
    if (grows === PROT_GROWSUP) {
      end = vma.end;
      if ((vma.flags & VM_GROWSUP) === 0) return -ERRNO.EINVAL;
    }
  }
  let prev = start > vma.start ? vma : vma.prev;
  for (let at = start; ; ) {
    if ((vma.flags & VM_HUGETLB) !== 0) return -ERRNO.EACCES;
    const flags: number = rights | (vma.flags & ~VM_RIGHTS);
    if ((flags & ~(flags >> 4) & 15) !== 0) return -ERRNO.EACCES;
    const done: Vma | number = yield* mprotectFixup(k, mm, vma, prev, at, Math.min(vma.end, end), flags);
    if (typeof done === 'number') return done;
    prev = done;
    at = prev.end;
    if (at >= end) return 0;
    vma = prev.next;
    if (vma === null || vma.start !== at) return -ERRNO.ENOMEM;
  }
}

/** Gives [start, end) of one area new flags. Answers the area that covers the range now, or a negative errno. */
function* mprotectFixup(
  k: Kernel,
  mm: Mm,
  area: Vma,
  prev: Vma | null,
  start: number,
  end: number,
  rights: number,
): Op<Vma | number> {
  const oldFlags = area.flags;
  let flags = rights;
  if (flags === oldFlags) return area;
  const pages = end - start;
  let charged = 0;
  if ((flags & VM_WRITE) !== 0 && (oldFlags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_HUGETLB | VM_NORESERVE)) === 0) {
    if (chargeMemory(k, mm, pages) < 0) return -ERRNO.ENOMEM;
    charged = pages;
    flags |= VM_ACCOUNT;
  }
  let vma = vmaMerge(k, mm, prev, start, end, flags, area.anonVma, area.file, area.indexOf(start));
  if (vma === null) {
    const error = cutOut(k, area, start, end);
    if (error < 0) {
      unchargeMemory(k, charged);
      return error;
    }
    vma = area;
  }
  setVmaFlags(k, vma, flags);
  yield* changeProtection(k, vma, start, end);
  statAccount(mm, oldFlags, vma.file, -pages);
  statAccount(mm, flags, vma.file, pages);
  return vma;
}

/** change_protection: every present entry of [start, end) gets the area's vm_page_prot, then one flush. */
function* changeProtection(k: Kernel, vma: Vma, start: number, end: number): Op<void> {
  flushCacheRange(k, vma.mm, start, end);
  const cursor = new PteCursor(k);
  cursor.start(vma.mm, start, end);
  while (cursor.next()) {
    const lock = pteOffsetMapLock(k, vma.mm, cursor.at);
    if (!lock.tryLock()) yield* spinMapped(k, lock);
    changePteRun(k, vma, cursor.at, cursor.vpn, cursor.nr);
    pteUnmapUnlock(k, cursor.at, lock);
  }
  flushTlbRange(k, vma.mm, start, end);
}

/** pte_modify of `nr` entries from word `at`, the first for page `vpn`. The pte lock is held. */
function changePteRun(k: Kernel, vma: Vma, at: number, vpn: number, nr: number): void {
  const words = k.memory.words;
  const { loAt, pteWords } = k.tables;
  const hiAt = pteWords === 2 ? k.tables.hiAt : loAt;
  const { presentLo, presentHi, modifyKeepLo, modifyKeepHi, modifyTakeLo, modifyTakeHi, countLo, countHi } =
    k.arch.pteFormat;
  const { protLo, protHi } = vma;
  const tells = k.events.on || k.own.lazyMmuProtUpdate;
  for (let i = 0; i < nr; i++) {
    const entry = at + i * pteWords;
    const lo = words[entry + loAt] as number;
    const hi = pteWords === 2 ? (words[entry + hiAt] as number) : 0;
    if (((lo & presentLo) | (hi & presentHi)) === 0) continue;
    const newLo = ((lo & modifyKeepLo) | (protLo & modifyTakeLo)) & countLo;
    const newHi = ((hi & modifyKeepHi) | (protHi & modifyTakeHi)) & countHi;
    // The pending-flush rule sees the old entry, as it would in ptep_get_and_clear.
    replacePteAt(k, vma.mm, vpn + i, entry, newHi, newLo);
    if (tells) lazyMmuProtUpdate(k, newHi, newLo);
  }
}
