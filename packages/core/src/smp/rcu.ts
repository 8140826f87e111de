/**
 * What waits until no CPU can still walk what was unlinked (call_rcu). A grace period ends when every CPU has been where it holds
 * nothing that it found without a lock. Here that is the end of an operation, unless a handler of the machine stopped half-way.
 */
import type { Kernel } from '../kernel.js';

export class Rcu {
  private waiting: (() => void)[] = [];

  /** Whether anything waits. */
  get pending(): boolean {
    return this.waiting.length > 0;
  }

  /** call_rcu. */
  call(callback: () => void): void {
    this.waiting.push(callback);
  }

  /** The end of an operation: what waits is done, in order, if no CPU is in the middle of a handler. */
  quiesce(k: Kernel): void {
    if (k.tables.stopped !== null) return;
    const { waiting } = this;
    this.waiting = [];
    for (const callback of waiting) callback();
  }
}
