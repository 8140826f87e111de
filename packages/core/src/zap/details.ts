/** zap_details (generic-mm 1.5): what a truncation spares, and how it lets others get at the file's lists meanwhile. */
import { needLockbreak, type PollPoint } from '../events/injection.js';
import type { Kernel } from '../kernel.js';
import type { SpinLock } from '../smp/lock.js';
import type { Vma } from '../vma/vma.js';

export interface ZapDetails {
  /** Only pages with this page.mapping handle; 0 for any, private copies included. */
  readonly checkMapping: number;
  /** File pages to take from a nonlinear area, the last one included. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** The nonlinear area that is being zapped, or null: entries are where they belong. */
  nonlinear: Vma | null;
  /** i_mmap_lock, held: the zap breaks off for whoever waits for it. Null: nobody does. */
  readonly lock: SpinLock | null;
  /** The pte lock for which the zap broke off, since it may not wait with i_mmap_lock held; null for another reason. */
  busy: SpinLock | null;
}

/** Details of a zap that keeps the offsets of a nonlinear area's pages and holds no lock of the file. */
export function nonlinearDetails(vma: Vma): ZapDetails {
  return { checkMapping: 0, firstIndex: 0, lastIndex: Infinity, nonlinear: vma, lock: null, busy: null };
}

/** Whether a long operation should let others run, or let them have `lock`, which it holds. */
export function needsBreak(k: Kernel, where: PollPoint, lock: SpinLock | null): boolean {
  return k.inject.needResched?.(where) === true || (lock !== null && needLockbreak(k, lock));
}
