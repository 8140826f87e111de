/**
 * A recorded address space on a machine: carries out the trace's memory calls by the replay rules.
 *
 * On a machine with the trace's page size every rule is trivial. With larger pages a page is mapped while any part of it
 * is, has the union of its parts' rights, and mprotect, munmap and brk act on it when its last part asks. A page that
 * belongs to parts of more than one area is private anonymous memory, unless it is already resident: then it stays what
 * it is.
 */
import type { Machine, Process } from '@fourfold/core';
import type { FileStore } from './file-store.js';
import { type HugePages, HugeRuns } from './huge-runs.js';
import { MachinePages, type Refusal } from './machine-pages.js';
import { PART_BYTES, PartMap, type TraceArea } from './part-map.js';
import type { Relocator } from './relocate.js';

export class TraceSpace {
  readonly process: Process;
  readonly parts: PartMap;
  /** Parts that the trace itself unmapped: never supplied again. */
  readonly unmapped: PartMap;
  readonly #pages: MachinePages;
  readonly #files: FileStore;
  /** Parts per machine page. */
  readonly #scale: number;
  /** Huge pages of the replay, and what of this space lies on them; null without. */
  readonly #hugePages: HugePages | null;
  readonly #huge: HugeRuns | null;

  constructor(
    machine: Machine,
    process: Process,
    relocator: Relocator,
    files: FileStore,
    onRefusal: (refusal: Refusal) => void,
    from?: TraceSpace,
    hugePages: HugePages | null = null,
  ) {
    this.process = process;
    this.#files = files;
    this.#pages = new MachinePages(machine, process, relocator, files, onRefusal);
    this.#scale = this.#pages.scale;
    this.#hugePages = hugePages;
    const inherited = from === undefined ? null : from.#huge;
    this.#huge = hugePages === null ? null : new HugeRuns(hugePages, process, this.#scale, inherited ?? undefined);
    this.parts = from === undefined ? new PartMap() : from.parts.copy();
    this.unmapped = from === undefined ? new PartMap() : from.unmapped.copy();
  }

  /** Maps parts [start, end) as `area` with PROT_ bits. */
  map(start: number, end: number, area: TraceArea, prot: number): void {
    const huge = this.#huge;
    if (huge === null) {
      this.#mapSmall(start, end, area, prot);
      return;
    }
    // What lay there goes: of a huge page that reaches further, the rest stays, and so does the page.
    if (huge.touches(start, end)) this.unmap(start, end);
    for (const piece of huge.pieces(start, end)) {
      if (piece.isHuge) this.#setParts(piece.start, piece.end, area, prot);
      else this.#mapPiece(huge, piece.start, piece.end, area, prot);
    }
  }

