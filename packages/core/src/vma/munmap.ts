/** munmap (generic-mm 9.5). */
import { ERRNO } from '../errors.js';
import { CLOSE_VMA } from '../events/kinds.js';
import { lastClose } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { unmapRegion } from '../zap/unmap.js';
import { statAccount } from './accounting.js';
import { VM_LOCKED } from './flags.js';
import type { Mm } from './mm.js';
import { splitVma } from './split.js';
import { noteUnmapped, outOfReach } from './unmapped-area.js';
import type { Vma } from './vma.js';
import { argument, isUnaligned, pageAlign, taskSize, toPages } from './words.js';

/** munmap. 0, or a negative errno. */
export function* sysMunmap(k: Kernel, mm: Mm, addr: bigint, length: bigint): Op<number> {
  const [start, bytes] = [argument(k, addr), argument(k, length)];
  if (k.arch.layout.spec.munmapAsks === true && outOfReach(k, start, bytes)) return -ERRNO.EINVAL;
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const result = yield* munmapBytes(k, mm, start, bytes);
  mm.mmapSem.upWrite();
  return result;
}

/** do_munmap with its checks, for an address and a length in bytes. mmap_sem is held for writing. */
export function* munmapBytes(k: Kernel, mm: Mm, addr: bigint, length: bigint): Op<number> {
  const size = taskSize(k);
  if (isUnaligned(k, addr) || addr > size || length > size - addr) return -ERRNO.EINVAL;
  const pages = toPages(k, pageAlign(k, length));
  if (pages === 0) return -ERRNO.EINVAL;
  return yield* doMunmap(k, mm, toPages(k, addr), pages);
}

/** do_munmap of `pages` pages from page `start`. mmap_sem is held for writing. 0, or -ENOMEM. */
export function* doMunmap(k: Kernel, mm: Mm, start: number, pages: number): Op<number> {
  const end = start + pages;
  const first = mm.vmas.intersecting(start, end);
  if (first === null) return 0;
  if (start > first.start) {
    const error = splitVma(k, first, start, false);
    if (error < 0) return error;
  }
  const last = mm.vmas.find(end);
  if (last !== null && last.start < end) {
    const error = splitVma(k, last, end, true);
    if (error < 0) return error;
  }
  const prev = mm.vmas.before(start);
  const areas: Vma[] = [];
  let next = mm.vmas.find(start);
  while (next !== null && next.start < end) {
    const vma = next;
    next = vma.next;
    mm.vmas.remove(vma);
    areas.push(vma);
  }
  noteUnmapped(k, mm, prev === null ? null : prev.end, next === null ? null : next.start);
  yield* unmapRegion(k, mm, areas, prev, next, start, end);
  yield* forget(k, mm, areas);
  return 0;
}

/** remove_vma_list: the counters and the files of areas that are gone. */
function* forget(k: Kernel, mm: Mm, areas: readonly Vma[]): Op<void> {
  mm.updateHiwaterVm();
  for (const vma of areas) {
    mm.totalVm -= vma.pages;
    if ((vma.flags & VM_LOCKED) !== 0) mm.lockedVm -= vma.pages;
    statAccount(mm, vma.flags, vma.file, -vma.pages);
    if (k.events.on) k.events.emit(CLOSE_VMA, mm.id, vma.start);
    vma.ops?.close?.(vma);
    if (vma.file !== null && --vma.file.refs === 0) yield* lastClose(vma.file);
  }
}
