/**
 * anon_vma: the areas that may map an anonymous page, shared by a process and its forks (generic-mm 11.1). The list is
 * guarded by `lock`; vma.anonVma is assigned under page_table_lock.
 * Invariants: an area is on its anon_vma's list exactly once; a list that became empty is freed (its handle returned).
 */
import { ERRNO } from '../errors.js';
import { UNLINK_ANON } from '../events/kinds.js';
import type { EventRing } from '../events/ring.js';
import type { Kernel } from '../kernel.js';
import { type Op, SpinLock } from '../smp/lock.js';
import { VM_RIGHTS, VM_SPECIAL } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';

/** One anon_vma: the list of its areas. */
export class AnonVma {
  readonly areas: Set<Vma> = new Set();
  readonly lock: SpinLock;
  /** Odd handle stored in page.mapping of its pages. */
  handle = 0;

  constructor(events: EventRing) {
    this.lock = new SpinLock('anon_vma.lock', events);
  }
}

/** anon_vma_prepare: gives an area an anon_vma, a neighbour's where they could merge. 0 or -ENOMEM. */
export function* anonVmaPrepare(k: Kernel, vma: Vma): Op<number> {
  if (vma.anonVma !== null) return 0;
  const anon = findMergeableAnonVma(vma) ?? new AnonVma(k.events);
  if (!anon.lock.tryLock()) yield* anon.lock.wait();
  const ptl = vma.mm.pageTableLock;
  if (!ptl.tryLock()) yield* ptl.wait();
  if (vma.anonVma === null) {
    if (anon.handle === 0) k.mappings.addAnon(anon);
    vma.anonVma = anon;
    anon.areas.add(vma);
  }
  ptl.unlock();
  anon.lock.unlock();
  return vma.anonVma === null ? -ERRNO.ENOMEM : 0;
}

/** anon_vma_link: puts an area that carries an anon_vma (split, fork, move) on its list. */
export function linkAnonVma(_k: Kernel, vma: Vma): void {
  vma.anonVma?.areas.add(vma);
}

/** anon_vma_unlink: takes an area off; the last one frees the anon_vma. The area keeps its pointer. */
export function unlinkAnonVma(k: Kernel, vma: Vma): void {
  const anon = vma.anonVma;
  if (anon === null) return;
  anon.areas.delete(vma);
  if (k.events.on) k.events.emit(UNLINK_ANON, vma.mm.id, vma.start);
  if (anon.areas.size === 0 && anon.handle !== 0) {
    k.mappings.remove(anon.handle);
    anon.handle = 0;
  }
}

/** find_mergeable_anon_vma: the next neighbour's, else the previous one's, when only the rights keep them apart. */
export function findMergeableAnonVma(vma: Vma): AnonVma | null {
  const { next, prev } = vma;
  if (next?.anonVma && next.start === vma.end && alikeButRights(vma, next) && next.pgoff === vma.pgoff + vma.pages) {
    return next.anonVma;
  }
  if (prev?.anonVma && prev.end === vma.start && alikeButRights(vma, prev) && prev.pgoff + prev.pages === vma.pgoff) {
    return prev.anonVma;
  }
  return null;
}

function alikeButRights(a: Vma, b: Vma): boolean {
  return (a.flags & VM_SPECIAL) === 0 && ((a.flags ^ b.flags) & ~VM_RIGHTS) === 0 && a.file === b.file;
}
