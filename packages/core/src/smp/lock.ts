/**
 * Spin locks and the reader-writer semaphore of an mm.
 *
 * Colour rule: a plain function never waits. A generator takes a lock as `if (!lock.tryLock()) yield* lock.wait();`,
 * which costs one call when the lock is free. What is yielded is a Wait: the driver resumes the operation when its
 * `ready` answers true; an operation run alone that would wait for ever is a deadlock and the driver says so.
 */
import { KernelBug } from '../errors.js';
import { CONTEND, LOCK, READ, SPIN, UNLOCK, WRITE } from '../events/kinds.js';
import type { EventRing } from '../events/ring.js';

/** Why an operation stopped at a `yield`. */
export interface Wait {
  /** What it waits for: `'mmap_sem'`, `'page_table_lock'` ... or `'resched'` for a voluntary break. */
  readonly what: string;
  /** Whether it could go on now. */
  ready(): boolean;
}

/** An operation of the simulated kernel that may sleep or be preempted. */
export type Op<T> = Generator<Wait, T, void>;

const lockKinds: string[] = [];

/** Number of a kind of lock, by its name: what events carry. */
function kindOf(what: string): number {
  const index = lockKinds.indexOf(what);
  return index >= 0 ? index : lockKinds.push(what) - 1;
}

/** The name of a kind of lock. */
export function lockKindName(kind: number): string {
  return lockKinds[kind] ?? `lock kind ${kind}`;
}

/** A spin lock: held or free; who holds it is the caller's business. */
export class SpinLock implements Wait {
  readonly what: string;
  /** Number of the lock in events, in order of creation. */
  readonly number: number;
  held = false;
  /** Operations that spin for it now (break_lock). */
  waiters = 0;
  private readonly kind: number;
  private readonly events: EventRing | undefined;

  constructor(what: string, events?: EventRing) {
    this.what = what;
    this.kind = kindOf(what);
    this.number = events === undefined ? -1 : events.nextLock++;
    this.events = events;
  }

  tryLock(): boolean {
    if (this.held) return false;
    this.held = true;
    if (this.events?.on) this.events.emit(LOCK, this.number, this.kind, SPIN);
    return true;
  }

  /** Waits until the lock is free and takes it. */
  *wait(): Op<void> {
    if (this.tryLock()) return;
    if (this.events?.on) this.events.emit(CONTEND, this.number, this.kind, SPIN);
    this.waiters++;
    try {
      while (!this.tryLock()) yield this;
    } finally {
      this.waiters--;
    }
  }

  unlock(): void {
    if (!this.held) throw new KernelBug(`${this.what} unlocked while free`);
    this.held = false;
    if (this.events?.on) this.events.emit(UNLOCK, this.number, this.kind, SPIN);
  }

  ready(): boolean {
    return !this.held;
  }
}

/** mmap_sem: many readers or one writer; a waiting writer holds off new readers. */
export class RwSemaphore {
  readonly what: string;
  readers = 0;
  writer = false;
  private writersWaiting = 0;
  private readonly kind: number;
  private readonly number: number;
  private readonly events: EventRing | undefined;

  constructor(what: string, events?: EventRing) {
    this.what = what;
    this.kind = kindOf(what);
    this.number = events === undefined ? -1 : events.nextLock++;
    this.events = events;
  }

  tryRead(): boolean {
    if (this.writer || this.writersWaiting > 0) return false;
    this.readers++;
    if (this.events?.on) this.events.emit(LOCK, this.number, this.kind, READ);
    return true;
  }

  *waitRead(): Op<void> {
    const wait: Wait = { what: `${this.what} (read)`, ready: () => !this.writer && this.writersWaiting === 0 };
    while (!this.tryRead()) yield wait;
  }

  upRead(): void {
    if (this.readers <= 0) throw new KernelBug(`${this.what}: up_read without readers`);
    this.readers--;
    if (this.events?.on) this.events.emit(UNLOCK, this.number, this.kind, READ);
  }

  tryWrite(): boolean {
    if (this.writer || this.readers > 0) return false;
    this.writer = true;
    if (this.events?.on) this.events.emit(LOCK, this.number, this.kind, WRITE);
    return true;
  }

  *waitWrite(): Op<void> {
    const wait: Wait = { what: `${this.what} (write)`, ready: () => !this.writer && this.readers === 0 };
    this.writersWaiting++;
    try {
      while (!this.tryWrite()) yield wait;
    } finally {
      this.writersWaiting--;
    }
  }

  upWrite(): void {
    if (!this.writer) throw new KernelBug(`${this.what}: up_write without a writer`);
    this.writer = false;
    if (this.events?.on) this.events.emit(UNLOCK, this.number, this.kind, WRITE);
  }

  get free(): boolean {
    return this.readers === 0 && !this.writer;
  }
}

/** A voluntary break (cond_resched): always ready. */
export const RESCHED: Wait = { what: 'resched', ready: () => true };
