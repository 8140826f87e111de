/**
 * SysV shared memory (ipc/shm.c): segments by key and id. A segment is a file without a name on the internal mount; it
 * lives until it is removed and nobody maps it.
 *
 * Ids are a sequence number times IPCMNI plus the place in the table, so that an old id is told from the new one of its
 * place. Processes have no owner here, so no permission is refused. shm_ids.sem and the segment's lock could never be seen
 * held: what runs here is plain but for the mapping itself.
 */
import {
  canDoMlock,
  closeFile,
  ERRNO,
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  IPC_RMID,
  type Kernel,
  limitPages,
  type MappedFile,
  type Mm,
  type Op,
  OVERCOMMIT_NEVER,
  type SegmentStat,
  SHM_HUGETLB,
  SHM_LOCK,
  SHM_NORESERVE,
  SHM_UNLOCK,
  type SharedSegments,
  VM_MAYWRITE,
  VM_WRITE,
  type Vma,
  type VmaOps,
} from '@fourfold/core/fs';
import { attach, detach } from './attach.js';
import type { ShmemInode } from './inode.js';
import type { Shmem } from './shmem.js';

/** SHMMAX: bytes of the largest segment. */
export const SHMMAX = 0x200_0000;
/** SHMMNI: segments there may be. */
export const SHMMNI = 4096;
const IPCMNI = 32768;
/** Sequence numbers that an id, a positive int, has room for. */
const SEQUENCES = 2 ** 31 / IPCMNI;

/** One segment (shmid_kernel). */
export interface Segment {
  readonly id: number;
  key: number;
  /** Bytes asked for. */
  readonly size: number;
  readonly pages: number;
  readonly file: MappedFile;
  /** SHM_HUGETLB: its areas are the huge pages' own and are not counted. */
  readonly isHuge: boolean;
  /** Areas that map it, and attaches under way. */
  nattch: number;
  /** SHM_DEST. */
  isDoomed: boolean;
  isLocked: boolean;
}

/** All segments of a machine. */
export class Segments implements SharedSegments {
  readonly k: Kernel;
  readonly #shmem: Shmem;
  /** Segments by place; holes are free. */
  readonly #places: (Segment | undefined)[] = [];
  /** Which segment an area maps: by the operations it has. */
  readonly #byOps = new WeakMap<VmaOps, Segment>();
  #sequence = 0;
  /** shm_tot. */
  #totalPages = 0;
  /** user.locked_shm: pages of locked segments. */
  #lockedPages = 0;

  constructor(shmem: Shmem) {
    this.k = shmem.k;
    this.#shmem = shmem;
  }

  /** SHMALL: pages of all segments together. */
  get maxPages(): number {
    return (SHMMAX / this.k.memory.pageSize) * (SHMMNI / 16);
  }

