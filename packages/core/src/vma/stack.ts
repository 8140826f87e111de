/**
 * Growth of stack-like areas (generic-mm 9.11), and the areas a process starts with. Growth runs under mmap_sem for
 * reading; being plain, it is serialised by itself.
 */
import { ERRNO } from '../errors.js';
import type { MappedFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { AnonVma, findMergeableAnonVma } from '../rmap/anon-vma.js';
import { chargeMemory, exceedsMemlock, limitPages, mayExpandVm, statAccount } from './accounting.js';
import { VM_ACCOUNT, VM_GROWSDOWN, VM_GROWSUP, VM_LOCKED } from './flags.js';
import { createVma, linkVma } from './link.js';
import type { Mm } from './mm.js';
import { holeEndAt, isForHugePages } from './unmapped-area.js';
import { fitsRegion } from './unmapped-region.js';
import type { Vma } from './vma.js';

/** expand_stack: makes a VM_GROWSDOWN area begin at page `vpn`, below it. 0, or -ENOMEM. */
export function expandStack(k: Kernel, vma: Vma, vpn: number): number {
  prepareAnonVma(k, vma);
  if (vpn >= vma.start) return 0;
  const growth = vma.start - vpn;
  if (!isMappable(k, vma.mm, vpn, growth)) return -ERRNO.ENOMEM;
  const error = accountGrowth(k, vma, vma.end - vpn, growth);
  if (error < 0) return error;
  regrow(vma, vpn, vma.end, vma.pgoff - growth);
  return 0;
}

/** expand_upwards: makes a VM_GROWSUP area end at page `end`, above it (register stacks). 0, or -ENOMEM. */
export function expandUpwards(k: Kernel, vma: Vma, end: number): number {
  if ((vma.flags & VM_GROWSUP) === 0) return -ERRNO.EFAULT;
  prepareAnonVma(k, vma);
  if (end <= vma.end) return 0;
  const growth = end - vma.end;
  if (!isMappable(k, vma.mm, vma.end, growth)) return -ERRNO.ENOMEM;
  const error = accountGrowth(k, vma, end - vma.start, growth);
  if (error < 0) return error;
  regrow(vma, vma.start, end, vma.pgoff);
  return 0;
}

/**
 * Gives an area that grew its bounds. Of a file it is listed by its file pages, anew. (The kernel leaves it where it was, and
 * reverse-map walks miss what grew.) A file page below 0 is one that no file has.
 */
function regrow(vma: Vma, start: number, end: number, pgoff: number): void {
  const linear = vma.file?.inode.mapping.linear;
  const listed = linear?.has(vma) === true;
  if (listed) linear?.delete(vma);
  vma.start = start;
  vma.end = end;
  vma.pgoff = pgoff;
  if (listed) linear?.add(vma);
  vma.mm.vmas.dropCache();
}

/** The first stack of a process: `pages` pages below page `top`. 0, or -ENOMEM. */
export function insertStack(k: Kernel, mm: Mm, top: number, pages: number): number {
  const flags = k.arch.dataFlags | VM_GROWSDOWN | VM_ACCOUNT | mm.defFlags;
  return insertArea(k, mm, top - pages, pages, flags, null, 0);
}

/**
 * insert_vm_struct: puts a ready-made area into an mm (exec's stack and data). An anonymous area is numbered by its own
 * pages; a file area takes a reference.
 * @returns 0, or -ENOMEM when something is there or the charge is refused.
 */
export function insertArea(
  k: Kernel,
  mm: Mm,
  start: number,
  pages: number,
  flags: number,
  file: MappedFile | null,
  pgoff: number,
): number {
  if (mm.vmas.intersecting(start, start + pages) !== null) return -ERRNO.ENOMEM;
  if ((flags & VM_ACCOUNT) !== 0 && chargeMemory(k, mm, pages) < 0) return -ERRNO.ENOMEM;
  if (file !== null) file.refs++;
  linkVma(k, createVma(k, mm, start, start + pages, flags, file === null ? start : pgoff, file));
  mm.totalVm += pages;
  if ((flags & VM_LOCKED) !== 0) mm.lockedVm += pages;
  statAccount(mm, flags, file, pages);
  return 0;
}

/** Whether the machine can map [start, start + pages): an area may not grow into an address hole or another region. */
function isMappable(k: Kernel, mm: Mm, start: number, pages: number): boolean {
  if (holeEndAt(k.arch.layout, start, pages) >= 0 || !fitsRegion(k, start, pages)) return false;
  return !isForHugePages(k, mm, start, pages);
}

/** acct_stack_growth: `growth` pages more, `size` in all. */
function accountGrowth(k: Kernel, vma: Vma, size: number, growth: number): number {
  const { mm } = vma;
  const locked = (vma.flags & VM_LOCKED) !== 0;
  if (!mayExpandVm(k, mm, growth)) return -ERRNO.ENOMEM;
  if (size > limitPages(k, mm.rlimits.stack)) return -ERRNO.ENOMEM;
  if (locked && exceedsMemlock(k, mm, mm.lockedVm + growth)) return -ERRNO.ENOMEM;
  // D10: originally areas without VM_ACCOUNT are charged too, and nobody gives it back.
  const accounted = (vma.flags & VM_ACCOUNT) !== 0;
  if ((accounted || k.defectsKept) && chargeMemory(k, mm, growth) < 0) return -ERRNO.ENOMEM;
  if (!accounted && k.defectsKept) k.commitDrift += growth;
  mm.totalVm += growth;
  if (locked) mm.lockedVm += growth;
  statAccount(mm, vma.flags, vma.file, growth);
  return 0;
}

/** anon_vma_prepare in one step. Nobody else can be between two steps of taking up the same anon_vma. */
function prepareAnonVma(k: Kernel, vma: Vma): void {
  if (vma.anonVma !== null) return;
  const anon = findMergeableAnonVma(vma) ?? new AnonVma(k.events);
  if (anon.handle === 0) k.mappings.addAnon(anon);
  vma.anonVma = anon;
  anon.areas.add(vma);
}
