/**
 * Relocation: where a recorded address lies on the machine. The identity wherever the range fits; else the range moves by
 * a multiple of 64 KiB, as high as there is room below the machine's stack top (the recorded stack itself becomes the
 * machine's). Neighbours of a moved range within the same 16 MiB move along with it; what begins inside a moved range and
 * ends outside takes the range with it, if there is room.
 */
import type { ArchDescriptor } from '@fourfold/core/arch';
import { PART_SHIFT } from './part-map.js';

/** Parts of 64 KiB: every machine's page divides it. */
export const UNIT_PARTS = 16;
/** Parts moved together: 16 MiB. */
const WINDOW_PARTS = 4096;

interface Range {
  readonly start: number;
  readonly end: number;
}

/** A recorded range of parts and how far it moves. */
interface Segment {
  start: number;
  end: number;
  /** Parts added to a recorded part. */
  readonly delta: number;
}

/** The first machine part of what lies lowest in machine parts [start, end), or -1 when nothing does. */
export type BlockerOf = (start: number, end: number) => number;

/** No place on this machine for a recorded range. */
export class NoRoomError extends Error {
  override readonly name: string = 'NoRoomError';
}

export class Relocator {
  readonly #arch: ArchDescriptor;
  readonly #segments: Segment[] = [];
  /** Parts per machine page. */
  readonly #scale: number;
  #ceiling: number;
  /** Ranges of machine parts where a moved range may lie, highest first. */
  readonly #zones: readonly { readonly start: number; readonly end: number }[];

  constructor(arch: ArchDescriptor) {
    this.#arch = arch;
    this.#scale = 2 ** (arch.geometry.pageShift - PART_SHIFT);
    this.#ceiling = arch.layout.stackTop * this.#scale;
    this.#zones = zonesOf(arch).map((zone) => ({ start: zone.start * this.#scale, end: zone.end * this.#scale }));
  }

  /** Nothing moves: addresses are used as recorded. */
  get isIdentity(): boolean {
    return this.#segments.length === 0;
  }

  /** Parts to add to a recorded part that was placed before; 0 where the identity holds. */
  deltaOf(part: number): number {
    for (const s of this.#segments) if (part >= s.start && part < s.end) return s.delta;
    return 0;
  }

  /** The recorded part behind a machine part. */
  sourceOf(machinePart: number): number {
    for (const s of this.#segments) {
      if (machinePart >= s.start + s.delta && machinePart < s.end + s.delta) return machinePart - s.delta;
    }
    return machinePart;
  }

  /** Whether the recorded part was placed, or fits as it is. */
  isPlaced(part: number): boolean {
    return this.#segments.some((s) => part >= s.start && part < s.end) || this.#fits(part, part + 1);
  }

  /**
   * Places a recorded range.
   * @returns the parts to add.
   * @throws NoRoomError when it fits nowhere, or lies across ranges that move differently.
   */
  place(start: number, end: number, blockerOf: BlockerOf): number {
    const known = this.#segments.find((s) => start >= s.start && end <= s.end);
    if (known !== undefined) return known.delta;
    const touched = this.#segments.filter((s) => start < s.end && end > s.start);
    if (touched.length === 0 && this.#fits(start, end) && !this.#isTarget(start, end)) return 0;
    const low = Math.floor(start / WINDOW_PARTS) * WINDOW_PARTS;
    const high = Math.ceil(end / WINDOW_PARTS) * WINDOW_PARTS;
    const left = this.#segments.filter((s) => s.end <= start).reduce((at, s) => Math.max(at, s.end), low);
    const right = this.#segments.filter((s) => s.start >= end).reduce((at, s) => Math.min(at, s.start), high);
    if (touched.length === 0) return this.#move(left, right, blockerOf);
    return this.#extend(touched, { start: left, end: right }, { start, end }, blockerOf);
  }

  /** Moves the recorded range [start, end), which nothing else moves, to where its pages have been mapped. */
  pin(start: number, end: number, delta: number): void {
    const below = this.#segments.find((s) => s.end === start && s.delta === delta);
    if (below === undefined) this.#segments.push({ start, end, delta });
    else below.end = end;
  }

  /** What was pinned in [start, end) moves no more. */
  forget(start: number, end: number): void {
    for (const s of this.#segments.filter((segment) => start < segment.end && end > segment.start)) {
      const { delta } = s;
      const rest = [
        { start: s.start, end: start, delta },
        { start: end, end: s.end, delta },
      ];
      this.#segments.splice(this.#segments.indexOf(s), 1, ...rest.filter((part) => part.start < part.end));
    }
  }

  /** The pieces of a recorded range that move alike, without what lies past the machine's address space. */
  pieces(start: number, end: number): Range[] {
    const out: Range[] = [];
    const limit = this.#arch.layout.taskSizePages * this.#scale;
    const inside = this.#segments.filter((s) => start < s.end && end > s.start).sort((a, b) => a.start - b.start);
    let at = start;
    const addUnmoved = (to: number): void => {
      if (at < Math.min(to, limit)) out.push({ start: at, end: Math.min(to, limit) });
    };
    for (const s of inside) {
      addUnmoved(s.start);
      out.push({ start: Math.max(at, s.start), end: Math.min(end, s.end) });
      at = s.end;
    }
    addUnmoved(end);
    return out;
  }

  /** Moves the recorded range [start, end) to the highest free place below the present ceiling. */
  moveBelowTop(start: number, end: number): number {
    return this.#move(start, end, () => -1);
  }

  #move(start: number, end: number, blockerOf: BlockerOf): number {
    const span = end - start;
    for (const zone of this.#zones) {
      let target = this.#alignedBelow(Math.min(zone.end, this.#ceiling) - span, start);
      while (target >= zone.start) {
        const blocker = blockerOf(target, target + span);
        if (blocker < 0) {
          this.#ceiling = target;
          this.#remember(start, end, target - start);
          return target - start;
        }
        target = this.#alignedBelow(blocker - span, start);
      }
    }
    throw new NoRoomError(`expected room for ${span * 4} KiB on ${this.#arch.name}, came none`);
  }

  /** Neighbours that move alike are one. */
  #remember(start: number, end: number, delta: number): void {
    const above = this.#segments.find((s) => s.start === end && s.delta === delta);
    if (above === undefined) this.#segments.push({ start, end, delta });
    else above.start = start;
  }

