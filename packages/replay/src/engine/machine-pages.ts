/**
 * The pages of one process of a replay, in the recorded numbering: where the machine has them, and the memory calls that the
 * process makes on them. A call that the machine refuses is told, and the replay goes on.
 */
import type { Machine, MappedFile, Process } from '@fourfold/core';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  type Op,
  runToEnd,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
} from '@fourfold/core';
import type { FileStore } from './file-store.js';
import { PART_BYTES, PART_SHIFT, type TraceArea } from './part-map.js';
import type { Relocator } from './relocate.js';

const MADV_DONTNEED = 4;
const MREMAP_MAYMOVE = 1;
const MREMAP_FIXED = 2;

/** A memory call of the trace that the machine refused. */
export interface Refusal {
  readonly call: string;
  /** errno as the kernel answers it, negative. */
  readonly errno: number;
}

/** A range of a machine's addresses. */
interface Range {
  readonly address: bigint;
  readonly bytes: bigint;
}

export class MachinePages {
  readonly process: Process;
  /** Parts per machine page. */
  readonly scale: number;
  readonly pageShift: number;
  readonly #machine: Machine;
  readonly #relocator: Relocator;
  readonly #files: FileStore;
  readonly #onRefusal: (refusal: Refusal) => void;

  constructor(
    machine: Machine,
    process: Process,
    relocator: Relocator,
    files: FileStore,
    onRefusal: (refusal: Refusal) => void,
  ) {
    this.#machine = machine;
    this.process = process;
    this.#relocator = relocator;
    this.#files = files;
    this.#onRefusal = onRefusal;
    this.pageShift = machine.arch.geometry.pageShift;
    this.scale = 2 ** (this.pageShift - PART_SHIFT);
  }

  /** Machine address of a part. */
  addressOfPart(part: number): bigint {
    return BigInt(part + this.#relocator.deltaOf(part)) << BigInt(PART_SHIFT);
  }

  /** Finds a place for parts [start, end), if they have none yet. */
  place(start: number, end: number): void {
    this.#relocator.place(start, end, (a, b) => this.#blockerOf(a, b));
  }

  /** Maps pages [first, last) as a piece of `area`, with PROT_ bits. */
  mmap(first: number, last: number, area: TraceArea, prot: number): void {
    let file: MappedFile | null = null;
    let offset = 0;
    if (area.kind === 'file') {
      const view = this.#files.view(area, first * this.scale, (last - first) * this.scale, this.pageShift);
      file = view.file;
      offset = view.offset;
    } else if (area.isShared) {
      file = this.#files.sharedAnonymous(area, (area.origin + last * this.scale) * PART_BYTES);
      offset = (first * this.scale - Math.floor(area.origin / this.scale) * this.scale) * PART_BYTES;
    }
    const flags =
      MAP_FIXED |
      (area.isShared ? MAP_SHARED : MAP_PRIVATE) |
      (file === null ? MAP_ANONYMOUS : 0) |
      (area.growsDown ? MAP_GROWSDOWN : 0) |
      (area.isNoReserve ? MAP_NORESERVE : 0);
    const { address, bytes } = this.#range(first, last);
    this.#call(
      'mmap',
      this.process.ops.mmap({ addr: address, length: bytes, prot, flags, file, offset: BigInt(offset) }),
    );
  }

  munmap(first: number, last: number): void {
    for (const { address, bytes } of this.#pieces(first, last)) {
      this.#call('munmap', this.process.ops.munmap(address, bytes));
    }
  }

  mprotect(first: number, last: number, prot: number): void {
    for (const { address, bytes } of this.#pieces(first, last)) {
      this.#call('mprotect', this.process.ops.mprotect(address, bytes, prot));
    }
  }

  /** madvise(DONTNEED). */
  forget(first: number, last: number): void {
    for (const { address, bytes } of this.#pieces(first, last)) {
      this.#call('madvise', this.process.ops.madvise(address, bytes, MADV_DONTNEED));
    }
  }

  /** mremap of `oldPages` pages from `from` to `newPages` pages from `to`, which has a place. */
  mremap(from: number, oldPages: number, to: number, newPages: number): void {
    const flags = to === from ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED;
    const source = this.#range(from, from + oldPages);
    const target = this.#range(to, to + newPages);
    this.#call('mremap', this.process.ops.mremap(source.address, source.bytes, target.bytes, flags, target.address));
  }

  /** PROT_ bits of the area that a page lies in, -1 for none. */
  rightsOf(page: number): number {
    const vma = this.process.mm.vmas.containing(this.#machinePage(page));
    if (vma === null) return -1;
    return (
      ((vma.flags & VM_READ) !== 0 ? 1 : 0) |
      ((vma.flags & VM_WRITE) !== 0 ? 2 : 0) |
      ((vma.flags & VM_EXEC) !== 0 ? 4 : 0)
    );
  }

  isResident(page: number): boolean {
    const k = this.#machine.kernel;
    const at = k.tables.lookupPage(this.process.mm, this.#machinePage(page));
    if (at === 0) return false;
    const lo = k.memory.words[at + k.tables.loAt] as number;
    const hi = k.tables.pteWords === 2 ? (k.memory.words[at + k.tables.hiAt] as number) : 0;
    return k.arch.pteFormat.isPresent(hi, lo);
  }

  #call(call: string, op: Op<number>): void {
    const result = runToEnd(op);
    if (result < 0) this.#onRefusal({ call, errno: result });
  }

  /** First machine part of the lowest area in machine parts [start, end), -1 for none. */
  #blockerOf(start: number, end: number): number {
    const { scale } = this;
    const vma = this.process.mm.vmas.intersecting(Math.floor(start / scale), Math.ceil(end / scale));
    return vma === null ? -1 : vma.start * scale;
  }

  #machinePage(page: number): number {
    return page + this.#relocator.deltaOf(page * this.scale) / this.scale;
  }

  #address(page: number): bigint {
    return BigInt(this.#machinePage(page)) << BigInt(this.pageShift);
  }

  #bytes(pages: number): bigint {
    return BigInt(pages) << BigInt(this.pageShift);
  }

  #range(first: number, last: number): Range {
    return { address: this.#address(first), bytes: this.#bytes(last - first) };
  }

  /** Pages [first, last) as the machine's ranges: one, unless parts of it were moved differently. */
  #pieces(first: number, last: number): Range[] {
    if (first >= last) return [];
    const { scale } = this;
    return this.#relocator
      .pieces(first * scale, last * scale)
      .map((piece) => this.#range(Math.floor(piece.start / scale), Math.ceil(piece.end / scale)));
  }
}
