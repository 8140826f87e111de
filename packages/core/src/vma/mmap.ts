/**
 * mmap (generic-mm 9.1): the system call, with the checks in the kernel's order, and do_mmap_pgoff for callers inside
 * that hold mmap_sem for writing. What was mapped in the range before is gone even when a later check fails.
 */
import { ERRNO } from '../errors.js';
import { closeFile, type MappedFile } from '../fs/file.js';
import { makePagesPresent } from '../gup/get-user-pages.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { unmapRegion } from '../zap/unmap.js';
import {
  canDoMlock,
  chargeMemory,
  exceedsMemlock,
  mayExpandVm,
  OVERCOMMIT_NEVER,
  statAccount,
  unchargeMemory,
} from './accounting.js';
import {
  VM_ACCOUNT,
  VM_DENYWRITE,
  VM_GROWSDOWN,
  VM_GROWSUP,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_RIGHTS,
  VM_SHARED,
  VM_WRITE,
} from './flags.js';
import { createVma, linkVma } from './link.js';
import { vmaMerge } from './merge.js';
import type { Mm } from './mm.js';
import {
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_EXEC,
  PROT_WRITE,
} from './mmap-bits.js';
import { doMunmap } from './munmap.js';
import { remapRange } from './remap-file-pages.js';
import { getUnmappedArea, holeEndAt } from './unmapped-area.js';
import type { Vma } from './vma.js';
import { argument, isUnaligned, offsetArgument, pageAlign, taskSize, toPages } from './words.js';

/** MAP_SHARED or MAP_PRIVATE, and nothing else, in these. */
const MAP_TYPE = 0xf;
/** MAP_ bits whose VM_ bits have the same values. */
const MAP_AS_VM = MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED;

/** Arguments of the mmap system call. */
export interface MmapArgs {
  /** Where, in bytes: binding with MAP_FIXED, else a wish; 0 leaves it to the kernel. */
  readonly addr: bigint;
  /** Bytes. */
  readonly length: bigint;
  /** PROT_ bits. */
  readonly prot: number;
  /** MAP_ bits. */
  readonly flags: number;
  /** The open file; null for a bad descriptor. Ignored with MAP_ANONYMOUS. */
  readonly file: MappedFile | null;
  /** Offset in the file, in bytes. */
  readonly offset: bigint;
}

/** mmap. The first page of the area, or a negative errno. */
export function* sysMmap(k: Kernel, mm: Mm, args: MmapArgs): Op<number> {
  if (isUnaligned(k, args.offset)) return -ERRNO.EINVAL;
  const flags = args.flags & ~(MAP_EXECUTABLE | MAP_DENYWRITE);
  const file = (flags & MAP_ANONYMOUS) !== 0 ? null : args.file;
  if (file === null && (flags & MAP_ANONYMOUS) === 0) return -ERRNO.EBADF;
  const addr = argument(k, args.addr);
  const length = argument(k, args.length);
  const refused = machineRefuses(k, addr, length, flags);
  if (refused !== 0) return refused;
  const pgoff = toPages(k, offsetArgument(k, args.offset));
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const result = yield* doMmapPgoff(k, mm, file, addr, length, args.prot, flags, pgoff);
  mm.mmapSem.upWrite();
  return result;
}

/**
 * do_mmap_pgoff: mmap_sem is held for writing, and is let go for a while by MAP_POPULATE.
 * @param addr and `length` in bytes, @param pgoff in pages.
 * @returns the first page of the area, or a negative errno.
 */
