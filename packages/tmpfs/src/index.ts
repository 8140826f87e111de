/** `@fourfold/tmpfs`: memory-backed files, and what of the kernel stands on them. */
export { ShmemInode } from './inode.js';
export type { TmpfsOptions } from './options.js';
export { Tmpfs, type TmpfsUsage, tmpfs } from './tmpfs.js';
