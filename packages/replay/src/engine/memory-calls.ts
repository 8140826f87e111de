/**
 * The memory calls of a trace, carried out on a recorded address space: where each area comes from, where the heap
 * begins, how long a SysV segment is.
 */
import type { FileTable } from '../trace/file-table.js';
import type { BrkOp, MmapOp, MremapOp, ShmatOp, TraceOp } from '../trace/trace-op.js';
import { SEGMENT_PREFIX } from './file-store.js';
import type { InitialAreas } from './initial-areas.js';
import { PART_BYTES, PART_SHIFT, type TraceArea } from './part-map.js';
import type { TraceSpace } from './space.js';
import { ReplayStop } from './stop.js';

export class MemoryCalls {
  readonly #initial: InitialAreas;
  readonly #problem: (line: number, message: string) => void;
  /** Bytes of each SysV segment by id. */
  readonly #segments = new Map<number, number>();
  #startBrk = -1;
  #brkPart = 0;
  #heap: TraceArea | null = null;

  constructor(initial: InitialAreas, problem: (line: number, message: string) => void) {
    this.#initial = initial;
    this.#problem = problem;
  }

  /** Carries out a call; passes over what is not memory. @throws ReplayStop, NoRoomError */
  apply(space: TraceSpace, files: FileTable, op: TraceOp): void {
    switch (op.op) {
      case 'mmap':
        this.#mmap(space, files, op);
        break;
      case 'munmap':
        space.unmap(partOf(op.address), partOf(op.address) + partsOf(op.length));
        break;
      case 'mprotect':
        this.#initial.supplyRange(space, partOf(op.address), partOf(op.address) + partsOf(op.length));
        space.protect(partOf(op.address), partOf(op.address) + partsOf(op.length), op.prot & 7);
        break;
      case 'mremap':
        this.#mremap(space, op);
        break;
      case 'brk':
        this.#brk(space, op);
        break;
      case 'madvise':
        if (op.advice !== MADV_DONTNEED) break;
        this.#initial.supplyRange(space, partOf(op.address), partOf(op.address) + partsOf(op.length));
        space.forget(partOf(op.address), partOf(op.address) + partsOf(op.length));
        break;
      case 'shmget':
        // Of a segment that exists the call need not say how long it is.
        this.#segments.set(op.id, Math.max(op.length, this.#segments.get(op.id) ?? 0));
        break;
      case 'shmat':
        this.#shmat(space, op);
        break;
      case 'shmdt':
        space.unmapArea(partOf(op.address));
        break;
      default:
        break;
    }
  }

  #mmap(space: TraceSpace, files: FileTable, op: MmapOp): void {
    const start = partOf(op.result);
    const area: TraceArea = {
      kind: op.isAnonymous ? 'anon' : 'file',
      path: op.isAnonymous ? '' : files.pathOf(op.fd),
      offset: op.offset,
      origin: start,
      isShared: op.isShared,
      growsDown: op.growsDown,
      isNoReserve: op.isNoReserve,
    };
    space.map(start, start + partsOf(op.length), area, op.prot & 7);
  }

  #mremap(space: TraceSpace, op: MremapOp): void {
    const start = partOf(op.address);
    const end = start + partsOf(op.oldLength);
    this.#initial.supplyRange(space, start, end);
    const old = space.parts.at(start);
    if (!space.remap(start, end - start, partOf(op.result), partsOf(op.newLength))) {
      this.#problem(op.line, `mremap of 0x${op.address.toString(16)}, where nothing is mapped; left out`);
    } else if (op.keepsOld && old !== undefined) {
      space.map(start, end, old.area, old.prot);
    }
  }

  #shmat(space: TraceSpace, op: ShmatOp): void {
    const length = this.#segments.get(op.id);
    if (length === undefined || length === 0) {
      this.#problem(op.line, `shmat of segment ${op.id}, whose length is not in the trace; left out`);
      return;
    }
    if (op.result + BigInt(length) > 1n << 64n) {
      throw new ReplayStop(op.line, `expected a range of shmat inside the address space, came ${length} bytes`);
    }
    const start = partOf(op.result);
    const area: TraceArea = {
      kind: 'file',
      path: `${SEGMENT_PREFIX}${op.id}`,
      offset: 0,
      origin: start,
      isShared: true,
      growsDown: false,
      isNoReserve: false,
    };
    space.map(start, start + partsOf(length), area, (op.flags & SHM_RDONLY) !== 0 ? 1 : 3);
  }

  #brk(space: TraceSpace, op: BrkOp): void {
    const part = Math.ceil(Number(op.result) / PART_BYTES);
    if (this.#startBrk < 0) {
      this.#startBrk = part;
      this.#brkPart = part;
      this.#initial.setBreak(space, part);
      space.process.mm.startBrk = op.result;
      space.process.mm.brk = op.result;
      this.#heap = {
        kind: 'anon',
        path: '',
        offset: 0,
        origin: part,
        isShared: false,
        growsDown: false,
        isNoReserve: false,
        isHeap: true,
      };
      return;
    }
    if (part > this.#brkPart) space.map(this.#brkPart, part, this.#heap as TraceArea, 3);
    else if (part < this.#brkPart) space.unmap(Math.max(part, this.#startBrk), this.#brkPart);
    this.#brkPart = Math.max(part, this.#startBrk);
    space.process.mm.brk = op.result;
  }
}

const MADV_DONTNEED = 4;
const SHM_RDONLY = 0x1000;

function partOf(address: bigint): number {
  return Number(address >> BigInt(PART_SHIFT));
}

function partsOf(length: number): number {
  return Math.ceil(length / PART_BYTES);
}