export function* doMmapPgoff(
  k: Kernel,
  mm: Mm,
  file: MappedFile | null,
  addr: bigint,
  length: bigint,
  prot: number,
  flags: number,
  pgoff: number,
): Op<number> {
  if (file?.mappable === false) return -ERRNO.ENODEV;
  if ((prot & PROT_EXEC) !== 0 && file?.noExec === true) return -ERRNO.EPERM;
  if (length === 0n) return -ERRNO.EINVAL;
  const pages = toPages(k, pageAlign(k, length));
  if (pages === 0 || pages > k.arch.layout.taskSizePages) return -ERRNO.ENOMEM;
  if (pgoff + pages >= 2 ** k.arch.wordBits) return -ERRNO.EOVERFLOW;
  if (mm.vmas.size > k.maxMapCount) return -ERRNO.ENOMEM;
  const start = getUnmappedArea(k, mm, file, addr, pages, pgoff, flags);
  if (start < 0) return start;

  let vmFlags = (prot & VM_RIGHTS) | (flags & MAP_AS_VM) | mm.defFlags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  if ((flags & MAP_LOCKED) !== 0 && !canDoMlock(mm)) return -ERRNO.EPERM;
  if ((vmFlags & VM_LOCKED) !== 0 && exceedsMemlock(k, mm, mm.lockedVm + pages)) return -ERRNO.EAGAIN;
  const type = flags & MAP_TYPE;
  if (type !== MAP_SHARED && type !== MAP_PRIVATE) return -ERRNO.EINVAL;
  if (file !== null) {
    const error = fileRefuses(file, prot, type);
    if (error !== 0) return error;
  }
  if (type === MAP_SHARED) {
    vmFlags |= VM_SHARED | VM_MAYSHARE;
    if (file?.writable === false) vmFlags &= ~(VM_MAYWRITE | VM_SHARED);
  }
  if ((flags & MAP_NORESERVE) !== 0 && k.overcommit !== OVERCOMMIT_NEVER && !k.defectsKept) vmFlags |= VM_NORESERVE;
  const index = file === null && type === MAP_PRIVATE ? start : pgoff;
  const result = yield* mapRegion(k, mm, file, start, pages, vmFlags, index, (flags & MAP_NORESERVE) !== 0);
  if (result < 0) return result;
  if ((flags & MAP_POPULATE) !== 0) {
    mm.mmapSem.upWrite();
    // Errors are nobody's business; private areas are refused, and so never populated in this version.
    yield* remapRange(mm, result, pages, result + pages, index, (flags & MAP_NONBLOCK) !== 0);
    if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  }
  return result;
}

/** Steps 16 to 21: clears the range, charges it and makes the area, or joins it to a neighbour. */
function* mapRegion(
  k: Kernel,
  mm: Mm,
  file: MappedFile | null,
  start: number,
  pages: number,
  requested: number,
  pgoff: number,
  noReserve: boolean,
): Op<number> {
  let flags = requested;
  const end = start + pages;
  while (mm.vmas.intersecting(start, end) !== null) {
    if ((yield* doMunmap(k, mm, start, pages)) < 0) return -ERRNO.ENOMEM;
  }
  if (!mayExpandVm(k, mm, pages)) return -ERRNO.ENOMEM;
  let charged = 0;
  const isHuge = file !== null && file.inode.isHuge === true;
  if (!isHuge && (!noReserve || k.overcommit === OVERCOMMIT_NEVER)) {
    if ((flags & VM_SHARED) !== 0) {
      flags |= VM_ACCOUNT;
    } else if ((flags & VM_WRITE) !== 0) {
      if (chargeMemory(k, mm, pages) < 0) return -ERRNO.ENOMEM;
      charged = pages;
      flags |= VM_ACCOUNT;
    }
  }
  const anonymous = file === null && (flags & VM_SHARED) === 0;
  const merged = anonymous ? vmaMerge(k, mm, mm.vmas.before(start), start, end, flags, null, null, pgoff) : null;
  let area: Vma | number | null = merged;
  if (area === null) {
    const backing = backingOf(k, file, pages, flags);
    if (typeof backing === 'number') {
      unchargeMemory(k, charged);
      return backing;
    }
    area = yield* makeArea(k, mm, backing, start, end, flags, pgoff);
    if (typeof area === 'number') return area;
  }
  mm.totalVm += pages;
  statAccount(mm, area.flags, area.file, pages);
  if ((area.flags & VM_LOCKED) !== 0) {
    mm.lockedVm += pages;
    yield* makePagesPresent(k, mm, start, end);
  }
  return start;
}

