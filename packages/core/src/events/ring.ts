/**
 * Events: what happened, in order, as fixed-size records of words in a ring. Nothing is written while nobody listens
 * (`on` is false: one predictable branch); the records are decoded later by someone not in a hurry.
 */

import { EVENT_NAMES, type EventName, OPERATION } from './kinds.js';

export * from './kinds.js';

/** A decoded event. `cause` is the number of the operation event it belongs to. */
export interface MmEvent {
  readonly sequence: number;
  readonly name: EventName;
  readonly cause: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const WORDS = 5;

export class EventRing {
  /** Whether somebody listens; code tests it before it calls emit. */
  on = false;
  /** Sequence number of the operation under way: the cause of what follows. */
  cause = 0;
  /** Number of the next lock that is made: locks are numbered in order of creation, a machine at a time. */
  nextLock = 0;
  private ring = new Float64Array(0);
  private next = 0;

  /** Starts recording the last `capacity` events. */
  listen(capacity = 65536): void {
    this.ring = new Float64Array(capacity * WORDS);
    this.next = 0;
    this.on = true;
  }

  /** Stops recording; what was recorded stays readable. */
  stop(): void {
    this.on = false;
  }

  /** Records one event; only called while `on`. */
  emit(kindIndex: number, a = 0, b = 0, c = 0): void {
    const ring = this.ring;
    const i = (this.next * WORDS) % ring.length;
    if (kindIndex === OPERATION) this.cause = this.next;
    ring[i] = kindIndex;
    ring[i + 1] = this.cause;
    ring[i + 2] = a;
    ring[i + 3] = b;
    ring[i + 4] = c;
    this.next++;
  }

  /** The recorded events, oldest first. */
  read(): MmEvent[] {
    const ring = this.ring;
    const capacity = ring.length / WORDS;
    const out: MmEvent[] = [];
    for (let n = Math.max(0, this.next - capacity); n < this.next; n++) {
      const i = (n * WORDS) % ring.length;
      out.push({
        sequence: n,
        name: EVENT_NAMES[ring[i] as number] as EventName,
        cause: ring[i + 1] as number,
        a: ring[i + 2] as number,
        b: ring[i + 3] as number,
        c: ring[i + 4] as number,
      });
    }
    return out;
  }
}
