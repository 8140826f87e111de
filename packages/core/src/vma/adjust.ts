/**
 * vma_adjust: moving the bounds of an area, taking over or shrinking the area behind it, or making room for a new piece
 * of it (generic-mm 9.3). Under mmap_sem for writing; in the kernel also i_mmap_lock and anon_vma.lock.
 *
 * Invariants: no page changes the file offset or anonymous index it stands for; an area that grows over pages of
 * another has an anon_vma if the other had one; an area that grows is looked at again by a truncation under way.
 */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { linkAnonVma, unlinkAnonVma } from '../rmap/anon-vma.js';
import { insertVma, unlinkFileVma } from './link.js';
import type { Vma } from './vma.js';

/**
 * Gives `vma` the bounds [start, end) and the offset `pgoff`.
 * @param insert a piece cut out of `vma` that takes the rest of its old range, or null: then the area behind gives way
 *   (it is swallowed, or loses its head) or, when `vma` gets shorter, takes the rest.
 */
export function adjustVma(k: Kernel, vma: Vma, start: number, end: number, pgoff: number, insert: Vma | null): void {
  const { vmas } = vma.mm;
  vmas.dropCache();
  if (insert !== null) {
    insert.truncateCount = vma.truncateCount;
    setBounds(vma, start, end, pgoff);
    insertVma(k, insert);
    return;
  }
  let next = vma.next;
  while (next !== null && end >= next.end) {
    importFrom(k, vma, next);
    swallow(k, next);
    next = vma.next;
  }
  if (next !== null && end > next.start) {
    importFrom(k, vma, next);
    setBounds(next, end, next.end, next.pgoff + (end - next.start));
  } else if (end < vma.end) {
    if (next === null || next.start !== vma.end)
      throw new KernelBug('an area gets shorter with no one to take the rest');
    importFrom(k, next, vma);
    setBounds(next, end, next.end, next.pgoff - (vma.end - end));
  }
  setBounds(vma, start, end, pgoff);
}

/** The file's tree of areas is ordered by what changes here. */
function setBounds(vma: Vma, start: number, end: number, pgoff: number): void {
  const tree = vma.file?.inode.mapping.linear;
  const listed = tree?.delete(vma) === true;
  vma.start = start;
  vma.end = end;
  vma.pgoff = pgoff;
  if (listed) tree?.add(vma);
}

/** The growing area inherits what the pages it gets need: their anon_vma, and truncation's attention. */
function importFrom(k: Kernel, growing: Vma, shrinking: Vma): void {
  if (growing.truncateCount !== shrinking.truncateCount) growing.truncateCount = 0;
  if (growing.anonVma !== null || shrinking.anonVma === null) return;
  growing.anonVma = shrinking.anonVma;
  linkAnonVma(k, growing);
}

function swallow(k: Kernel, vma: Vma): void {
  vma.mm.vmas.remove(vma);
  unlinkFileVma(k, vma);
  unlinkAnonVma(k, vma);
  // Never the last one: the area that grows holds the file too.
  if (vma.file !== null) vma.file.refs--;
}
