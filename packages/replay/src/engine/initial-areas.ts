/**
 * What the recording tool mapped before the first instruction, which the trace does not say: the program's segments, the
 * loader and the stack. They are supplied on first touch in chunks of 64 KiB.
 */
import { PART_SHIFT, type TraceArea } from './part-map.js';
import { UNIT_PARTS } from './relocate.js';
import type { TraceSpace } from './space.js';

const PROGRAM_END = 0x400_0000 >> PART_SHIFT;
/** Before the first brk(0) the loader's end is unknown: it may reach this far. */
const LOADER_LIMIT = 0x480_0000 >> PART_SHIFT;
/** First part past the recorded stack, and how far the stack may grow down (RLIMIT_STACK). */
export const STACK_TOP = 0x1fff001;
const STACK_PARTS = 2048;

const RIGHTS_ALL = 7;
const RIGHTS_STACK = 3;

const PROGRAM: TraceArea = file('program');
const LOADER: TraceArea = file('loader');
const STACK: TraceArea = {
  kind: 'anon',
  path: '',
  offset: 0,
  origin: STACK_TOP,
  isShared: false,
  growsDown: true,
  isNoReserve: false,
};

function file(path: string): TraceArea {
  return { kind: 'file', path, offset: 0, origin: 0, isShared: false, growsDown: false, isNoReserve: false };
}

export class InitialAreas {
  /** First part past the loader: where the first brk(0) put the break. */
  #loaderEnd = LOADER_LIMIT;

  /** The first break: the loader ends there; what was supplied beyond is taken back. */
  setBreak(space: TraceSpace, part: number): void {
    if (part < PROGRAM_END || part >= this.#loaderEnd) return;
    this.#loaderEnd = part;
    for (const run of space.parts.overlapping(part, LOADER_LIMIT)) {
      if (run.area === LOADER) {
        space.unmap(Math.max(run.start, part), run.end);
        space.unmapped.clear(Math.max(run.start, part), run.end);
      }
    }
  }

  /**
   * Supplies the chunk around a part that belongs to no area.
   * @returns false when the part lies in no initial area, or the trace itself unmapped it.
   */
  supply(space: TraceSpace, part: number): boolean {
    const where = this.#placeOf(part);
    if (where === undefined || space.unmapped.at(part) !== undefined || space.parts.at(part) !== undefined)
      return false;
    const chunk = Math.floor(part / UNIT_PARTS) * UNIT_PARTS;
    const start = Math.max(chunk, where.start);
    const end = Math.min(chunk + UNIT_PARTS, where.end);
    for (const gap of space.parts.gaps(start, end)) {
      for (const hole of space.unmapped.gaps(gap.start, gap.end))
        space.map(hole.start, hole.end, where.area, where.prot);
    }
    return space.parts.at(part) !== undefined;
  }

  /** Supplies what of [start, end) belongs to initial areas, for a call (mprotect) that works on it. */
  supplyRange(space: TraceSpace, start: number, end: number): void {
    for (const gap of space.parts.gaps(start, Math.min(end, STACK_TOP))) {
      const from = Math.max(gap.start, 0);
      for (
        let part = from;
        part < gap.end && this.#placeOf(part) !== undefined;
        part = (Math.floor(part / UNIT_PARTS) + 1) * UNIT_PARTS
      ) {
        this.supply(space, part);
      }
    }
  }

  #placeOf(part: number): { start: number; end: number; area: TraceArea; prot: number } | undefined {
    if (part < PROGRAM_END) return { start: 0, end: PROGRAM_END, area: PROGRAM, prot: RIGHTS_ALL };
    if (part < this.#loaderEnd) return { start: PROGRAM_END, end: this.#loaderEnd, area: LOADER, prot: RIGHTS_ALL };
    if (part < STACK_TOP && part >= STACK_TOP - STACK_PARTS) {
      return { start: STACK_TOP - STACK_PARTS, end: STACK_TOP, area: STACK, prot: RIGHTS_STACK };
    }
    return undefined;
  }
}

/** The recorded stack, which moves as one on machines where it does not fit. */
export const STACK_RANGE: { readonly start: number; readonly end: number } = {
  start: STACK_TOP - STACK_PARTS,
  end: STACK_TOP,
};
