/**
 * Anonymous areas of a trace on huge pages (`ReplayOptions.huge`): what of a recorded address space is backed by them, and the
 * files of hugetlbfs behind it. The kernel of the time has no other way: huge memory is a shared mapping of such a file, at
 * an address that the machine chooses by its own rules (region 4 of ia64, an area that ppc64 opens, any aligned one
 * elsewhere). A run of parts moves there whole, so as many of its pages are huge as fit into its length.
 *
 * Runs begin on a page of the machine. Accesses of parts in a run go where its segment of the relocator says.
 */
import { closeFile, MAP_SHARED, type Machine, type Process, runToEnd } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { PART_SHIFT } from './part-map.js';
import type { Relocator } from './relocate.js';

/** Where the machine's hugetlbfs is mounted. */
export const HUGE_MOUNT = '/dev/hugepages';

/** What became of a trace's anonymous areas. */
export interface HugeReport {
  /** Bytes of a huge page; 0 on a machine without. */
  readonly pageBytes: number;
  /** Anonymous areas, or steps of a heap, that got huge pages; and those that were long enough and did not. */
  readonly areas: number;
  readonly refused: number;
  /** Huge pages mapped in all, and at one time. */
  readonly pages: number;
  readonly peakPages: number;
  /** Changes of rights that huge memory does not take; the rights stay. */
  readonly protectsLeftOut: number;
}

/** Parts [start, end) on huge pages. With parts up to `limit` its last page would be full. */
interface HugeRun {
  readonly start: number;
  end: number;
  limit: number;
}

/** A piece of a range of parts: in a run, or in none. */
export interface HugePiece {
  readonly start: number;
  readonly end: number;
  readonly isHuge: boolean;
}

/** Huge pages of one replay: the pool, and the figures of all processes. */
export class HugePages {
  /** Parts of a huge page. */
  readonly parts: number;
  readonly relocator: Relocator;
  readonly #machine: Machine;
  readonly #shift: number;
  #areas = 0;
  #refused = 0;
  #pages = 0;
  #mapped = 0;
  #peak = 0;
  #protects = 0;
  #files = 0;

