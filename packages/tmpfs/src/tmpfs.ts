/** The file system: mounting it, and names of files in it. */
import { ERRNO, type FileSystem, type FileSystemType, type Kernel, MmError, type Op } from '@fourfold/core/fs';
import { ShmemInode } from './inode.js';
import { parseOptions, type TmpfsOptions } from './options.js';
import { Shmem } from './shmem.js';
import { SuperBlock } from './super-block.js';

/**
 * tmpfs, to be mounted on a machine: `new Machine({ arch, mounts: { '/tmp': tmpfs({ size: '16m' }) } })`. A machine with one
 * also has shared anonymous memory and SysV segments.
 */
export function tmpfs(options: string | TmpfsOptions = {}): FileSystemType {
  return { name: 'tmpfs', mount: (k, at) => new Tmpfs(k, at, options) };
}

/** What df shows of a mount; all 0 without a limit. */
export interface TmpfsUsage {
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly inodes: number;
  readonly freeInodes: number;
}

/** One mounted tmpfs. Directories are not kept: a path is a name. */
export class Tmpfs implements FileSystem {
  readonly #k: Kernel;
  readonly #shmem: Shmem;
  readonly #sb: SuperBlock;
  readonly #at: string;
  readonly #files = new Map<string, ShmemInode>();

  /** @throws MmError EINVAL for options that are none, or leave no inode for the root directory */
  constructor(k: Kernel, at: string, options: string | TmpfsOptions) {
    this.#k = k;
    this.#at = at === '/' ? '' : at;
    const blocks = Math.floor(k.memory.nrPages / 2);
    const limits = parseOptions(k, options, { blocks, inodes: blocks });
    this.#sb = new SuperBlock(limits.blocks, limits.inodes);
    if (!this.#sb.takeInode()) throw new MmError('EINVAL', 'tmpfs: expected an inode for the root directory');
    this.#sb.directories = 1;
    this.#shmem = Shmem.of(k);
    this.#shmem.mounts.add(this.#sb);
  }

  lookup(path: string): ShmemInode | null {
    return this.#files.get(path) ?? null;
  }

  create(path: string): ShmemInode | number {
    if (path === '') return -ERRNO.EISDIR;
    if (this.#files.has(path)) return -ERRNO.EEXIST;
    if (!this.#sb.takeInode()) return -ERRNO.ENOSPC;
    const inode = new ShmemInode(this.#shmem, this.#sb, {
      path: `${this.#at}/${path}`,
      nlink: 1,
    });
    this.#files.set(path, inode);
    return inode;
  }

  /** link(2): another name of a file, which takes an inode's place. 0, or -ENOENT, -EEXIST, -ENOSPC. */
  link(path: string, to: string): number {
    const inode = this.#files.get(path);
    if (inode === undefined) return -ERRNO.ENOENT;
    if (this.#files.has(to)) return -ERRNO.EEXIST;
    if (!this.#sb.takeInode()) return -ERRNO.ENOSPC;
    inode.nlink++;
    this.#files.set(to, inode);
    return 0;
  }

  *unlink(path: string): Op<number> {
    const inode = this.#files.get(path);
    if (inode === undefined) return -ERRNO.ENOENT;
    this.#files.delete(path);
    inode.nlink--;
    if (inode.nlink > 0) this.#sb.giveInode();
    else if (inode.opens === 0) yield* inode.evict();
    return 0;
  }

  /** shmem_remount_fs: new limits. 0, or -EINVAL: below what is in use, or between a limit and none with files there. */
  remount(options: string | TmpfsOptions): number {
    const sb = this.#sb;
    const usedBlocks = sb.maxBlocks - sb.freeBlocks;
    const usedInodes = sb.maxInodes - sb.freeInodes;
    const { blocks, inodes } = parseOptions(this.#k, options, { blocks: sb.maxBlocks, inodes: sb.maxInodes });
    if (blocks < usedBlocks || inodes < usedInodes) return -ERRNO.EINVAL;
    // Without a limit nothing is counted, so nobody knows what is in use.
    if (blocks !== 0 && sb.maxBlocks === 0) return -ERRNO.EINVAL;
    if (inodes !== 0 && sb.maxInodes === 0) return -ERRNO.EINVAL;
    sb.maxBlocks = blocks;
    sb.freeBlocks = blocks - usedBlocks;
    sb.maxInodes = inodes;
    sb.freeInodes = inodes - usedInodes;
    return 0;
  }

  /** statfs. */
  get usage(): TmpfsUsage {
    const { maxBlocks: blocks, freeBlocks, maxInodes: inodes, freeInodes } = this.#sb;
    return { blocks, freeBlocks, inodes, freeInodes };
  }
}
