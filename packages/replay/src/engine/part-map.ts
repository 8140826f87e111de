/**
 * What the recorded program had mapped, in parts of 4 KiB: the trace's own page size. A machine with larger pages maps a
 * page while any part of it is mapped; this map is what it asks. Sorted runs of parts of one area and one right.
 */

/** Bytes of a part. */
export const PART_BYTES = 4096;
export const PART_SHIFT = 12;

/** What one mmap call (or one of the initial areas) made. Two parts belong together when their area is one object. */
export interface TraceArea {
  /** `file` has a path and an offset; `anon` also stands for stack and heap. */
  readonly kind: 'file' | 'anon';
  /** Path of the file, empty for anonymous memory. */
  readonly path: string;
  /** Byte offset in the file of part `origin`. */
  readonly offset: number;
  /** Part the offset belongs to. */
  readonly origin: number;
  readonly isShared: boolean;
  readonly growsDown: boolean;
  readonly isNoReserve: boolean;
  /** A heap: it grows at its end. Default false. */
  readonly isHeap?: boolean;
}

/** Parts [start, end) of one area with one set of rights (PROT_ bits). */
export interface PartRun {
  start: number;
  end: number;
  readonly area: TraceArea;
  prot: number;
}

export class PartMap {
  readonly #runs: PartRun[] = [];

  /** The run that contains a part, or undefined. */
  at(part: number): PartRun | undefined {
    const run = this.#runs[this.#firstEndingAfter(part)];
    return run !== undefined && run.start <= part ? run : undefined;
  }

  /** Runs that overlap [start, end), ascending. They are live: do not change them. */
  overlapping(start: number, end: number): PartRun[] {
    const out: PartRun[] = [];
    if (start >= end) return out;
    for (let i = this.#firstEndingAfter(start); i < this.#runs.length; i++) {
      const run = this.#runs[i] as PartRun;
      if (run.start >= end) break;
      out.push(run);
    }
    return out;
  }

  /** Whether any part of [start, end) is mapped. */
  any(start: number, end: number): boolean {
    if (start >= end) return false;
    const run = this.#runs[this.#firstEndingAfter(start)];
    return run !== undefined && run.start < end;
  }

  /** The part ranges of [start, end) that nothing maps, ascending. */
  gaps(start: number, end: number): { start: number; end: number }[] {
    const out: { start: number; end: number }[] = [];
    let at = start;
    for (const run of this.overlapping(start, end)) {
      if (run.start > at) out.push({ start: at, end: run.start });
      at = Math.max(at, run.end);
    }
    if (at < end) out.push({ start: at, end });
    return out;
  }

  /** Maps [start, end), replacing what was there. */
  set(start: number, end: number, area: TraceArea, prot: number): void {
    this.clear(start, end);
    this.#runs.splice(this.#firstEndingAfter(start), 0, { start, end, area, prot });
  }

  /** Unmaps [start, end). */
  clear(start: number, end: number): void {
    if (start >= end) return;
    this.#splitAt(start);
    this.#splitAt(end);
    const first = this.#firstEndingAfter(start);
    let last = first;
    while (last < this.#runs.length && (this.#runs[last] as PartRun).start < end) last++;
    this.#runs.splice(first, last - first);
  }

  /** Changes the rights of what is mapped in [start, end). */
  protect(start: number, end: number, prot: number): void {
    if (start >= end) return;
    this.#splitAt(start);
    this.#splitAt(end);
    for (const run of this.overlapping(start, end)) run.prot = prot;
  }

  /** PROT_ bits of all mapped parts of [start, end) together; -1 when nothing is mapped. */
  unionOfRights(start: number, end: number): number {
    let union = -1;
    for (const run of this.overlapping(start, end)) union = union < 0 ? run.prot : union | run.prot;
    return union;
  }

  /** A copy for a forked process. */
  copy(): PartMap {
    const other = new PartMap();
    for (const run of this.#runs) other.#runs.push({ ...run });
    return other;
  }

  #splitAt(part: number): void {
    const i = this.#firstEndingAfter(part);
    const run = this.#runs[i];
    if (run === undefined || run.start >= part) return;
    this.#runs.splice(i, 1, { ...run, end: part }, { ...run, start: part });
  }

  #firstEndingAfter(part: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((this.#runs[mid] as PartRun).end > part) high = mid;
      else low = mid + 1;
    }
    return low;
  }
}
