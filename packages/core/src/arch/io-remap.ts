/**
 * io_remap_pfn_range of a machine that has one of its own: entries of device memory with a protection of the port's, and in runs that
 * one large translation serves where address, frame and length allow. Data; the code is pfnmap/io-remap.ts.
 */
import { highWord, lowWord } from './words.js';

export interface IoRemapSpec {
  /** What the port gives every entry, whatever its area allows: a port defect, mended by default. */
  readonly prot: bigint;
  /** The port's protection has no right to execute; an area that has it keeps it, or the fault would never end. */
  readonly exec: bigint;
  /** What a protection of an area loses and gets for device memory (pgprot_noncached). */
  readonly clear: bigint;
  readonly set: bigint;
  /** What the entry gets beside where its area may be written, so that a store finds it writable (mkdirty). */
  readonly written: bigint;
  /** Where an entry states its size. */
  readonly sizeMask: bigint;
  /** Sizes of the runs, log2 of bytes, largest first, with what each entry of one states. */
  readonly runs: readonly { readonly shift: number; readonly size: bigint }[];
}

/** Entries of one run. */
export interface IoRun {
  /** How many there are. */
  readonly pages: number;
  readonly sizeHi: number;
  readonly sizeLo: number;
}

/** The same, ready for use. */
export class IoRemap {
  readonly spec: IoRemapSpec;
  readonly runs: readonly IoRun[];
  readonly keepHi: number;
  readonly keepLo: number;

  constructor(pageShift: number, spec: IoRemapSpec) {
    this.spec = spec;
    this.runs = spec.runs.map(({ shift, size }) => ({
      pages: 2 ** (shift - pageShift),
      sizeHi: highWord(size),
      sizeLo: lowWord(size),
    }));
    this.keepHi = ~highWord(spec.sizeMask);
    this.keepLo = ~lowWord(spec.sizeMask);
  }
}
