/**
 * get_user_pages (generic-mm 8.2): the pages behind a range of user addresses, faulted in as if the process had touched
 * them. mmap_sem is held throughout. make_pages_present is the same without wanting the pages.
 */
import { ERRNO } from '../errors.js';
import { MAJOR_FAULTS, MINOR_FAULTS } from '../events/counters.js';
import {
  VM_FAULT_BITS,
  VM_FAULT_MAJOR,
  VM_FAULT_MASK,
  VM_FAULT_MINOR,
  VM_FAULT_OOM,
  VM_FAULT_WRITE,
} from '../fault/codes.js';
import { handleMmFault } from '../fault/handle.js';
import type { FaultCounts } from '../fault/page-fault.js';
import { followHugetlbPages } from '../hugetlb/follow.js';
import type { Kernel } from '../kernel.js';
import { pteLock } from '../pgtable/lock.js';
import { flushDcachePage } from '../pgtable/mmu-hooks.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import {
  isCowMapping,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_PFNMAP,
  VM_READ,
  VM_RESERVED,
  VM_WRITE,
} from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import { expandStack } from '../vma/stack.js';
import type { Vma } from '../vma/vma.js';
import { FOLL_ANON, FOLL_GET, FOLL_TOUCH, FOLL_WRITE, FOLLOW_BUSY, followPage } from './follow-page.js';
import { gatePage } from './gate.js';

/** What is asked of get_user_pages. */
export interface GupRequest {
  /** The pages will be written. */
  readonly write: boolean;
  /** What the area could be made to allow is enough (a debugger); default false: what it allows now. */
  readonly force?: boolean;
  /** Gets the pages, each with a reference for the caller; absent: only presence is wanted. */
  readonly pages?: number[];
  /** Gets the area of each page. */
  readonly vmas?: Vma[];
}

/**
 * Goes through `count` pages from page `start`.
 * @param task whose min_flt and maj_flt count the faults; null: nobody's.
 * @returns how many pages it got, or -EFAULT or -ENOMEM when not even the first.
 */
export function* getUserPages(
  k: Kernel,
  task: FaultCounts | null,
  mm: Mm,
  start: number,
  count: number,
  request: GupRequest,
): Op<number> {
  let done = 0;
  while (done < count) {
    const vma = yield* findExtendVma(k, mm, start + done);
    if (vma === null) {
      const page = yield* gatePage(k, start + done, request);
      if (page < 0) return done === 0 ? -ERRNO.EFAULT : done;
      done++;
      continue;
    }
    if (!allows(k, vma, request)) return done === 0 ? -ERRNO.EFAULT : done;
    const want = Math.min(count - done, vma.end - (start + done));
    const got =
      (vma.flags & VM_HUGETLB) !== 0
        ? yield* hugePages(k, vma, start + done, want, request)
        : yield* pagesOfArea(k, task, vma, start + done, want, request);
    // Less than wanted is an error in disguise only when nothing came before it.
    if (got < 0) return done === 0 ? got : done;
    done += got;
    if (got < want) return done;
  }
  return done;
}

/** make_pages_present: faults pages [start, end) of one area in. 0, -1 when the walk came short, or a negative errno. */
export function* makePagesPresent(k: Kernel, mm: Mm, start: number, end: number): Op<number> {
  const vma = mm.vmas.find(start);
  if (vma === null || vma.start > start || end > vma.end) return -1;
  const done = yield* getUserPages(k, mm.owner, mm, start, end - start, { write: (vma.flags & VM_WRITE) !== 0 });
  if (done < 0) return done;
  return done === end - start ? 0 : -1;
}

/** find_extend_vma: the area of a page, grown down to it if need be; null when there is none. mmap_sem is held. */
export function* findExtendVma(k: Kernel, mm: Mm, vpn: number): Op<Vma | null> {
  const vma = mm.vmas.find(vpn);
  if (vma === null || vma.start <= vpn) return vma;
  if ((vma.flags & VM_GROWSDOWN) === 0) return null;
  const { start } = vma;
  if (expandStack(k, vma, vpn) < 0) return null;
  if ((vma.flags & VM_LOCKED) !== 0) yield* makePagesPresent(k, mm, vpn, start);
  return vma;
}

