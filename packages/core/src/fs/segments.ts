/**
 * SysV shared memory as processes call it (ipc/shm.c). Whoever has memory-backed files implements it and plugs it in as
 * `kernel.segments`; a machine without answers ENOSYS.
 */
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';

export const IPC_PRIVATE = 0;
/** Flags of shmget, besides the permissions in the lowest nine bits. */
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;
export const SHM_HUGETLB = 0o4000;
export const SHM_NORESERVE = 0o10000;
/** Flags of shmat. */
export const SHM_RDONLY = 0o10000;
export const SHM_RND = 0o20000;
export const SHM_REMAP = 0o40000;
export const SHM_EXEC = 0o100000;
/** Commands of shmctl that change something. */
export const IPC_RMID = 0;
export const SHM_LOCK = 11;
export const SHM_UNLOCK = 12;

/** What shmctl(IPC_STAT) tells of a segment. */
export interface SegmentStat {
  /** Bytes asked for. */
  readonly size: number;
  /** Areas that map it. */
  readonly nattch: number;
  /** IPC_PRIVATE once it is to be destroyed. */
  readonly key: number;
  /** SHM_DEST: goes with its last area. */
  readonly isDoomed: boolean;
  /** SHM_LOCKED. */
  readonly isLocked: boolean;
}

/** The segments of one machine. Answers are ids, pages and sizes, or negative errno numbers. */
export interface SharedSegments {
  /** shmget. The id. */
  get(mm: Mm, key: number, size: bigint, flags: number): Op<number>;
  /** shmat at byte `addr` (0: the kernel picks). The first page of the area. */
  attach(mm: Mm, id: number, addr: bigint, flags: number): Op<number>;
  /** shmdt. 0. */
  detach(mm: Mm, addr: bigint): Op<number>;
  /** shmctl. 0. */
  control(mm: Mm, id: number, command: number): Op<number>;
  /** shmctl(IPC_STAT). */
  stat(id: number): SegmentStat | number;
}
