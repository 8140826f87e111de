/**
 * Events: what happened, in order, as fixed-size records of words in a ring. Nothing is written while nobody listens
 * (`on` is false: one predictable branch); the records are decoded later by someone not in a hurry.
 */

export const EVENT_NAMES = [
  'operation',
  'fault',
  'setPte',
  'flushPage',
  'flushRange',
  'flushMm',
  'flushTables',
  'flushPending',
  'lock',
  'unlock',
  'allocPage',
  'freePage',
  'allocTable',
  'freeTable',
  'switchMm',
  'signal',
] as const;
/** An event's name. */
export type EventName = (typeof EVENT_NAMES)[number];

function kind(name: EventName): number {
  return EVENT_NAMES.indexOf(name);
}
export const OPERATION: number = kind('operation');
export const FAULT: number = kind('fault');
export const SET_PTE: number = kind('setPte');
export const EV_FLUSH_PAGE: number = kind('flushPage');
export const EV_FLUSH_RANGE: number = kind('flushRange');
export const EV_FLUSH_MM: number = kind('flushMm');
export const EV_FLUSH_TABLES: number = kind('flushTables');
export const EV_FLUSH_PENDING: number = kind('flushPending');
export const LOCK: number = kind('lock');
export const UNLOCK: number = kind('unlock');
export const ALLOC_PAGE: number = kind('allocPage');
export const FREE_PAGE: number = kind('freePage');
export const ALLOC_TABLE: number = kind('allocTable');
export const FREE_TABLE: number = kind('freeTable');
export const SWITCH_MM: number = kind('switchMm');
export const SIGNAL: number = kind('signal');

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
