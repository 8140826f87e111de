/** mincore (generic-mm 9.13): asks the page cache, never the page tables. */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from './mm.js';
import type { Vma } from './vma.js';
import { argument, isUnaligned, pageAlign, taskSize, toPages } from './words.js';

/**
 * mincore. Appends 1 or 0 a page to `out`, packed: a hole takes no place.
 * @returns 0, or a negative errno; what was appended before it stays. Anonymous memory is -ENOMEM in this version.
 */
export function* sysMincore(k: Kernel, mm: Mm, addr: bigint, length: bigint, out: number[]): Op<number> {
  const start = argument(k, addr);
  const bytes = argument(k, length);
  if (isUnaligned(k, start)) return -ERRNO.EINVAL;
  const size = taskSize(k);
  if (start >= size) return -ERRNO.ENOMEM;
  const aligned = pageAlign(k, bytes);
  if (aligned > size - start || (bytes !== 0n && aligned === 0n)) return -ERRNO.ENOMEM;
  if (aligned === 0n) return 0;
  if (!mm.mmapSem.tryRead()) yield* mm.mmapSem.waitRead();
  const result = scan(mm, toPages(k, start), toPages(k, start + aligned), out);
  mm.mmapSem.upRead();
  return result;
}

function scan(mm: Mm, first: number, end: number, out: number[]): number {
  let unmapped = 0;
  let start = first;
  for (let vma = mm.vmas.find(start); vma !== null; vma = vma.next) {
    if (start < vma.start) {
      unmapped = -ERRNO.ENOMEM;
      start = vma.start;
      if (start >= end) return unmapped;
    }
    const stop = Math.min(vma.end, end);
    if (vma.file === null) return -ERRNO.ENOMEM;
    appendCached(vma, start, stop, out);
    if (stop === end) return unmapped;
    start = stop;
  }
  return -ERRNO.ENOMEM;
}

/** A cached page is always up to date here. */
function appendCached(vma: Vma, start: number, end: number, out: number[]): void {
  const { pages } = (vma.file as NonNullable<Vma['file']>).inode.mapping;
  for (let vpn = start; vpn < end; vpn++) out.push(pages.has(vma.indexOf(vpn)) ? 1 : 0);
}
