/**
 * Drivers of operations: one run to its end, or several stepped against each other.
 */
import { MmError } from '../errors.js';
import type { Op, Wait } from './lock.js';

/** An operation that has already ended: what a plain function returns in the place of a generator that need not run. */
class FinishedOp implements Op<number> {
  readonly end: IteratorReturnResult<number>;

  constructor(value: number) {
    this.end = { done: true, value };
  }

  next(): IteratorReturnResult<number> {
    return this.end;
  }

  return(): IteratorReturnResult<number> {
    return this.end;
  }

  throw(error: unknown): never {
    throw error;
  }

  [Symbol.iterator](): this {
    return this;
  }

  readonly [Symbol.toStringTag] = 'FinishedOp';
}

/**
 * Runs an operation to its end on its own.
 * @throws MmError MM_DEADLOCK when it waits for something that nobody else can give.
 */
export function runToEnd<T>(op: Op<T>): T {
  // Every generator function has a shape of its own: asking this one for `next` too would be a search.
  if (op instanceof FinishedOp) return op.end.value as T;
  for (;;) {
    const step = op.next();
    if (step.done) return step.value;
    if (!step.value.ready()) {
      op.return(undefined as T);
      throw new MmError(
        'MM_DEADLOCK',
        `the operation waits for ${step.value.what}, which nothing under way will release`,
      );
    }
  }
}

const finishedOps: FinishedOp[] = [];

/** The operation that has ended with a small non-negative number, such as a VM_FAULT code. */
export function finished(value: number): Op<number> {
  let op = finishedOps[value];
  if (op === undefined) {
    op = new FinishedOp(value);
    finishedOps[value] = op;
  }
  return op;
}

/** The operation that has ended, for one that answers nothing. */
export function ended(): Op<void> {
  return finished(0) as unknown as Op<void>;
}

/** One operation that is driven step by step. */
export class SteppedOp<T> {
  readonly name: string;
  private readonly op: Op<T>;
  /** What it waits for now; undefined before the first step and after the end. */
  waiting: Wait | undefined;
  done = false;
  result: T | undefined;

  constructor(name: string, op: Op<T>) {
    this.name = name;
    this.op = op;
  }

  /** Whether a step would get further. */
  get runnable(): boolean {
    return !this.done && (this.waiting === undefined || this.waiting.ready());
  }

  /** Steps until it waits for `what` (a lock, `'pause: before pte lock'`) or ends; whether it got there. */
  stepTo(what: string): boolean {
    do this.step();
    while (!this.done && this.waiting?.what !== what);
    return !this.done;
  }

  /** Steps to the end and answers the result. @throws MmError MM_DEADLOCK when it waits for what nobody will give */
  finish(): T {
    while (!this.done) {
      if (!this.runnable) throw new MmError('MM_DEADLOCK', `${this.name} waits for ${this.waiting?.what}`);
      this.step();
    }
    return this.result as T;
  }

  /** Runs to the next yield point or the end. */
  step(): void {
    const step = this.op.next();
    if (step.done) {
      this.done = true;
      this.waiting = undefined;
      this.result = step.value;
    } else {
      this.waiting = step.value;
    }
  }
}

/**
 * Steps operations against each other until all have ended.
 * @param choose picks the index of the operation to step among the runnable ones; the schedule is the list of choices.
 * @returns the schedule: the name of each operation stepped, in order.
 * @throws MmError MM_DEADLOCK with the schedule so far when none can go on.
 */
export function interleave(ops: readonly SteppedOp<unknown>[], choose: (runnable: number) => number): string[] {
  const schedule: string[] = [];
  for (;;) {
    const open = ops.filter((op) => !op.done);
    if (open.length === 0) return schedule;
    const runnable = open.filter((op) => op.runnable);
    if (runnable.length === 0) {
      const waits = open.map((op) => `${op.name} waits for ${op.waiting?.what}`).join(', ');
      throw new MmError('MM_DEADLOCK', `${waits}; schedule ${schedule.join(' ')}`);
    }
    const op = runnable[choose(runnable.length) % runnable.length] as SteppedOp<unknown>;
    schedule.push(op.name);
    op.step();
  }
}
