/** How large a file may get: the largest its file system takes, and RLIMIT_FSIZE of whoever runs. SIGXFSZ is not simulated. */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Inode } from './file.js';

/** A page index is a machine word and an offset a signed 64-bit number: what both can say (MAX_LFS_FILESIZE, linux/fs.h). */
export function maxLfsFileSize(k: Kernel): bigint {
  return (k.arch.wordBits === 32 ? BigInt(k.memory.pageSize) << 31n : 1n << 63n) - 1n;
}

/** s_maxbytes of a file system that takes what the kernel takes. Sizes are plain numbers here, so it ends at 8 PiB. */
export function defaultMaxBytes(k: Kernel): number {
  return Math.min(Number(maxLfsFileSize(k)), Number.MAX_SAFE_INTEGER);
}

/** Bytes that a file may have at most. */
export function maxFileSize(k: Kernel, inode: Inode): number {
  return Math.min(inode.maxBytes ?? Infinity, defaultMaxBytes(k), k.cpu.mm?.rlimits.fsize ?? Infinity);
}

/** generic_write_checks: how many of `length` bytes may be written at `offset`, or -EFBIG when it is not even one. */
export function writableBytes(k: Kernel, inode: Inode, offset: number, length: number): number {
  const room = maxFileSize(k, inode) - offset;
  return length > 0 && room <= 0 ? -ERRNO.EFBIG : Math.min(length, room);
}
