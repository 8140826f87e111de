/**
 * Spin locks and the reader-writer semaphore of an mm.
 *
 * Colour rule: a plain function never waits. A generator takes a lock as `if (!lock.tryLock()) yield* lock.wait();`,
 * which costs one call when the lock is free. What is yielded is a Wait: the driver resumes the operation when its
 * `ready` answers true; an operation run alone that would wait for ever is a deadlock and the driver says so.
 */
import { KernelBug } from '../errors.js';
import { type EventRing, LOCK, UNLOCK } from '../events/ring.js';

/** Why an operation stopped at a `yield`. */
export interface Wait {
  /** What it waits for: `'mmap_sem'`, `'page_table_lock'` ... or `'resched'` for a voluntary break. */
  readonly what: string;
  /** Whether it could go on now. */
  ready(): boolean;
}

/** An operation of the simulated kernel that may sleep or be preempted. */
export type Op<T> = Generator<Wait, T, void>;

let lockNumber = 0;

/** A spin lock: held or free; who holds it is the caller's business. */
export class SpinLock implements Wait {
  readonly what: string;
  /** Number of the lock in events, in order of creation. */
  readonly number: number;
  held = false;
  private readonly events: EventRing | undefined;

  constructor(what: string, events?: EventRing) {
    this.what = what;
    this.number = lockNumber++;
    this.events = events;
  }

  tryLock(): boolean {
    if (this.held) return false;
    this.held = true;
    if (this.events?.on) this.events.emit(LOCK, this.number);
    return true;
  }

  /** Waits until the lock is free and takes it. */
  *wait(): Op<void> {
    while (!this.tryLock()) yield this;
  }

  unlock(): void {
    if (!this.held) throw new KernelBug(`${this.what} unlocked while free`);
    this.held = false;
    if (this.events?.on) this.events.emit(UNLOCK, this.number);
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

  constructor(what: string) {
    this.what = what;
  }

  tryRead(): boolean {
    if (this.writer || this.writersWaiting > 0) return false;
    this.readers++;
    return true;
  }

  *waitRead(): Op<void> {
    const wait: Wait = { what: `${this.what} (read)`, ready: () => !this.writer && this.writersWaiting === 0 };
    while (!this.tryRead()) yield wait;
  }

  upRead(): void {
    if (this.readers <= 0) throw new KernelBug(`${this.what}: up_read without readers`);
    this.readers--;
  }

  tryWrite(): boolean {
    if (this.writer || this.readers > 0) return false;
    this.writer = true;
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
  }

  get free(): boolean {
    return this.readers === 0 && !this.writer;
  }
}

/** A voluntary break (cond_resched): always ready. */
export const RESCHED: Wait = { what: 'resched', ready: () => true };
