/**
 * The spy: events read as objects with named fields, for people and tests. It listens from the moment it is made;
 * `records` may be read at any time, also while it still listens.
 */
import { lockKindName } from '../smp/lock.js';
import { EVENT_FIELDS, type EventName, MODE_NAMES, RSS_NAMES, SLOT_NAMES } from './kinds.js';
import { OPERATION_NAMES } from './operations.js';
import type { EventRing, MmEvent } from './ring.js';

type FieldOf<N extends EventName> = (typeof EVENT_FIELDS)[N][number];
/** Fields that are names; all others are numbers. */
type NamedField = 'call' | 'kind' | 'counter' | 'mode' | 'slot';

/** One event with its fields by name. `cause` is the sequence number of the operation it belongs to. */
export type SpyRecord<N extends EventName = EventName> = N extends EventName
  ? { readonly sequence: number; readonly name: N; readonly cause: number } & {
      readonly [F in FieldOf<N>]: F extends NamedField ? string : number;
    }
  : never;

const NAMES: { readonly [F in NamedField]: (value: number) => string } = {
  call: (value) => OPERATION_NAMES[value] ?? `operation ${value}`,
  kind: lockKindName,
  counter: (value) => RSS_NAMES[value] as string,
  mode: (value) => MODE_NAMES[value] as string,
  slot: (value) => SLOT_NAMES[value] as string,
};

/** What happened on a machine since the spy was made or last cleared. */
export class Spy {
  readonly #ring: EventRing;
  readonly #capacity: number | undefined;

  constructor(ring: EventRing, capacity?: number) {
    this.#ring = ring;
    this.#capacity = capacity;
    ring.listen(capacity);
  }

  /** All events, oldest first. */
  records(): SpyRecord[] {
    return this.#ring.read().map(named);
  }

  /** The events of some names, in order. */
  of<N extends EventName>(...names: N[]): SpyRecord<N>[] {
    const wanted = new Set<string>(names);
    return this.#ring
      .read()
      .filter((event) => wanted.has(event.name))
      .map((event) => named(event) as SpyRecord<N>);
  }

  /** How many events of a name there were. */
  count(name: EventName): number {
    return this.#ring.read().filter((event) => event.name === name).length;
  }

  /** Names of the events, locks as `lock page_table_lock`, maps as `mapPte KM_PTE0`; only those of `names` when any are given. */
  names(...names: EventName[]): string[] {
    return this.#ring
      .read()
      .filter((event) => names.length === 0 || names.includes(event.name))
      .map((event) => {
        const record = named(event);
        if ('kind' in record) return `${record.name} ${record.kind}`;
        return 'slot' in record ? `${record.name} ${record.slot}` : record.name;
      });
  }

  /** Forgets what was recorded and goes on listening. */
  clear(): void {
    this.#ring.listen(this.#capacity);
  }

  /** Stops listening; what was recorded stays readable. */
  stop(): this {
    this.#ring.stop();
    return this;
  }
}

function named(event: MmEvent): SpyRecord {
  const values = [event.a, event.b, event.c];
  const record: Record<string, unknown> = { sequence: event.sequence, name: event.name, cause: event.cause };
  EVENT_FIELDS[event.name].forEach((field: string, i: number) => {
    const toName = NAMES[field as NamedField];
    record[field] = toName === undefined ? values[i] : toName(values[i] as number);
  });
  return record as unknown as SpyRecord;
}