/** Whether the area has pages at all, and gives (or with force: could give) the right that is asked for. */
function allows(k: Kernel, vma: Vma, request: GupRequest): boolean {
  if ((vma.flags & (VM_IO | VM_PFNMAP)) !== 0) return false;
  if ((vma.flags & VM_RESERVED) !== 0 && !k.behaviour.gupTakesReserved) return false;
  const asked = request.write ? VM_WRITE | VM_MAYWRITE : VM_READ | VM_MAYREAD;
  const enough = request.force ? asked & (VM_MAYREAD | VM_MAYWRITE) : asked & (VM_READ | VM_WRITE);
  if ((vma.flags & enough) === 0) return false;
  // D8: originally a forced write to a shared area that is not writable puts an anonymous copy into it.
  return !request.write || k.defectsKept || (vma.flags & VM_WRITE) !== 0 || isCowMapping(vma.flags);
}

/** The loop over pages of one area. The area cannot change: mmap_sem is held. */
function* pagesOfArea(
  k: Kernel,
  task: FaultCounts | null,
  vma: Vma,
  first: number,
  count: number,
  request: GupRequest,
): Op<number> {
  const { write, pages, vmas } = request;
  const isPlain = vma.pageSource === null;
  let flags = FOLL_TOUCH;
  if (pages !== undefined) flags |= FOLL_GET;
  if (!write && (vma.flags & VM_LOCKED) === 0 && isPlain) flags |= FOLL_ANON;
  for (let i = 0; i < count; i++) {
    const vpn = first + i;
    // Once a fault has broken copy-on-write, the page will do although a read-only area's entry stays read-only.
    let wanted = write ? flags | FOLL_WRITE : flags;
    if (k.inject.needResched?.('get_user_pages')) yield condResched(k);
    for (;;) {
      const page = followPage(k, vma, vpn, wanted);
      if (page >= 0) {
        if (pages !== undefined) {
          pages.push(page);
          k.pins.add(k, page);
          flushDcachePage(k, page);
        }
        vmas?.push(vma);
        break;
      }
      if (page === FOLLOW_BUSY) {
        yield pteLock(k, vma.mm, k.tables.lookupPage(vma.mm, vpn));
        continue;
      }
      const result = yield* handleMmFault(k, vma, vpn, (wanted & FOLL_WRITE) !== 0);
      if ((result & VM_FAULT_WRITE) !== 0) wanted &= ~FOLL_WRITE;
      const outcome = result & VM_FAULT_MASK;
      if (outcome === VM_FAULT_OOM) return i === 0 ? -ERRNO.ENOMEM : i;
      if (outcome !== VM_FAULT_MINOR && outcome !== VM_FAULT_MAJOR) return i === 0 ? -ERRNO.EFAULT : i;
      countFault(k, task, result);
    }
  }
  return count;
}

function* hugePages(k: Kernel, vma: Vma, first: number, count: number, request: GupRequest): Op<number> {
  const { pages, vmas } = request;
  if (pages === undefined) return yield* followHugetlbPages(k, vma, first, count, null);
  return yield* followHugetlbPages(k, vma, first, count, (page) => {
    pages.push(page);
    k.pins.add(k, page);
    vmas?.push(vma);
  });
}

function countFault(k: Kernel, task: FaultCounts | null, result: number): void {
  const isMajor = (result & VM_FAULT_MASK) === VM_FAULT_MAJOR;
  const at = isMajor ? MAJOR_FAULTS : MINOR_FAULTS;
  k.counters.values[at] = (k.counters.values[at] as number) + 1;
  if (task === null) return;
  if (isMajor) task.majFlt++;
  else task.minFlt++;
  if ((result & VM_FAULT_BITS) !== 0) task.bitFlt++;
}