  constructor(machine: Machine, arch: ArchDescriptor, relocator: Relocator) {
    this.#machine = machine;
    this.#shift = arch.huge?.shift ?? 0;
    this.parts = 2 ** (this.#shift - PART_SHIFT);
    this.relocator = relocator;
  }

  get report(): HugeReport {
    return {
      pageBytes: 2 ** this.#shift,
      areas: this.#areas,
      refused: this.#refused,
      pages: this.#pages,
      peakPages: this.#peak,
      protectsLeftOut: this.#protects,
    };
  }

  protectLeftOut(): void {
    this.#protects++;
  }

  /**
   * Maps `pages` huge pages where the machine has room for them, best at part `hint` of the machine (0 for anywhere).
   * @returns the first machine part, or -1 when the pool has no more or the machine refuses
   */
  map(process: Process, pages: number, prot: number, hint: number): number {
    const { kernel } = this.#machine;
    const pool = kernel.hugetlb;
    if (pool === null) return -1;
    // What an administrator does who knows what the program will need.
    if (pool.freePages < pages) pool.resize(pool.nrPages + pages - pool.freePages);
    const path = `${HUGE_MOUNT}/${this.#files++}`;
    const file = this.#machine.open(path, { create: true });
    this.#machine.unlink(path);
    const addr = BigInt(hint) << BigInt(PART_SHIFT);
    const length = BigInt(pages) << BigInt(this.#shift);
    const page = runToEnd(process.ops.mmap({ addr, length, prot, flags: MAP_SHARED, file, offset: 0n }));
    runToEnd(closeFile(file));
    if (page < 0) {
      this.#refused++;
      return -1;
    }
    this.#areas++;
    this.#pages += pages;
    this.#mapped += pages;
    this.#peak = Math.max(this.#peak, this.#mapped);
    return page * 2 ** (this.#machine.arch.geometry.pageShift - PART_SHIFT);
  }

  /** Unmaps the huge page at a machine part. */
  unmap(process: Process, machinePart: number): void {
    const address = BigInt(machinePart) << BigInt(PART_SHIFT);
    const error = runToEnd(process.ops.munmap(address, 1n << BigInt(this.#shift)));
    if (error === 0) this.#mapped--;
  }
}

/** The runs of one address space. */
export class HugeRuns {
  readonly #pages: HugePages;
  readonly #process: Process;
  readonly #scale: number;
  readonly #runs: HugeRun[];

  /** @param scale parts of a page of the machine */
  constructor(pages: HugePages, process: Process, scale: number, from?: HugeRuns) {
    this.#pages = pages;
    this.#process = process;
    this.#scale = scale;
    this.#runs = from === undefined ? [] : from.#runs.map((run) => ({ ...run }));
  }

  /** Parts [start, end) in pieces, ascending: those of runs, and what lies between. */
  pieces(start: number, end: number): HugePiece[] {
    const out: HugePiece[] = [];
    let at = start;
    for (const run of this.#runs) {
      if (run.end <= at || run.start >= end) continue;
      if (run.start > at) out.push({ start: at, end: run.start, isHuge: false });
      at = Math.max(at, run.start);
      const to = Math.min(end, run.end);
      if (at < to) out.push({ start: at, end: to, isHuge: true });
      at = to;
    }
    if (at < end) out.push({ start: at, end, isHuge: false });
    return out;
  }

  /** Whether parts [start, end) touch a run. */
  touches(start: number, end: number): boolean {
    return this.#runs.some((run) => start < run.end && end > run.start);
  }

  /**
   * Backs as many of parts [start, end), which lie in no run, as there are whole huge pages; of a heap all of them, its last page
   * only in part.
   * @returns the range backed, empty when none is
   */
  back(start: number, end: number, prot: number, isHeap: boolean): { readonly start: number; readonly end: number } {
    const none = { start, end: start };
    if ((prot & PROT_READ_WRITE) !== PROT_READ_WRITE) return none;
    const before = this.#runs.find((run) => run.end === start);
    let first = Math.ceil(start / this.#scale) * this.#scale;
    if (isHeap && before !== undefined && before.limit > before.end) {
      first = Math.min(end, before.limit);
      this.#extend(before, first);
      if (first === end) return { start, end };
    }
    const size = this.#pages.parts;
    const pages = isHeap ? Math.ceil((end - first) / size) : Math.floor((end - first) / size);
    if (pages <= 0) return { start, end: Math.max(start, before?.end ?? start) };
    const hint = before === undefined ? 0 : first + this.#pages.relocator.deltaOf(before.end - 1);
    const target = this.#pages.map(this.#process, pages, prot, hint);
    if (target < 0) return { start, end: Math.max(start, before?.end ?? start) };
    const run: HugeRun = { start: first, end: Math.min(end, first + pages * size), limit: first + pages * size };
    this.#runs.push(run);
    this.#runs.sort((a, b) => a.start - b.start);
    this.#pages.relocator.pin(run.start, run.end, target - first);
    return before !== undefined && before.end === first ? { start, end: run.end } : { start: first, end: run.end };
  }

  /** Gives back the huge pages of runs in parts [start, end) of which `isMapped` says that nothing is left. */
  release(start: number, end: number, isMapped: (start: number, end: number) => boolean): void {
    const size = this.#pages.parts;
    for (const run of this.#runs.filter((r) => start < r.end && end > r.start)) {
      const kept: HugeRun[] = [];
      for (let first = run.start; first < run.end; first += size) {
        const last = Math.min(first + size, run.end);
        if (isMapped(first, last)) {
          const previous = kept.at(-1);
          if (previous !== undefined && previous.end === first) {
            previous.end = last;
            previous.limit = first + size;
          } else kept.push({ start: first, end: last, limit: first + size });
          continue;
        }
        this.#pages.unmap(this.#process, first + this.#pages.relocator.deltaOf(first));
        this.#pages.relocator.forget(first, last);
      }
      this.#runs.splice(this.#runs.indexOf(run), 1, ...kept);
    }
  }

  #extend(run: HugeRun, end: number): void {
    this.#pages.relocator.pin(run.end, end, this.#pages.relocator.deltaOf(run.end - 1));
    run.end = end;
  }
}

const PROT_READ_WRITE = 3;
