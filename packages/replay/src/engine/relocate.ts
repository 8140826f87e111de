/**
 * Relocation: where a recorded address lies on the machine. The identity wherever the range fits; else the range moves by
 * a multiple of 64 KiB, as high as there is room below the machine's stack top (the recorded stack itself becomes the
 * machine's). Neighbours of a moved range within the same 16 MiB move along with it.
 */
import type { ArchDescriptor } from '@fourfold/core/arch';
import { PART_BYTES, PART_SHIFT } from './part-map.js';

/** Parts of 64 KiB: every machine's page divides it. */
export const UNIT_PARTS = 16;
/** Parts moved together: 16 MiB. */
const WINDOW_PARTS = 4096;

/** A recorded range of parts and how far it moves. */
interface Segment {
  readonly start: number;
  readonly end: number;
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
    if (touched.length > 0)
      throw new NoRoomError(
        `expected a range that moves as one, came 0x${(start * PART_BYTES).toString(16)} to 0x${(end * PART_BYTES).toString(16)}, whose parts were moved differently`,
      );
    const low = Math.floor(start / WINDOW_PARTS) * WINDOW_PARTS;
    const high = Math.ceil(end / WINDOW_PARTS) * WINDOW_PARTS;
    const left = this.#segments.filter((s) => s.end <= start).reduce((at, s) => Math.max(at, s.end), low);
    const right = this.#segments.filter((s) => s.start >= end).reduce((at, s) => Math.min(at, s.start), high);
    return this.#move(left, right, blockerOf);
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
          this.#segments.push({ start, end, delta: target - start });
          return target - start;
        }
        target = this.#alignedBelow(blocker - span, start);
      }
    }
    throw new NoRoomError(`expected room for ${span * 4} KiB on ${this.#arch.name}, came none`);
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
    if ((holes[i] as number) < stackTop) zones.push({ start, end: holes[i] as number });
    start = holes[i + 1] as number;
  }
  if (start < stackTop) zones.push({ start, end: stackTop });
  return zones.reverse();
}
