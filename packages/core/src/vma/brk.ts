/** brk and do_brk (generic-mm 9.6): the heap. */
import { ERRNO } from '../errors.js';
import { makePagesPresent } from '../gup/get-user-pages.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { chargeMemory, exceedsMemlock, mayExpandVm } from './accounting.js';
import { VM_ACCOUNT, VM_LOCKED } from './flags.js';
import { createVma, linkVma } from './link.js';
import { vmaMerge } from './merge.js';
import type { Mm } from './mm.js';
import { doMunmap, munmapBytes } from './munmap.js';
import { isForHugePages } from './unmapped-area.js';
import { argument, pageAlign, toPages, word } from './words.js';

/** brk. The break afterwards, in bytes: the one asked for, or the old one when that was refused. */
export function* sysBrk(k: Kernel, mm: Mm, addr: bigint): Op<bigint> {
  const brk = argument(k, addr);
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  if (yield* moveBreak(k, mm, brk)) mm.brk = brk;
  const result = mm.brk;
  mm.mmapSem.upWrite();
  return result;
}

/** Maps or unmaps what lies between the old break and the new one; false when the new one is refused. */
function* moveBreak(k: Kernel, mm: Mm, brk: bigint): Op<boolean> {
  if (machineRefuses(k, mm, brk) || brk < orBreak(mm, mm.endCode)) return false;
  const newEnd = pageAlign(k, brk);
  const oldEnd = pageAlign(k, mm.brk);
  if (newEnd === oldEnd) return true;
  if (brk <= mm.brk) return (yield* munmapBytes(k, mm, newEnd, oldEnd - newEnd)) === 0;
  if (
    mm.rlimits.data !== Number.POSITIVE_INFINITY &&
    word(k, brk - orBreak(mm, mm.startData)) > BigInt(Math.floor(mm.rlimits.data))
  ) {
    return false;
  }
  if (newEnd < oldEnd) return false; // rounded up past the top of the word
  const start = toPages(k, oldEnd);
  const pages = toPages(k, newEnd - oldEnd);
  // One page more than the heap needs: a guard against what lies above.
  if (mm.vmas.intersecting(start, start + pages + 1) !== null) return false;
  if (isForHugePages(k, mm, start, pages)) return false;
  return (yield* doBrk(k, mm, start, pages)) === 0;
}

/** do_brk: maps [start, start + pages) as heap. mmap_sem is held for writing. 0, or a negative errno. */
export function* doBrk(k: Kernel, mm: Mm, start: number, pages: number): Op<number> {
  const end = start + pages;
  if (pages === 0) return 0;
  if (end > k.arch.layout.taskSizePages) return -ERRNO.EINVAL;
  if ((mm.defFlags & VM_LOCKED) !== 0 && exceedsMemlock(k, mm, mm.lockedVm + pages)) return -ERRNO.EAGAIN;
  while (mm.vmas.intersecting(start, end) !== null) {
    if ((yield* doMunmap(k, mm, start, pages)) < 0) return -ERRNO.ENOMEM;
  }
  if (!mayExpandVm(k, mm, pages)) return -ERRNO.ENOMEM;
  if (mm.vmas.size > k.maxMapCount) return -ERRNO.ENOMEM;
  if (chargeMemory(k, mm, pages) < 0) return -ERRNO.ENOMEM;
  const flags = k.arch.dataFlags | VM_ACCOUNT | mm.defFlags;
  if (vmaMerge(k, mm, mm.vmas.before(start), start, end, flags, null, null, start) === null) {
    linkVma(k, createVma(k, mm, start, end, flags, start, null));
  }
  mm.totalVm += pages;
  if ((flags & VM_LOCKED) !== 0) {
    mm.lockedVm += pages;
    yield* makePagesPresent(k, mm, start, end);
  }
  return 0;
}

/** An address of the program's image; a process that runs no program has its initial break there. */
function orBreak(mm: Mm, address: bigint): bigint {
  return address === 0n ? mm.startBrk : address;
}

/** Where a break may not be, address bits that brk may not change, and regions it may not leave, on machines that have such. */
function machineRefuses(k: Kernel, mm: Mm, brk: bigint): boolean {
  const { brkFixedBits, brkEnd, region } = k.arch.layout.spec;
  if (brkEnd !== undefined && brk >= brkEnd) return true;
  if (brkFixedBits !== undefined && ((brk ^ mm.brk) & brkFixedBits) !== 0n) return true;
  if (region === undefined) return false;
  const inRegion = (1n << BigInt(region.shift)) - 1n;
  const end = pageAlign(k, brk);
  const old = pageAlign(k, mm.brk);
  return (
    end > old &&
    (end - old > region.limit ||
      (end & inRegion) > region.limit ||
      end >> BigInt(region.shift) !== old >> BigInt(region.shift))
  );
}
