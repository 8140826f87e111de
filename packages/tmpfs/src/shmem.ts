/**
 * What all mounts of one machine have in common: the internal mount behind shared anonymous memory and SysV segments, the
 * inodes that have pages in swap, inode numbers. Made when the first tmpfs is mounted.
 */
import {
  chargeMemory,
  ERRNO,
  type Kernel,
  type MappedFile,
  type Op,
  openFile,
  type SwapUser,
  VM_ACCOUNT,
} from '@fourfold/core/fs';
import { ShmemAudit } from './audit.js';
import { VectorGeometry } from './geometry.js';
import { ShmemInode } from './inode.js';
import { Segments } from './segments.js';
import { SuperBlock } from './super-block.js';
import { unuseInode } from './writepage.js';

const shmems = /* @__PURE__ */ new WeakMap<Kernel, Shmem>();

/** tmpfs on one machine. */
export class Shmem implements SwapUser {
  readonly k: Kernel;
  readonly geometry: VectorGeometry;
  /** shm_mnt: without limits, and without names. */
  readonly internal: SuperBlock = new SuperBlock(0, 0);
  /** Every mount, the internal one included. */
  readonly mounts: Set<SuperBlock> = new Set([this.internal]);
  /** shmem_swaplist: inodes that have had pages in swap. */
  readonly swapList: Set<ShmemInode> = new Set();
  readonly segments: Segments;
  #inodes = 0;

  /** The tmpfs of a kernel; the first call plugs it in. */
  static of(k: Kernel): Shmem {
    let shmem = shmems.get(k);
    if (shmem === undefined) {
      shmem = new Shmem(k);
      shmems.set(k, shmem);
    }
    return shmem;
  }

  private constructor(k: Kernel) {
    this.k = k;
    this.geometry = new VectorGeometry(k.memory.pageSize, k.arch.wordBits / 8);
    k.sharedAnonymous = (_k, pages, flags) => this.zeroSetup(pages, flags);
    this.segments = new Segments(this);
    k.segments = this.segments;
    k.swap.users.add(this);
    k.auditedParts.add(new ShmemAudit(this));
  }

  nextIno(): number {
    return ++this.#inodes;
  }

  /** shmem_zero_setup: the object behind a shared anonymous area of `pages` pages. An open file, or -ENOMEM, -EINVAL. */
  zeroSetup(pages: number, flags: number): MappedFile | number {
    return this.setup('/dev/zero', pages * this.k.memory.pageSize, (flags & VM_ACCOUNT) !== 0);
  }

  /**
   * shmem_file_setup: a file without a name on the internal mount.
   * @param size in bytes. @param preCharged charges all of it now. @returns an open file, or -ENOMEM, -EINVAL.
   */
  setup(path: string, size: number, preCharged: boolean): MappedFile | number {
    const { k } = this;
    const { pageSize } = k.memory;
    if (size > this.geometry.maxIndex * pageSize) return -ERRNO.EINVAL;
    if (preCharged && chargeMemory(k, k.cpu.mm, Math.ceil(size / pageSize)) < 0) return -ERRNO.ENOMEM;
    return openFile(new ShmemInode(this, this.internal, { path, nlink: 0, preCharged, size }));
  }

  /** Every inode of every mount. */
  *inodes(): Generator<ShmemInode, void, void> {
    for (const sb of this.mounts) yield* sb.inodes;
  }

  /** Every reference to a swap entry: what the audit counts. */
  *entries(): Generator<number, void, void> {
    for (const { vector, lostLeaves } of this.inodes()) {
      for (const { entry } of vector.used(Infinity)) yield entry;
      for (const leaf of lostLeaves) yield* vector.entriesOf(leaf);
    }
  }

  *unuse(entry: number, page: number): Op<boolean> {
    for (const inode of this.swapList) {
      if (inode.swapped === 0) this.swapList.delete(inode);
      else if (yield* unuseInode(inode, entry, page)) return true;
    }
    return false;
  }
}
