// System call records to operations. Told by number: some calls are printed without a name. What the kernel would not have let
// succeed (a negative or inexact length, an address off the page, a range over the end of the space) is a TraceError.

import * as linux from './linux-x86-64.js';
import type { SyscallRecord } from './syscall-record.js';
import { TraceError } from './trace-error.js';
import type { CloneOp, MmapOp, TraceOp, TraceOpAt } from './trace-op.js';

/** @throws TraceError with code TRACE_CALL, naming the line, the argument and its value. */
export function decodeSyscall(record: SyscallRecord): TraceOp {
  const { line, pid, tid, nr, result } = record;
  const at: TraceOpAt = { line, pid, tid };
  if (record.phase === 'entry') return { op: 'other', ...at };
  if (nr === linux.NR_EXECVE || nr === linux.NR_EXECVEAT) {
    const path = record.texts.find((text) => text !== undefined) ?? '';
    return result === undefined ? { op: 'exec', ...at, path } : { op: 'other', ...at };
  }
  // A call that failed changed nothing.
  if (result === undefined || 'err' in result) return { op: 'other', ...at };
  return decodeSuccess(record, at, result.ok);
}

function decodeSuccess(record: SyscallRecord, at: TraceOpAt, ok: bigint): TraceOp {
  switch (record.nr) {
    case linux.NR_MMAP:
      return decodeMmap(record, at, ok);
    case linux.NR_MUNMAP:
      return { op: 'munmap', ...at, ...rangeOf(record, 0, 1) };
    case linux.NR_MPROTECT:
    case linux.NR_PKEY_MPROTECT:
      return { op: 'mprotect', ...at, ...rangeOf(record, 0, 1), prot: bitsOf(record, 2, 'protection') };
    case linux.NR_MREMAP:
      return decodeMremap(record, at, ok);
    case linux.NR_BRK:
      return { op: 'brk', ...at, address: addressOf(record, 0), result: ok };
    case linux.NR_MADVISE:
      return { op: 'madvise', ...at, ...rangeOf(record, 0, 1), advice: bitsOf(record, 2, 'advice') };
    case linux.NR_MLOCK:
    case linux.NR_MLOCK2:
    case linux.NR_MUNLOCK: {
      // These two round their address down, so it need not be on a page.
      const range = { address: addressOf(record, 0), length: integerOf(record, 1, 'a length') };
      return { op: 'mlock', ...at, isLock: record.nr !== linux.NR_MUNLOCK, range };
    }
    case linux.NR_MLOCKALL:
    case linux.NR_MUNLOCKALL:
      return { op: 'mlock', ...at, isLock: record.nr === linux.NR_MLOCKALL, range: undefined };
    case linux.NR_SHMGET:
      return { op: 'shmget', ...at, id: idOf(record, ok), length: integerOf(record, 1, 'a size') };
    case linux.NR_SHMAT: {
      const result = pageOf(record, ok, 'result');
      return { op: 'shmat', ...at, id: signedOf(record, 0), flags: bitsOf(record, 2, 'flags'), result };
    }
    case linux.NR_SHMDT:
      return { op: 'shmdt', ...at, address: addressOf(record, 0) };
    case linux.NR_CLONE:
    case linux.NR_FORK:
    case linux.NR_VFORK:
      return decodeClone(record, at, ok);
    case linux.NR_EXIT:
    case linux.NR_EXIT_GROUP: {
      const scope = record.nr === linux.NR_EXIT ? 'thread' : 'process';
      return { op: 'exit', ...at, scope, status: signedOf(record, 0) };
    }
    default:
      return decodeDescriptor(record, at, ok);
  }
}

