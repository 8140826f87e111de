/**
 * remap_file_pages (generic-mm 9.14): the pages of a shared mapping in another order than the file's. An area that was
 * ever rearranged is VM_NONLINEAR: where its pages come from, only its entries know.
 */
import { ERRNO } from '../errors.js';
import type { MappedFile, PopulatedInode } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { VM_NONLINEAR, VM_SHARED } from './flags.js';
import type { Mm } from './mm.js';
import { MAP_NONBLOCK } from './mmap-bits.js';
import type { Vma } from './vma.js';
import { argument, toPages, word } from './words.js';

/**
 * remap_file_pages.
 * @param start address and @param size length in bytes; both are rounded down to whole pages.
 * @param prot has to be 0: rights cannot be changed here.
 * @param pgoff first file page that shall be there.
 * @param flags MAP_NONBLOCK, or nothing; other bits are ignored.
 * @returns 0, or a negative errno.
 */
export function* sysRemapFilePages(
  k: Kernel,
  mm: Mm,
  start: bigint,
  size: bigint,
  prot: number,
  pgoff: bigint,
  flags: number,
): Op<number> {
  if (prot !== 0) return -ERRNO.EINVAL;
  const inPage = BigInt(k.memory.pageSize - 1);
  const from = argument(k, start) & ~inPage;
  const bytes = argument(k, size) & ~inPage;
  if (word(k, from + bytes) <= from) return -ERRNO.EINVAL;
  const offset = argument(k, pgoff);
  const pages = toPages(k, bytes);
  const { fileMaxBits } = k.arch.pteFormat;
  if (fileMaxBits < k.arch.wordBits && word(k, offset + BigInt(pages)) >> BigInt(fileMaxBits) !== 0n)
    return -ERRNO.EINVAL;
  // The end that has to lie in the area is the one before rounding, up to its page.
  const end = toPages(k, word(k, argument(k, start) + argument(k, size)) + inPage);
  return yield* remapRange(mm, toPages(k, from), pages, end, Number(offset), (flags & MAP_NONBLOCK) !== 0);
}

/**
 * The part under mmap_sem, which is taken for reading, or for writing where the area has to become nonlinear.
 * MAP_POPULATE comes in here. 0, or a negative errno.
 */
export function* remapRange(
  mm: Mm,
  start: number,
  pages: number,
  end: number,
  pgoff: number,
  nonblock: boolean,
): Op<number> {
  if (!mm.mmapSem.tryRead()) yield* mm.mmapSem.waitRead();
  let vma = populatableArea(mm, start, end);
  const bends = vma !== null && needsBend(vma, start, pgoff);
  if (bends) {
    mm.mmapSem.upRead();
    if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
    vma = populatableArea(mm, start, end);
    if (vma !== null && needsBend(vma, start, pgoff)) yield* makeNonlinear(vma);
  }
  let result = -ERRNO.EINVAL;
  if (vma !== null) {
    const inode = (vma.file as MappedFile).inode as PopulatedInode;
    result = yield* inode.populate(vma, start, pages, pgoff, nonblock);
  }
  if (bends) mm.mmapSem.upWrite();
  else mm.mmapSem.upRead();
  return result;
}

/** The area, if all of [start, end) lies in it, it is shared and its file can populate it. */
function populatableArea(mm: Mm, start: number, end: number): Vma | null {
  const vma = mm.vmas.containing(start);
  if (vma === null || (vma.flags & VM_SHARED) === 0 || vma.ops !== null || vma.file === null) return null;
  return vma.file.inode.populate !== undefined && end > start && end <= vma.end ? vma : null;
}

function needsBend(vma: Vma, start: number, pgoff: number): boolean {
  return pgoff !== vma.indexOf(start) && (vma.flags & VM_NONLINEAR) === 0;
}

/** Moves an area to the other list of its file, before any of its pages is out of place. It never comes back. */
function* makeNonlinear(vma: Vma): Op<void> {
  const { mapping } = (vma.file as MappedFile).inode;
  if (!mapping.lock.tryLock()) yield* mapping.lock.wait();
  mapping.linear.delete(vma);
  vma.flags |= VM_NONLINEAR;
  mapping.nonlinear.add(vma);
  mapping.lock.unlock();
}
