/** dup_mmap (generic-mm 6.3): a copy of an address space for fork. */

import { ERRNO } from '../errors.js';
import { FORKS } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import { allocRoot, userEntries } from '../pgtable/alloc.js';
import { flushTlbMm } from '../pgtable/flush.js';
import { flushCacheMm } from '../pgtable/mmu-hooks.js';
import { linkAnonVma } from '../rmap/anon-vma.js';
import type { Op } from '../smp/lock.js';
import { chargeMemory, statAccount } from '../vma/accounting.js';
import { VM_ACCOUNT, VM_DONTCOPY, VM_LOCKED, VM_SHARED } from '../vma/flags.js';
import { linkFileVma } from '../vma/link.js';
import { Mm } from '../vma/mm.js';
import { Vma } from '../vma/vma.js';
import { destroyMm } from '../zap/unmap.js';
import { copyPageRange } from './copy.js';

/** What decides where a new mm's mappings go. */
export interface LayoutWish {
  /** RLIMIT_STACK in bytes, Infinity for none. Default 8 MiB. */
  readonly stackLimit?: number;
  /** Its hard limit. Default none. */
  readonly stackMax?: number;
  /** ADDR_COMPAT_LAYOUT, or the sysctl legacy_va_layout. Default false. */
  readonly legacy?: boolean;
}

/** A new, empty mm with its root table and context; null when memory is short. */
export function* newMm(k: Kernel, parent: Mm | null, wish: LayoutWish = {}): Op<Mm | null> {
  const { stackLimit = 8 * 1024 * 1024, stackMax = Infinity, legacy = false } = wish;
  const { base, topDown } = k.arch.layout.pickBase(stackLimit, legacy, parent === null ? k.random : null);
  const mm = new Mm(k.nextMmId(), base, topDown, k.events);
  mm.rlimits.stack = stackLimit;
  mm.rlimits.stackMax = stackMax;
  if (!(yield* allocRoot(k, mm, userEntries(k)))) return null;
  k.mmu.initContext(mm, parent);
  k.mms.add(mm);
  return mm;
}

/** Copies the address space of a fork's parent. The new mm, or -ENOMEM. */
export function* dupMm(k: Kernel, parent: Mm): Op<Mm | number> {
  const child = yield* newMm(k, parent);
  if (child === null) return -ERRNO.ENOMEM;
  k.counters.values[FORKS] = (k.counters.values[FORKS] as number) + 1;
  if (!parent.mmapSem.tryWrite()) yield* parent.mmapSem.waitWrite();
  flushCacheMm(k, parent);
  // Not before: another thread may change the totals while we wait (the kernel copied them too early until 2014).
  inherit(child, parent);
  let error = 0;
  for (let vma = parent.vmas.first; vma !== null && error === 0; vma = vma.next) {
    error = yield* dupVma(k, child, vma);
  }
  flushTlbMm(k, parent);
  parent.mmapSem.upWrite();
  if (error === 0) {
    child.hiwaterRss = child.rss;
    child.hiwaterVm = child.totalVm;
    return child;
  }
  yield* destroyMm(k, child);
  return error;
}

function inherit(child: Mm, parent: Mm): void {
  child.totalVm = parent.totalVm;
  child.sharedVm = parent.sharedVm;
  child.execVm = parent.execVm;
  child.stackVm = parent.stackVm;
  child.reservedVm = parent.reservedVm;
  child.startCode = parent.startCode;
  child.endCode = parent.endCode;
  child.startData = parent.startData;
  child.startBrk = parent.startBrk;
  child.brk = parent.brk;
  child.startStack = parent.startStack;
  child.mmapBase = parent.mmapBase;
  child.topDown = parent.topDown;
  child.freeAreaCache = parent.mmapBase;
  child.cachedHoleSize = Infinity;
  child.rlimits = { ...parent.rlimits };
  child.capIpcLock = parent.capIpcLock;
  child.capSysAdmin = parent.capSysAdmin;
}

function* dupVma(k: Kernel, child: Mm, vma: Vma): Op<number> {
  if ((vma.flags & VM_DONTCOPY) !== 0) {
    child.totalVm -= vma.pages;
    statAccount(child, vma.flags, vma.file, -vma.pages);
    return 0;
  }
  if ((vma.flags & VM_ACCOUNT) !== 0 && chargeMemory(k, child, vma.pages) < 0) return -ERRNO.ENOMEM;
  const copy = new Vma(child, vma.start, vma.end, vma.flags & ~VM_LOCKED, vma.pgoff, vma.file);
  copy.protLo = vma.protLo;
  copy.protHi = vma.protHi;
  copy.anonVma = vma.anonVma;
  copy.ops = vma.ops;
  copy.truncateCount = vma.truncateCount;
  linkAnonVma(k, copy);
  if (copy.file !== null) {
    copy.file.refs++;
    linkFileVma(k, copy);
    // D17: originally fork does not count the child's shared areas.
    if (k.defectsKept && (copy.flags & VM_SHARED) !== 0) copy.file.inode.mapping.writableAreas--;
  }
  child.vmas.insert(copy);
  const error = yield* copyPageRange(k, child, vma);
  // After a failure too: the area is there, and its end will call close.
  copy.ops?.open?.(copy);
  return error;
}
