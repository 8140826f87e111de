// What a system call of a trace does to memory, processes and descriptors. Addresses are bigint, as recorded; lengths and
// offsets are exact numbers in bytes, as recorded (not rounded to pages).

/** Fields every operation has. */
export interface TraceOpAt {
  /** Line where the call took effect, counted from 1. */
  readonly line: number;
  readonly pid: number;
  readonly tid: number;
}

export interface MapFlags {
  readonly isShared: boolean;
  /** MAP_FIXED or MAP_FIXED_NOREPLACE. */
  readonly isFixed: boolean;
  readonly isAnonymous: boolean;
  readonly growsDown: boolean;
  readonly isNoReserve: boolean;
  readonly isLocked: boolean;
  readonly isPopulated: boolean;
  readonly isHuge: boolean;
}

export interface MmapOp extends TraceOpAt, MapFlags {
  readonly op: 'mmap';
  /** The hint, 0 if there was none. */
  readonly address: bigint;
  /** More than 0. */
  readonly length: number;
  /** PROT_ bits of Linux on x86-64. */
  readonly prot: number;
  /** MAP_ bits of Linux on x86-64, raw. */
  readonly flags: number;
  /** -1 for none. */
  readonly fd: number;
  readonly offset: number;
  /** Where the kernel placed it, a multiple of 4096; result + length does not exceed 2^64. */
  readonly result: bigint;
}

export interface MunmapOp extends TraceOpAt {
  readonly op: 'munmap';
  readonly address: bigint;
  readonly length: number;
}

export interface MprotectOp extends TraceOpAt {
  readonly op: 'mprotect';
  readonly address: bigint;
  readonly length: number;
  readonly prot: number;
}

export interface MremapOp extends TraceOpAt {
  readonly op: 'mremap';
  readonly address: bigint;
  /** 0 asks for a second mapping of shared memory. */
  readonly oldLength: number;
  readonly newLength: number;
  /** MREMAP_ bits. */
  readonly flags: number;
  readonly isFixed: boolean;
  readonly keepsOld: boolean;
  readonly result: bigint;
}

export interface BrkOp extends TraceOpAt {
  readonly op: 'brk';
  /** What was asked for; 0 asks where the break is. */
  readonly address: bigint;
  /** Where the break is now: below `address` if it could not grow. */
  readonly result: bigint;
}

export interface MadviseOp extends TraceOpAt {
  readonly op: 'madvise';
  readonly address: bigint;
  readonly length: number;
  /** MADV_ number of Linux on x86-64. */
  readonly advice: number;
}

export interface MlockOp extends TraceOpAt {
  readonly op: 'mlock';
  readonly isLock: boolean;
  /** `undefined` for mlockall and munlockall. */
  readonly range: { readonly address: bigint; readonly length: number } | undefined;
}

export interface ShmgetOp extends TraceOpAt {
  readonly op: 'shmget';
  readonly id: number;
  readonly length: number;
}

export interface ShmatOp extends TraceOpAt {
  readonly op: 'shmat';
  readonly id: number;
  readonly flags: number;
  readonly result: bigint;
}

export interface ShmdtOp extends TraceOpAt {
  readonly op: 'shmdt';
  readonly address: bigint;
}

/** fork, vfork and clone, each seen from one side: a trace has a child's own return only where it made a process. */
export interface CloneOp extends TraceOpAt {
  readonly op: 'clone';
  /** CLONE_ bits; of fork and vfork, those that it stands for. */
  readonly flags: number;
  /** CLONE_VM: parent and child are one address space. */
  readonly sharesMemory: boolean;
  readonly isThread: boolean;
  /** The parent stands still until the child calls execve or exits. */
  readonly isVfork: boolean;
  /** In the child `pid` is its own, or, of a vfork, still its parent's: the child's number is on its first own line. */
  readonly side: 'parent' | 'child';
  /** Process or thread made; 0 on the child's side. */
  readonly childId: number;
}

export interface ExecOp extends TraceOpAt {
  readonly op: 'exec';
  readonly path: string;
}

export interface ExitOp extends TraceOpAt {
  readonly op: 'exit';
  /** `thread` for exit, which ends the process only with its last thread. */
  readonly scope: 'thread' | 'process';
  readonly status: number;
}

export interface OpenOp extends TraceOpAt {
  readonly op: 'open';
  readonly fd: number;
  /** As the call gave it; `undefined` if the trace begins after the call's entry. A memfd has one of its own. */
  readonly path: string | undefined;
}

export interface CloseOp extends TraceOpAt {
  readonly op: 'close';
  /** First and last descriptor closed. */
  readonly fd: number;
  readonly lastFd: number;
}

export interface DupOp extends TraceOpAt {
  readonly op: 'dup';
  readonly fd: number;
  readonly newFd: number;
}

/** Nothing that a replay needs: another call, an entry without its result yet, or a call that failed. */
export interface OtherOp extends TraceOpAt {
  readonly op: 'other';
}

export type TraceOp =
  | MmapOp
  | MunmapOp
  | MprotectOp
  | MremapOp
  | BrkOp
  | MadviseOp
  | MlockOp
  | ShmgetOp
  | ShmatOp
  | ShmdtOp
  | CloneOp
  | ExecOp
  | ExitOp
  | OpenOp
  | CloseOp
  | DupOp
  | OtherOp;