  /** Makes the moved range that `range` reaches into wide enough for it; up to `most`, where that fits. */
  #extend(touched: readonly Segment[], most: Range, range: Range, blockerOf: BlockerOf): number {
    const [segment] = touched as [Segment];
    const { delta } = segment;
    const isRoom = (start: number, end: number): boolean =>
      start >= end ||
      (start >= 0 && this.#fits(start, end) && !this.#isTarget(start, end) && blockerOf(start, end) < 0);
    for (const wanted of touched.length === 1 ? [most, range] : []) {
      const start = Math.min(wanted.start, segment.start);
      const end = Math.max(wanted.end, segment.end);
      if (!isRoom(start + delta, segment.start + delta) || !isRoom(segment.end + delta, end + delta)) continue;
      segment.start = start;
      segment.end = end;
      this.#ceiling = Math.min(this.#ceiling, start + delta);
      return delta;
    }
    const shown = `0x${hexOf(range.start)} to 0x${hexOf(range.end)}`;
    throw new NoRoomError(`expected a range that moves as one, came ${shown}, of which a part was moved before`);
  }

  /** The highest part up to `part` whose distance from `start` is a multiple of 64 KiB. */
  #alignedBelow(part: number, start: number): number {
    return part - ((((part - start) % UNIT_PARTS) + UNIT_PARTS) % UNIT_PARTS);
  }

  #isTarget(start: number, end: number): boolean {
    return this.#segments.some((s) => start < s.end + s.delta && end > s.start + s.delta);
  }

  #fits(start: number, end: number): boolean {
    const { layout } = this.#arch;
    const first = Math.floor(start / this.#scale);
    const last = Math.ceil(end / this.#scale);
    if (last > layout.taskSizePages || last - first > layout.maxLengthPages) return false;
    for (let i = 0; i < layout.holes.length; i += 2) {
      if (first < (layout.holes[i + 1] as number) && last > (layout.holes[i] as number)) return false;
    }
    if (layout.regionPages === 0) return true;
    return (first % layout.regionPages) + (last - first) <= layout.regionLimitPages;
  }
}

/** Usable page ranges below the stack top, highest first: between address holes, or a slice of each region. */
function zonesOf(arch: ArchDescriptor): { start: number; end: number }[] {
  const { stackTop, holes, regionPages, regionLimitPages } = arch.layout;
  const zones: { start: number; end: number }[] = [];
  if (regionPages > 0) {
    for (let start = 0; start < stackTop; start += regionPages) {
      zones.push({ start, end: Math.min(start + regionLimitPages, stackTop) });
    }
    return zones.reverse();
  }
  let start = 0;
  for (let i = 0; i < holes.length; i += 2) {
    if (start < stackTop) zones.push({ start, end: Math.min(holes[i] as number, stackTop) });
    start = holes[i + 1] as number;
  }
  if (start < stackTop) zones.push({ start, end: stackTop });
  return zones.reverse();
}

function hexOf(part: number): string {
  return (BigInt(part) << BigInt(PART_SHIFT)).toString(16);
}