  /** Every segment there is. */
  *all(): Generator<Segment, void, void> {
    for (const segment of this.#places) if (segment !== undefined) yield segment;
  }

  /** The segment that an area maps, or undefined. */
  of(vma: Vma): Segment | undefined {
    return vma.ops === null ? undefined : this.#byOps.get(vma.ops);
  }

  *get(_mm: Mm, key: number, size: bigint, flags: number): Op<number> {
    const found = key === IPC_PRIVATE ? undefined : this.#places.find((segment) => segment?.key === key);
    if (found === undefined) {
      return key !== IPC_PRIVATE && (flags & IPC_CREAT) === 0 ? -ERRNO.ENOENT : yield* this.#create(key, size, flags);
    }
    if ((flags & (IPC_CREAT | IPC_EXCL)) === (IPC_CREAT | IPC_EXCL)) return -ERRNO.EEXIST;
    return BigInt(found.size) < size ? -ERRNO.EINVAL : found.id;
  }

  attach(mm: Mm, id: number, addr: bigint, flags: number): Op<number> {
    return attach(this, mm, id, addr, flags);
  }

  detach(mm: Mm, addr: bigint): Op<number> {
    return detach(this, mm, addr);
  }

  *control(mm: Mm, id: number, command: number): Op<number> {
    if (command !== IPC_RMID && command !== SHM_LOCK && command !== SHM_UNLOCK) return -ERRNO.EINVAL;
    const segment = this.lookup(id);
    if (typeof segment === 'number') return segment;
    if (command !== IPC_RMID) return this.#lock(mm, segment, command === SHM_LOCK);
    // Nobody finds it any more by its key; who has its id still may.
    segment.key = IPC_PRIVATE;
    segment.isDoomed = true;
    yield* this.reap(segment);
    return 0;
  }

  stat(id: number): SegmentStat | number {
    const segment = this.lookup(id);
    if (typeof segment === 'number') return segment;
    const { size, nattch, key, isDoomed, isLocked } = segment;
    return { size, nattch, key, isDoomed, isLocked };
  }

  /** shm_lock and shm_checkid: the segment of an id, -EINVAL when there is none at its place, -EIDRM for another one. */
  lookup(id: number): Segment | number {
    const segment = id < 0 ? undefined : this.#places[id % IPCMNI];
    if (segment === undefined) return -ERRNO.EINVAL;
    return segment.id === id ? segment : -ERRNO.EIDRM;
  }

  /** shm_destroy, once a segment is to go and nobody maps it. */
  *reap(segment: Segment): Op<void> {
    if (segment.isDoomed && segment.nattch === 0) {
      this.#forget(segment);
      yield* closeFile(segment.file);
    }
  }

  /** newseg. The new segment's id, or -EINVAL, -ENOSPC, -ENOMEM, -ENOSYS. */
  *#create(key: number, bytes: bigint, flags: number): Op<number> {
    const { k } = this;
    if (bytes < 1n || bytes > BigInt(SHMMAX)) return -ERRNO.EINVAL;
    const size = Number(bytes);
    const pages = Math.ceil(size / k.memory.pageSize);
    if (this.#totalPages + pages >= this.maxPages) return -ERRNO.ENOSPC;
    const file = this.#backing(key, size, flags);
    if (typeof file === 'number') return file;
    const free = this.#places.indexOf(undefined);
    const place = free < 0 ? this.#places.length : free;
    if (place >= SHMMNI) {
      // The object is made before the table is looked at.
      yield* closeFile(file);
      return -ERRNO.ENOSPC;
    }
    const id = this.#sequence * IPCMNI + place;
    this.#sequence = (this.#sequence + 1) % SEQUENCES;
    const isHuge = (flags & SHM_HUGETLB) !== 0;
    const segment: Segment = { id, key, size, pages, file, isHuge, nattch: 0, isDoomed: false, isLocked: false };
    this.#places[place] = segment;
    this.#totalPages += pages;
    if (!isHuge) this.#count(segment);
    return id;
  }

  /** The file behind a new segment. */
  #backing(key: number, size: number, flags: number): MappedFile | number {
    const { k } = this;
    if ((flags & SHM_HUGETLB) !== 0) return k.hugetlbZeroSetup?.(k, size) ?? -ERRNO.ENOSYS;
    const preCharged = (flags & SHM_NORESERVE) === 0 || k.overcommit === OVERCOMMIT_NEVER;
    return this.#shmem.setup(`/SYSV${(key >>> 0).toString(16).padStart(8, '0')}`, size, preCharged);
  }

  /** Has the areas of a segment counted: shm_mmap, shm_open, shm_close. */
  #count(segment: Segment): void {
    (segment.file.inode as ShmemInode).ino = segment.id;
    const ops: VmaOps = {
      open: () => void segment.nattch++,
      close: () => {
        segment.nattch--;
        // Not the last reference: the area that goes has one until its close is over.
        if (segment.nattch === 0 && segment.isDoomed) {
          this.#forget(segment);
          segment.file.refs--;
        }
      },
    };
    this.#byOps.set(ops, segment);
    segment.file.mmap = function* (_k: Kernel, vma: Vma): Op<number> {
      // A read-only attach can never be made writable.
      if ((vma.flags & VM_WRITE) === 0) vma.flags &= ~VM_MAYWRITE;
      vma.ops = ops;
      segment.nattch++;
      return 0;
    };
  }

  #forget(segment: Segment): void {
    if (segment.isLocked) this.#setLocked(segment, false);
    this.#places[segment.id % IPCMNI] = undefined;
    this.#totalPages -= segment.pages;
    if (segment.isHuge && this.k.hugetlb !== null) this.k.hugetlb.lockedShm -= segment.pages;
  }

  /** shmem_lock: SHM_LOCK keeps the pages in memory, within RLIMIT_MEMLOCK. */
  #lock(mm: Mm, segment: Segment, locks: boolean): number {
    if (!mm.capIpcLock && !canDoMlock(mm)) return -ERRNO.EPERM;
    if (segment.isHuge || segment.isLocked === locks) return 0;
    const limit = mm.capIpcLock ? Infinity : limitPages(this.k, mm.rlimits.memlock);
    if (locks && this.#lockedPages + segment.pages > limit) return -ERRNO.ENOMEM;
    this.#setLocked(segment, locks);
    return 0;
  }

  #setLocked(segment: Segment, locked: boolean): void {
    segment.isLocked = locked;
    (segment.file.inode as ShmemInode).isLocked = locked;
    this.#lockedPages += locked ? segment.pages : -segment.pages;
  }
}
