/**
 * What areas cost: the commit charge with its three overcommit rules, the resource limits, and the statistics by kind of
 * area (generic-mm 10.1 to 10.3). Plain functions; mmap_sem is held for writing, or the caller serialises growth.
 */
import { ERRNO } from '../errors.js';
import type { MappedFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { VM_EXEC, VM_GROWSDOWN, VM_GROWSUP, VM_IO, VM_RESERVED, VM_WRITE } from './flags.js';
import type { Mm } from './mm.js';

/** Modes of k.overcommit. */
export const OVERCOMMIT_GUESS = 0;
export const OVERCOMMIT_ALWAYS = 1;
export const OVERCOMMIT_NEVER = 2;

/**
 * security_vm_enough_memory: charges `pages` to vm_committed_space if the overcommit rule allows it.
 * @param mm on whose behalf; null for the kernel itself, which has every capability.
 * @returns 0, or -ENOMEM with nothing charged.
 */
export function chargeMemory(k: Kernel, mm: Mm | null, pages: number): number {
  k.committed += pages;
  if (k.overcommit === OVERCOMMIT_ALWAYS) return 0;
  if (k.overcommit === OVERCOMMIT_GUESS ? guessAllows(k, mm, pages) : k.committed < commitLimit(k, mm)) return 0;
  k.committed -= pages;
  return -ERRNO.ENOMEM;
}

/** vm_unacct_memory. */
export function unchargeMemory(k: Kernel, pages: number): void {
  k.committed -= pages;
}

/** vm_stat_account: adds `pages` (negative to take away) of an area with `flags` to the statistics of its kind. */
export function statAccount(mm: Mm, flags: number, file: MappedFile | null, pages: number): void {
  if (file !== null) {
    mm.sharedVm += pages;
    if ((flags & (VM_EXEC | VM_WRITE)) === VM_EXEC) mm.execVm += pages;
  } else if ((flags & (VM_GROWSDOWN | VM_GROWSUP)) !== 0) {
    mm.stackVm += pages;
  }
  if ((flags & (VM_RESERVED | VM_IO)) !== 0) mm.reservedVm += pages;
}

/** may_expand_vm: whether RLIMIT_AS leaves room for `pages` more (or fewer, when negative). */
export function mayExpandVm(k: Kernel, mm: Mm, pages: number): boolean {
  return mm.totalVm + pages <= limitPages(k, mm.rlimits.as);
}

/** can_do_mlock: whether the process may lock memory at all. */
export function canDoMlock(mm: Mm): boolean {
  return mm.capIpcLock || mm.rlimits.memlock !== 0;
}

/** Whether `lockedVm` pages in all would be more than the process may lock. */
export function exceedsMemlock(k: Kernel, mm: Mm, lockedVm: number): boolean {
  return !mm.capIpcLock && lockedVm > limitPages(k, mm.rlimits.memlock);
}

/** A limit in bytes as whole pages. */
export function limitPages(k: Kernel, bytes: number): number {
  return Math.floor(bytes / k.memory.pageSize);
}

/** Mode 0: refuse only what obviously cannot fit. Without the capability the last 1/32 is left to the administrator. */
function guessAllows(k: Kernel, mm: Mm | null, pages: number): boolean {
  // Reclaimable slab counts here too; this kernel has none.
  const reclaimable = lessReserve(mm, k.pageCachePages + k.swap.free);
  if (reclaimable > pages) return true;
  return reclaimable + lessReserve(mm, k.pages.freePages) > pages;
}

/** Mode 2: a share of RAM and all of swap, less some for this process's own growth. */
function commitLimit(k: Kernel, mm: Mm | null): number {
  const ram = k.memory.nrPages - (k.hugetlb?.totalBasePages ?? 0);
  const share = lessReserve(mm, Math.floor((ram * k.overcommitRatio) / 100));
  return share + k.swap.total - Math.floor((mm?.totalVm ?? 0) / 32);
}

function lessReserve(mm: Mm | null, pages: number): number {
  return mm === null || mm.capSysAdmin ? pages : pages - Math.floor(pages / 32);
}
