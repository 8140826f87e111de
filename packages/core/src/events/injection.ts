/**
 * What a test may inject: answers to the questions the kernel asks of chance (does somebody want to run, does this
 * allocation fail), and places where an operation stops so that others run in between. All off by default, one
 * comparison with null each; nothing here runs per access or per page of a bulk operation.
 */
import type { Kernel } from '../kernel.js';
import type { Op, SpinLock } from '../smp/lock.js';

/** Who asks need_resched. */
export type PollPoint =
  | 'copy_pte_range'
  | 'unmap_vmas'
  | 'unmap_mapping_range'
  | 'msync'
  | 'get_user_pages'
  | 'truncate_inode_pages'
  | 'shmem_truncate_range';

/**
 * Where an operation can be stopped: after the unlocked look at an entry that decides what a fault does; after a frame
 * or a table was allocated, before the lock is taken under which it is installed; in a hole punch between the unmapping
 * and the removal from the page cache.
 */
export type PausePoint =
  | 'after pte read'
  | 'before pte lock'
  | 'before table link'
  | 'before page lock'
  | 'before cache removal';

/** The injected answers of one kernel. */
export class Injection {
  /** need_resched, by who asks; null: never. */
  needResched: ((where: PollPoint) => boolean) | null = null;
  /** need_lockbreak; null: whether somebody waits for the lock, in a preemptible kernel. */
  needLockbreak: ((lock: SpinLock) => boolean) | null = null;
  /** Whether to stop at a point: the operation yields a Wait named `pause: <point>`, which is always ready. */
  pause: ((point: PausePoint) => boolean) | null = null;
  /** Called between the halves of a wide entry, stored or read without a lock; `at` is the entry's word index. */
  tear: ((at: number) => void) | null = null;
  /** Whether this call of the page allocator fails. */
  failPage: ((order: number) => boolean) | null = null;
  /** Whether copying from the user address of a page fails (cow_user_page of a raw frame). */
  failUserCopy: ((vpn: number) => boolean) | null = null;

  /** Back to chance as it is. */
  clear(): void {
    this.needResched = null;
    this.needLockbreak = null;
    this.pause = null;
    this.tear = null;
    this.failPage = null;
    this.failUserCopy = null;
  }
}

/** An answer that is yes at the n-th question only (1 is the next). */
export function onCall(n: number): () => boolean {
  let left = n;
  return () => --left === 0;
}

/** An answer that is yes at every n-th question. */
export function everyCall(n: number): () => boolean {
  let asked = 0;
  return () => ++asked % n === 0;
}

/**
 * Stops here if the injection says so, for other CPUs to get on; tables that are mapped stay so. Callers test
 * `k.inject.pause !== null` first.
 */
export function* pauseAt(k: Kernel, point: PausePoint): Op<void> {
  if (!k.inject.pause?.(point)) return;
  const parked = k.pteMaps === null ? null : k.pteMaps.park();
  yield { what: `pause: ${point}`, ready: () => true };
  if (parked !== null) k.pteMaps?.unpark(parked);
}

/** What other CPUs do between the halves of the entry at word `at`. Callers test `k.inject.tear !== null` first. */
export function tearAt(k: Kernel, at: number): void {
  const parked = k.pteMaps === null ? null : k.pteMaps.park();
  k.inject.tear?.(at);
  if (parked !== null) k.pteMaps?.unpark(parked);
}

/** need_lockbreak: whether the holder of a lock should let it go for a moment. */
export function needLockbreak(k: Kernel, lock: SpinLock): boolean {
  return k.inject.needLockbreak !== null ? k.inject.needLockbreak(lock) : k.preempt && lock.waiters > 0;
}