  /** Maps parts that lie in no run of huge pages: on huge pages what can be, the rest on small ones. */
  #mapPiece(huge: HugeRuns, start: number, end: number, area: TraceArea, prot: number): void {
    const isPrivate = area.kind === 'anon' && !area.isShared && !area.growsDown;
    if (!isPrivate) {
      this.#mapSmall(start, end, area, prot);
      return;
    }
    const backed = huge.back(start, end, prot, area.isHeap === true);
    if (backed.start < backed.end) {
      if (this.parts.any(backed.start, backed.end)) this.#unmapSmall(backed.start, backed.end);
      this.#setParts(backed.start, backed.end, area, prot);
      if (start < backed.start) this.#mapSmall(start, backed.start, area, prot);
    }
    if (backed.end < end) this.#mapSmall(backed.end, end, area, prot);
  }

  #setParts(start: number, end: number, area: TraceArea, prot: number): void {
    this.parts.set(start, end, area, prot);
    this.unmapped.clear(start, end);
  }

  #mapSmall(start: number, end: number, area: TraceArea, prot: number): void {
    this.#pages.place(start, end);
    const scale = this.#scale;
    let first = Math.floor(start / scale);
    let last = Math.ceil(end / scale);
    const mixed: number[] = [];
    const edges = new Set([first, last - 1]);
    for (const page of edges) {
      const others = this.#others(page, start, end);
      if (others.length === 0) continue;
      if (page === first) first++;
      if (page === last - 1) last--;
      if (others.some((run) => run.area !== area)) mixed.push(page);
    }
    this.parts.set(start, end, area, prot);
    this.unmapped.clear(start, end);
    if (first < last) this.#pages.mmap(first, last, area, prot);
    for (const page of mixed) this.#mix(page);
    for (const page of edges) if (!mixed.includes(page)) this.#adjustRights(page);
  }

  /** Unmaps parts [start, end). */
  unmap(start: number, end: number): void {
    const huge = this.#huge;
    for (const piece of huge?.pieces(start, end) ?? [{ start, end, isHuge: false }]) {
      if (!piece.isHuge) {
        this.#unmapSmall(piece.start, piece.end);
        continue;
      }
      this.parts.clear(piece.start, piece.end);
      this.unmapped.set(piece.start, piece.end, NOTHING, 0);
    }
    huge?.release(start, end, (first, last) => this.parts.any(first, last));
  }

  #unmapSmall(start: number, end: number): void {
    this.parts.clear(start, end);
    this.unmapped.set(start, end, NOTHING, 0);
    const scale = this.#scale;
    let first = Math.floor(start / scale);
    let last = Math.ceil(end / scale);
    while (first < last && this.#isMapped(first)) this.#adjustRights(first++);
    while (last > first && this.#isMapped(last - 1)) this.#adjustRights(--last);
    this.#pages.munmap(first, last);
  }

  /** Unmaps the area that begins at a part (shmdt). */
  unmapArea(start: number): void {
    const area = this.parts.at(start)?.area;
    if (area === undefined) return;
    let end = start;
    for (let run = this.parts.at(end); run !== undefined && run.area === area; run = this.parts.at(end)) end = run.end;
    this.unmap(start, end);
  }

  /** madvise(DONTNEED): the contents of the pages go whose mapped parts all lie in parts [start, end). Huge pages keep theirs. */
  forget(start: number, end: number): void {
    for (const piece of this.#huge?.pieces(start, end) ?? [{ start, end, isHuge: false }]) {
      if (!piece.isHuge) this.#forgetSmall(piece.start, piece.end);
    }
  }

  #forgetSmall(start: number, end: number): void {
    let first = Math.floor(start / this.#scale);
    let last = Math.ceil(end / this.#scale);
    if (first < last && this.#others(first, start, end).length > 0) first++;
    if (first < last && this.#others(last - 1, start, end).length > 0) last--;
    this.#pages.forget(first, last);
  }

  /** Changes the rights of parts [start, end). Huge memory keeps its own. */
  protect(start: number, end: number, prot: number): void {
    for (const piece of this.#huge?.pieces(start, end) ?? [{ start, end, isHuge: false }]) {
      if (!piece.isHuge) {
        this.#protectSmall(piece.start, piece.end, prot);
        continue;
      }
      this.parts.protect(piece.start, piece.end, prot);
      this.#hugePages?.protectLeftOut();
    }
  }

  #protectSmall(start: number, end: number, prot: number): void {
    this.parts.protect(start, end, prot);
    const scale = this.#scale;
    let first = Math.floor(start / scale);
    let last = Math.ceil(end / scale);
    if (start % scale !== 0) this.#adjustRights(first++);
    if (last > first && end % scale !== 0) this.#adjustRights(--last);
    this.#pages.mprotect(first, last, prot);
  }

  /**
   * Moves (or resizes in place) parts [start, start + oldLen) to [to, to + newLen).
   * @returns false when nothing is mapped there.
   */
  remap(start: number, oldLen: number, to: number, newLen: number): boolean {
    const run = this.parts.at(start);
    if (run === undefined) return false;
    const area: TraceArea = { ...run.area, origin: run.area.origin + (to - start) };
    if (area.isShared && area.kind === 'anon') this.#files.rename(run.area, area);
    const touchesHuge =
      this.#huge?.touches(start, start + oldLen) === true || this.#huge?.touches(to, to + newLen) === true;
    if (this.#scale === 1 && !touchesHuge) {
      this.#pages.place(to, to + newLen);
      // A file is as long as it is mapped.
      if (area.kind === 'file') this.#files.view(area, to, newLen, this.#pages.pageShift);
      else if (area.isShared) this.#files.sharedAnonymous(area, (to + newLen - area.origin) * PART_BYTES);
      this.#pages.mremap(start, oldLen, to, newLen);
      const prot = run.prot;
      if (oldLen > 0) {
        this.parts.clear(start, start + oldLen);
        this.unmapped.set(start, start + oldLen, NOTHING, 0);
      }
      this.parts.set(to, to + newLen, area, prot);
      this.unmapped.clear(to, to + newLen);
      return true;
    }
    this.#remapLarge(start, oldLen, to, newLen, area, run.prot, !touchesHuge);
    return true;
  }

  /**
   * The same on a machine with larger pages: whole pages move when old and new place agree inside a page. Huge memory cannot be
   * moved (mremap is EINVAL there): it is mapped anew.
   */
  #remapLarge(
    start: number,
    oldLen: number,
    to: number,
    newLen: number,
    area: TraceArea,
    prot: number,
    canMove: boolean,
  ): void {
    const scale = this.#scale;
    const kept = Math.min(oldLen, newLen);
    const first = Math.ceil(start / scale);
    const last = Math.floor((start + kept) / scale);
    const congruent = canMove && (to - start) % scale === 0;
    if (to === start) {
      if (newLen > oldLen) this.map(start + oldLen, start + newLen, this.parts.at(start)?.area ?? area, prot);
      else this.unmap(start + newLen, start + oldLen);
      return;
    }
    this.map(to, to + newLen, area, prot);
    if (congruent && last > first) {
      this.#pages.mremap(first, last - first, first + (to - start) / scale, last - first);
      this.parts.clear(first * scale, last * scale);
      this.unmapped.set(first * scale, last * scale, NOTHING, 0);
    }
    if (oldLen > 0) this.unmap(start, start + oldLen);
  }

  /** The machine address of a part. */
  addressOfPart(part: number): bigint {
    return this.#pages.addressOfPart(part);
  }

  /** Runs in a machine page outside [start, end). */
  #others(page: number, start: number, end: number): { readonly area: TraceArea }[] {
    const scale = this.#scale;
    const low = page * scale;
    const high = low + scale;
    return [
      ...this.parts.overlapping(low, Math.max(low, Math.min(start, high))),
      ...this.parts.overlapping(Math.max(low, Math.min(end, high)), high),
    ];
  }

  #isMapped(page: number): boolean {
    return this.parts.any(page * this.#scale, (page + 1) * this.#scale);
  }

  /** A page of several areas: private anonymous, unless it is resident already and stays what it is. */
  #mix(page: number): void {
    if (this.#pages.isResident(page)) {
      this.#adjustRights(page);
      return;
    }
    const union = this.parts.unionOfRights(page * this.#scale, (page + 1) * this.#scale);
    this.#pages.mmap(page, page + 1, MIXED, union);
  }

  /** Gives a page the union of its parts' rights, if it has others now. */
  #adjustRights(page: number): void {
    const union = this.parts.unionOfRights(page * this.#scale, (page + 1) * this.#scale);
    if (union < 0) return;
    const has = this.#pages.rightsOf(page);
    if (has >= 0 && has !== union) this.#pages.mprotect(page, page + 1, union);
  }
}

const ANONYMOUS: TraceArea = {
  kind: 'anon',
  path: '',
  offset: 0,
  origin: 0,
  isShared: false,
  growsDown: false,
  isNoReserve: false,
};
/** Stands in the map of parts that the trace unmapped. */
const NOTHING: TraceArea = { ...ANONYMOUS };
/** A machine page with parts of several areas. */
const MIXED: TraceArea = { ...ANONYMOUS };
