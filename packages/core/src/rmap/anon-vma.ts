/**
 * anon_vma: the areas that may map an anonymous page, shared by a process and its forks. Guarded by `lock`.
 * Invariants: an area is on its anon_vma's list exactly once; a list that became empty is freed (its handle returned).
 */
import type { EventRing } from '../events/ring.js';
import { SpinLock } from '../smp/lock.js';
import type { Vma } from '../vma/vma.js';

export class AnonVma {
  readonly areas = new Set<Vma>();
  readonly lock: SpinLock;
  /** Odd handle stored in page.mapping of its pages. */
  handle = 0;

  constructor(events: EventRing) {
    this.lock = new SpinLock('anon_vma.lock', events);
  }
}