function decodeDescriptor(record: SyscallRecord, at: TraceOpAt, ok: bigint): TraceOp {
  switch (record.nr) {
    case linux.NR_OPEN:
    case linux.NR_CREAT:
    case linux.NR_OPENAT:
    case linux.NR_OPENAT2: {
      const path = record.texts.find((text) => text !== undefined);
      return { op: 'open', ...at, fd: idOf(record, ok), path };
    }
    case linux.NR_MEMFD_CREATE:
      return { op: 'open', ...at, fd: idOf(record, ok), path: `memfd:${record.line}` };
    case linux.NR_CLOSE: {
      const fd = signedOf(record, 0);
      return { op: 'close', ...at, fd, lastFd: fd };
    }
    case linux.NR_CLOSE_RANGE: {
      const flags = bitsOf(record, 2, 'flags');
      if ((flags & linux.CLOSE_RANGE_CLOEXEC) !== 0) return { op: 'other', ...at };
      return {
        op: 'close',
        ...at,
        fd: integerOf(record, 0, 'a first descriptor'),
        lastFd: integerOf(record, 1, 'a last descriptor'),
      };
    }
    case linux.NR_DUP:
    case linux.NR_DUP2:
    case linux.NR_DUP3:
      return { op: 'dup', ...at, fd: signedOf(record, 0), newFd: idOf(record, ok) };
    case linux.NR_FCNTL: {
      const command = bitsOf(record, 1, 'command');
      const isDup = command === linux.F_DUPFD || command === linux.F_DUPFD_CLOEXEC;
      return isDup ? { op: 'dup', ...at, fd: signedOf(record, 0), newFd: idOf(record, ok) } : { op: 'other', ...at };
    }
    default:
      return { op: 'other', ...at };
  }
}

function decodeMmap(record: SyscallRecord, at: TraceOpAt, ok: bigint): MmapOp {
  const flags = bitsOf(record, 3, 'flags');
  const type = flags & linux.MAP_TYPE;
  if (type !== linux.MAP_PRIVATE && type !== linux.MAP_SHARED && type !== linux.MAP_SHARED_VALIDATE) {
    refuse(record, 'flags of mmap that are MAP_SHARED or MAP_PRIVATE', String(flags));
  }
  const isAnonymous = (flags & linux.MAP_ANONYMOUS) !== 0;
  const length = lengthOf(record, 1, 'a length');
  const result = pageOf(record, ok, 'result');
  checkRange(record, result, length);
  return {
    op: 'mmap',
    ...at,
    address: addressOf(record, 0),
    length,
    prot: bitsOf(record, 2, 'protection'),
    flags,
    isShared: type !== linux.MAP_PRIVATE,
    isFixed: (flags & (linux.MAP_FIXED | linux.MAP_FIXED_NOREPLACE)) !== 0,
    isAnonymous,
    growsDown: (flags & linux.MAP_GROWSDOWN) !== 0,
    isNoReserve: (flags & linux.MAP_NORESERVE) !== 0,
    isLocked: (flags & linux.MAP_LOCKED) !== 0,
    isPopulated: (flags & linux.MAP_POPULATE) !== 0,
    isHuge: (flags & linux.MAP_HUGETLB) !== 0,
    fd: isAnonymous ? -1 : signedOf(record, 4),
    offset: isAnonymous ? 0 : offsetOf(record, 5),
    result,
  };
}

function decodeMremap(record: SyscallRecord, at: TraceOpAt, ok: bigint): TraceOp {
  const flags = bitsOf(record, 3, 'flags');
  const address = pageOf(record, addressOf(record, 0), 'address');
  const oldLength = integerOf(record, 1, 'an old length');
  const newLength = lengthOf(record, 2, 'a new length');
  const result = pageOf(record, ok, 'result');
  checkRange(record, address, oldLength);
  checkRange(record, result, newLength);
  const isFixed = (flags & linux.MREMAP_FIXED) !== 0;
  const keepsOld = (flags & linux.MREMAP_DONTUNMAP) !== 0;
  return { op: 'mremap', ...at, address, oldLength, newLength, flags, isFixed, keepsOld, result };
}