/** What is behind the new area: the file, a fresh object for shared anonymous memory, or nothing. Or a negative errno. */
function backingOf(k: Kernel, file: MappedFile | null, pages: number, flags: number): MappedFile | number | null {
  if (file !== null) {
    if ((flags & (VM_GROWSDOWN | VM_GROWSUP)) !== 0) return -ERRNO.EINVAL;
    if ((flags & VM_DENYWRITE) !== 0 && file.inode.writeCount > 0) return -ERRNO.ETXTBSY;
    file.refs++;
    return file;
  }
  if ((flags & VM_SHARED) === 0) return null;
  return k.sharedAnonymous === null ? -ERRNO.ENODEV : k.sharedAnonymous(k, pages, flags);
}

/**
 * The new area itself, with a reference to `backing` that it takes over; of a file it may still join a neighbour.
 * @returns an area with its properties (not one of the mm, if it joined), or a negative errno with everything undone, the
 *   charge of a private area included.
 */
function* makeArea(
  k: Kernel,
  mm: Mm,
  backing: MappedFile | null,
  start: number,
  end: number,
  flags: number,
  pgoff: number,
): Op<Vma | number> {
  const vma = createVma(k, mm, start, end, flags, pgoff, backing);
  if (backing === null) {
    linkVma(k, vma);
    return vma;
  }
  const prepare = backing.mmap?.(k, vma) ?? backing.inode.mmap?.(vma);
  const error = prepare === undefined ? 0 : yield* prepare;
  // The object behind a shared area carries the charge, not the area. D16: originally a failed call returns it all the same.
  if ((vma.flags & VM_SHARED) !== 0 && (error >= 0 || !k.defectsKept)) vma.flags &= ~VM_ACCOUNT;
  if (error < 0) {
    // What the driver may have mapped goes again. The area was never linked.
    vma.file = null;
    if ((vma.flags & (VM_SHARED | VM_ACCOUNT)) === (VM_SHARED | VM_ACCOUNT)) k.commitDrift -= vma.pages;
    yield* unmapRegion(k, mm, [vma], mm.vmas.before(start), mm.vmas.find(start), start, end);
    yield* closeFile(backing);
    return error;
  }
  const joined =
    vma.ops === null && vmaMerge(k, mm, mm.vmas.before(start), start, end, vma.flags, null, backing, vma.pgoff);
  // Joined, it needs no reference: the area that grew has one.
  if (joined) backing.refs--;
  else linkVma(k, vma);
  return vma;
}

/** Steps 11 to 13: what an open file says to a mapping of it. 0, or a negative errno. */
function fileRefuses(file: MappedFile, prot: number, type: number): number {
  if (type === MAP_SHARED) {
    if ((prot & PROT_WRITE) !== 0 && !file.writable) return -ERRNO.EACCES;
    if (file.appendOnly === true && file.writable) return -ERRNO.EACCES;
    if (file.mandatoryLocked === true) return -ERRNO.EAGAIN;
  }
  return file.readable ? 0 : -ERRNO.EACCES;
}

/** What a machine tests before the generic code: address holes and regions. 0, or -EINVAL. */
export function machineRefuses(k: Kernel, addr: bigint, length: bigint, flags: number): number {
  const { layout } = k.arch;
  if (layout.spec.maxLength === undefined && layout.spec.region === undefined && layout.holes.length === 0) return 0;
  const aligned = pageAlign(k, length);
  const pages = toPages(k, aligned);
  if (aligned === 0n) return -ERRNO.EINVAL;
  if (layout.spec.region !== undefined) {
    const { shift, limit } = layout.spec.region;
    // A wish is tested like a binding address.
    const offset = addr & ((1n << BigInt(shift)) - 1n);
    if (length > taskSize(k) || aligned > limit || offset > limit - aligned) return -ERRNO.EINVAL;
    return 0;
  }
  if (pages > layout.maxLengthPages) return -ERRNO.EINVAL;
  if ((flags & MAP_FIXED) !== 0 && holeEndAt(layout, toPages(k, addr), pages) >= 0) return -ERRNO.EINVAL;
  return 0;
}
