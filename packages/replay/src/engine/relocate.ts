/**
 * Relocation: where a recorded address lies on the machine. The identity wherever the range fits; else the range moves by
 * a multiple of 64 KiB, as high as there is room below the machine's stack top (the recorded stack itself becomes the
 * machine's). Neighbours of a moved range within the same 16 MiB move along with it.
 */
import type { ArchDescriptor } from '@fourfold/core/arch';
import { PART_SHIFT } from './part-map.js';

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

  constructor(arch: ArchDescriptor) {
    this.#arch = arch;
    this.#scale = 2 ** (arch.geometry.pageShift - PART_SHIFT);
    this.#ceiling = arch.layout.stackTop * this.#scale;
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
   * @param isFree whether machine parts [start, end) hold nothing.
   * @returns the parts to add.
   * @throws NoRoomError when it fits nowhere, or lies across ranges that move differently.
   */
  place(start: number, end: number, isFree: (start: number, end: number) => boolean): number {
    const known = this.#segments.find((s) => start >= s.start && end <= s.end);
    if (known !== undefined) return known.delta;
    const touched = this.#segments.filter((s) => start < s.end && end > s.start);
    if (touched.length === 0 && this.#fits(start, end) && !this.#isTarget(start, end)) return 0;
    if (touched.length > 0)
      throw new NoRoomError(`parts ${start} to ${end} lie across ranges that were moved differently`);
    const low = Math.floor(start / WINDOW_PARTS) * WINDOW_PARTS;
    const high = Math.ceil(end / WINDOW_PARTS) * WINDOW_PARTS;
    const left = this.#segments.filter((s) => s.end <= start).reduce((at, s) => Math.max(at, s.end), low);
    const right = this.#segments.filter((s) => s.start >= end).reduce((at, s) => Math.min(at, s.start), high);
    return this.#move(left, right, isFree);
  }

  /** Moves the recorded range [start, end) to the highest free place below the present ceiling. */
  moveBelowTop(start: number, end: number): number {
    return this.#move(start, end, () => true);
  }

  #move(start: number, end: number, isFree: (start: number, end: number) => boolean): number {
    const span = end - start;
    // The moved end keeps its place inside 64 KiB, so the distance is a multiple of it.
    let target = this.#ceiling - span;
    target -= (((target - start) % UNIT_PARTS) + UNIT_PARTS) % UNIT_PARTS;
    while (target >= 0 && !(this.#fits(target, target + span) && isFree(target, target + span))) target -= WINDOW_PARTS;
    if (target < 0) throw new NoRoomError(`no room for ${span} parts on ${this.#arch.name}`);
    this.#ceiling = target;
    this.#segments.push({ start, end, delta: target - start });
    return target - start;
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
