/** make_pages_present (generic-mm 8.3): faults a range in on the process's behalf (mlock, MAP_LOCKED, stack growth). */

import { ERRNO } from '../errors.js';
import { MAJOR_FAULTS, MINOR_FAULTS } from '../events/counters.js';
import { followHugetlbPages } from '../hugetlb/follow.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { VM_HUGETLB, VM_IO, VM_LOCKED, VM_PFNMAP, VM_READ, VM_WRITE } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import { VM_FAULT_MAJOR, VM_FAULT_MASK, VM_FAULT_MINOR, VM_FAULT_OOM } from './codes.js';
import { handleMmFault } from './handle.js';

/**
 * Makes pages [start, end) of one area resident; mmap_sem is held.
 * @returns 0 when all are, -1 when the walk came short, or a negative errno.
 */
export function* makePagesPresent(k: Kernel, mm: Mm, start: number, end: number): Op<number> {
  const vma = mm.vmas.find(start);
  if (vma === null || vma.start > start || end > vma.end) return -1;
  const write = (vma.flags & VM_WRITE) !== 0;
  if ((vma.flags & (VM_IO | VM_PFNMAP)) !== 0) return -ERRNO.EFAULT;
  if (!write && (vma.flags & VM_READ) === 0) return -ERRNO.EFAULT;
  if ((vma.flags & VM_HUGETLB) !== 0) {
    const done = yield* followHugetlbPages(k, vma, start, end - start, null);
    return done < 0 ? done : done === end - start ? 0 : -1;
  }
  for (let vpn = start; vpn < end; vpn++) {
    if (satisfies(k, mm, vpn, write)) continue;
    // A read of untouched anonymous memory needs no entry (FOLL_ANON), unless the area is locked.
    if (!write && vma.file === null && (vma.flags & VM_LOCKED) === 0) continue;
    const result = yield* handleMmFault(k, vma, vpn, write);
    const outcome = result & VM_FAULT_MASK;
    if (outcome === VM_FAULT_OOM) return vpn === start ? -ERRNO.ENOMEM : -1;
    if (outcome !== VM_FAULT_MINOR && outcome !== VM_FAULT_MAJOR) return vpn === start ? -ERRNO.EFAULT : -1;
    countFault(k, mm, outcome === VM_FAULT_MAJOR);
  }
  return 0;
}

/** follow_page finds the page: present, and writable when it must be. */
function satisfies(k: Kernel, mm: Mm, vpn: number, write: boolean): boolean {
  const at = k.tables.lookupPage(mm, vpn);
  if (at === 0) return false;
  const f = k.arch.pteFormat;
  const lo = k.memory.words[at + k.tables.loAt] as number;
  const hi = k.tables.pteWords === 2 ? (k.memory.words[at + k.tables.hiAt] as number) : 0;
  return f.isPresent(hi, lo) && (!write || f.write.allows(hi, lo));
}

function countFault(k: Kernel, mm: Mm, major: boolean): void {
  const at = major ? MAJOR_FAULTS : MINOR_FAULTS;
  k.counters.values[at] = (k.counters.values[at] as number) + 1;
  if (mm.owner === null) return;
  if (major) mm.owner.majFlt++;
  else mm.owner.minFlt++;
}
