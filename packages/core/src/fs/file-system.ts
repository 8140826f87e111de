/**
 * File systems and where they are mounted: the little of a VFS that a memory manager needs. A path goes to the file system
 * of its longest mount point; names inside are the file system's business.
 */
import { ERRNO, MmError } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { type OpenFile, type OpenMode, openFile, type RegularFile } from './file.js';

/** struct file_system_type: what can be mounted on a machine. */
export interface FileSystemType {
  /** As in /proc/filesystems: `tmpfs`. */
  readonly name: string;
  /** A new instance of it, for mount point `at`. @throws MmError for options that make none */
  mount(k: Kernel, at: string): FileSystem;
}

/** A mounted file system. Paths are relative to its root, without a slash in front. */
export interface FileSystem {
  /** The file of a path, or null. */
  lookup(path: string): RegularFile | null;
  /** A new, empty file, or a negative errno. */
  create(path: string): RegularFile | number;
  /** Takes a name away; the file lives on while it is open or mapped. 0, or a negative errno. */
  unlink(path: string): Op<number>;
}

/** How a path is opened. */
export interface PathOpenMode extends OpenMode {
  /** O_CREAT: makes the file if there is none. Default false. */
  readonly create?: boolean;
  /** O_TRUNC: the size becomes 0. Default false. */
  readonly truncate?: boolean;
}

/** The mount points of a machine. */
export class MountTable {
  /** Longest mount point first. */
  readonly #mounts: { readonly at: string; readonly fs: FileSystem }[] = [];

  /** @throws MmError MM_MOUNT for a mount point that is no absolute path */
  mount(at: string, fs: FileSystem): void {
    if (!/^\/$|^(\/[^/]+)+$/.test(at))
      throw new MmError('MM_MOUNT', `expected an absolute path without a slash at its end, got '${at}'`);
    this.#mounts.push({ at: at === '/' ? '' : at, fs });
    this.#mounts.sort((a, b) => b.at.length - a.at.length);
  }

  /** The file of a path, or null. */
  lookup(path: string): RegularFile | null {
    const found = this.#resolve(path);
    return found === null ? null : found.fs.lookup(found.inside);
  }

  /** open(2). An open file with one reference, or a negative errno. */
  *open(path: string, mode: PathOpenMode = {}): Op<OpenFile | number> {
    const found = this.#resolve(path);
    if (found === null) return -ERRNO.ENOENT;
    const { fs, inside } = found;
    let inode: RegularFile | number | null = fs.lookup(inside);
    if (inode === null) {
      if (mode.create !== true) return -ERRNO.ENOENT;
      inode = fs.create(inside);
      if (typeof inode === 'number') return inode;
    } else if (mode.truncate === true) {
      const error = yield* inode.setSize(0);
      if (error < 0) return error;
    }
    return openFile(inode, mode);
  }

  /** unlink(2). 0, or a negative errno. */
  *unlink(path: string): Op<number> {
    const found = this.#resolve(path);
    return found === null ? -ERRNO.ENOENT : yield* found.fs.unlink(found.inside);
  }

  #resolve(path: string): { fs: FileSystem; inside: string } | null {
    for (const { at, fs } of this.#mounts) {
      if (path.startsWith(`${at}/`)) return { fs, inside: path.slice(at.length + 1) };
    }
    return null;
  }
}
