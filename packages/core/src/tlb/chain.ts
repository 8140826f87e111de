/** The units that one kind of access goes through, first level first. */
import type { HashedUnit } from './hashed-unit.js';
import type { TlbUnit } from './unit.js';

/** What a chain asks of the levels behind its first. */
export type LaterLevels = Pick<TlbUnit, 'search' | 'touch' | 'insert'>;

export class TlbChain {
  readonly first: HashedUnit;
  /** Every unit behind the first. */
  readonly behind: readonly TlbUnit[];
  /** Those of them that take base pages: mostly one, or null for none. */
  readonly later: LaterLevels | null;
  /** The last unit that takes base pages. */
  readonly last: TlbUnit;

  constructor(first: HashedUnit, behind: readonly TlbUnit[]) {
    const later = behind.filter(({ spans }) => spans.min === 0);
    this.first = first;
    this.behind = behind;
    this.later = later.length > 1 ? new SeveralLevels(later) : (later[0] ?? null);
    this.last = later[later.length - 1] ?? first;
  }
}

/** More than one level behind the first, as one. */
class SeveralLevels implements LaterLevels {
  private readonly units: readonly TlbUnit[];

  constructor(units: readonly TlbUnit[]) {
    this.units = units;
  }

  search(vpnHi: number, vpnLo: number, context: number): number {
    for (const unit of this.units) {
      const slot = unit.search(vpnHi, vpnLo, context);
      if (slot >= 0) return slot;
    }
    return -1;
  }

  touch(slot: number): void {
    this.units.find(({ base, end }) => slot >= base && slot < end)?.touch(slot);
  }

  /** Answers the slot in the last of them. */
  insert(vpnHi: number, vpnLo: number, context: number, frame: number, meta: number): number {
    let slot = -1;
    for (const unit of this.units) slot = unit.insert(vpnHi, vpnLo, context, frame, meta);
    return slot;
  }
}