function decodeClone(record: SyscallRecord, at: TraceOpAt, ok: bigint): CloneOp {
  let flags = linux.SIGCHLD;
  if (record.nr === linux.NR_VFORK) flags |= linux.CLONE_VM | linux.CLONE_VFORK;
  if (record.nr === linux.NR_CLONE) flags = bitsOf(record, 0, 'flags');
  const childId = idOf(record, ok);
  return {
    op: 'clone',
    ...at,
    flags,
    sharesMemory: (flags & linux.CLONE_VM) !== 0,
    isThread: (flags & linux.CLONE_THREAD) !== 0,
    isVfork: (flags & linux.CLONE_VFORK) !== 0,
    side: childId === 0 ? 'child' : 'parent',
    childId,
  };
}

/** An address and a length of which the kernel demands page alignment and a range inside the address space. */
function rangeOf(record: SyscallRecord, addressAt: number, lengthAt: number): { address: bigint; length: number } {
  const address = pageOf(record, addressOf(record, addressAt), 'address');
  const isUnmap = record.nr === linux.NR_MUNMAP;
  const length = isUnmap ? lengthOf(record, lengthAt, 'a length') : integerOf(record, lengthAt, 'a length');
  checkRange(record, address, length);
  return { address, length };
}

function checkRange(record: SyscallRecord, address: bigint, length: number): void {
  if (address + BigInt(length) <= 1n << 64n) return;
  refuse(record, `a range of ${nameOf(record)} inside the address space`, `${hex(address)} and ${length} bytes`);
}

function pageOf(record: SyscallRecord, address: bigint, what: string): bigint {
  if (address % BigInt(linux.RECORDED_PAGE_BYTES) === 0n) return address;
  return refuse(record, `the ${what} of ${nameOf(record)} at a multiple of 4096`, hex(address));
}

function addressOf(record: SyscallRecord, index: number): bigint {
  const value = record.args[index];
  if (typeof value === 'number' || typeof value === 'bigint') {
    const wide = BigInt(value);
    if (wide >= 0n && wide < 1n << 64n) return wide;
  }
  return refuse(record, `an address of 64 bits as argument ${index + 1} of ${nameOf(record)}`, shown(value));
}

/** More than 0. */
function lengthOf(record: SyscallRecord, index: number, what: string): number {
  const value = integerOf(record, index, what);
  if (value > 0) return value;
  return refuse(record, `${what} of ${nameOf(record)} above 0`, '0');
}

function integerOf(record: SyscallRecord, index: number, what: string): number {
  const value = record.args[index];
  if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) return value;
  return refuse(record, `${what} of ${nameOf(record)} from 0 to 2^53-1`, shown(value));
}

function offsetOf(record: SyscallRecord, index: number): number {
  const value = integerOf(record, index, 'a file offset');
  if (value % linux.RECORDED_PAGE_BYTES === 0) return value;
  return refuse(record, `a file offset of ${nameOf(record)} that is a multiple of 4096`, String(value));
}

/** Flags and the like: 32 bits. */
function bitsOf(record: SyscallRecord, index: number, what: string): number {
  const value = integerOf(record, index, what);
  if (value <= 0xffff_ffff) return value;
  return refuse(record, `${what} of ${nameOf(record)} in 32 bits`, String(value));
}

/** A C int, printed as an unsigned or a 64-bit number. */
function signedOf(record: SyscallRecord, index: number): number {
  const value = record.args[index];
  if (typeof value === 'number' || typeof value === 'bigint') return Number(BigInt.asIntN(32, BigInt(value)));
  return refuse(record, `a number as argument ${index + 1} of ${nameOf(record)}`, shown(value));
}

/** A result that is a descriptor, a process or the like. */
function idOf(record: SyscallRecord, ok: bigint): number {
  if (ok <= 0x7fff_ffffn) return Number(ok);
  return refuse(record, `a result of ${nameOf(record)} in 31 bits`, hex(ok));
}

function nameOf(record: SyscallRecord): string {
  return record.name === '' ? `call ${record.nr}` : record.name.replace(/^sys_/, '');
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

function shown(value: number | bigint | string | undefined): string {
  return value === undefined ? 'nothing' : String(value).slice(0, 40);
}

function refuse(record: SyscallRecord, expected: string, came: string): never {
  throw new TraceError({ code: 'TRACE_CALL', line: record.line, expected, came });
}
