/**
 * vm_normal_page (generic-mm 5.1): the one place that decides whether a present entry has a page, that is a descriptor
 * in the mem_map whose counts concern us. Entries that have none are *raw*: frame numbers that a driver put there.
 */
import { BAD_PTES } from '../events/counters.js';
import { BAD_PTE } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { isCowMapping, VM_PFNMAP } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';

/**
 * The page of the present entry (hi, lo) for page number `vpn` of `vma`, or -1 for a raw one.
 *
 * In a VM_PFNMAP area an entry is raw when it holds the frame that remap_pfn_range put at this place, which vm_pgoff
 * tells; where nothing is ever copied on write every entry is raw. What else has a frame number that is no memory is a
 * broken entry: it is reported and treated as raw.
 */
export function vmNormalPage(k: Kernel, vma: Vma, vpn: number, hi: number, lo: number): number {
  const pfn = k.arch.pteFormat.frame(hi, lo);
  if ((vma.flags & VM_PFNMAP) !== 0 && isRaw(k, vma, vpn, pfn)) return -1;
  const page = k.memory.pfnToPage(pfn);
  if (page < 0) printBadPte(k, vma, vpn);
  return page;
}

/** Whether frame `pfn` at page `vpn` of a VM_PFNMAP area was put there raw. */
export function isRaw(k: Kernel, vma: Vma, vpn: number, pfn: number): boolean {
  return pfn === vma.indexOf(vpn) || (!isCowMapping(vma.flags) && k.behaviour.sharedRawIsFree);
}

/** print_bad_pte: reports an entry that should not be where it is. The caller goes on. */
export function printBadPte(k: Kernel, vma: Vma, vpn: number): void {
  k.counters.values[BAD_PTES] = (k.counters.values[BAD_PTES] as number) + 1;
  if (k.events.on) k.events.emit(BAD_PTE, vma.mm.id, vpn, vma.flags);
}
