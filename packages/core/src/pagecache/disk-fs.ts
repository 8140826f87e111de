/** The file system of the in-memory disk: files by path, mounted at `/` on every machine. */
import { ERRNO } from '../errors.js';
import type { FileSystem } from '../fs/file-system.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { DiskFile } from './disk-file.js';

/** Names of the files of the disk. Directories are not kept: a path is a name. */
export class DiskFs implements FileSystem {
  readonly #k: Kernel;
  readonly #files = new Map<string, DiskFile>();

  constructor(k: Kernel) {
    this.#k = k;
  }

  lookup(path: string): DiskFile | null {
    return this.#files.get(path) ?? null;
  }

  create(path: string): DiskFile {
    const file = new DiskFile(this.#k, path, { size: 0 });
    this.#files.set(path, file);
    return file;
  }

  *unlink(path: string): Op<number> {
    const file = this.#files.get(path);
    if (file === undefined) return -ERRNO.ENOENT;
    this.#files.delete(path);
    file.nlink--;
    if (file.opens === 0) file.destroy();
    return 0;
  }
}
