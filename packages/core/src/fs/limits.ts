/** How large a file may get: the largest its file system takes, and RLIMIT_FSIZE of whoever runs. SIGXFSZ is not simulated. */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Inode } from './file.js';

/** Bytes that a file may have at most. */
export function maxFileSize(k: Kernel, inode: Inode): number {
  return Math.min(inode.maxBytes ?? Number.MAX_SAFE_INTEGER, k.cpu.mm?.rlimits.fsize ?? Infinity);
}

/** generic_write_checks: how many of `length` bytes may be written at `offset`, or -EFBIG when it is not even one. */
export function writableBytes(k: Kernel, inode: Inode, offset: number, length: number): number {
  const room = maxFileSize(k, inode) - offset;
  return length > 0 && room <= 0 ? -ERRNO.EFBIG : Math.min(length, room);
}
