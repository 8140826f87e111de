/**
 * A tmpfs inode (shmem_inode_info): its pages are in the page cache, or in swap, and nowhere else. What it does is in the
 * files beside this one; here is what it holds.
 *
 * Invariants (generic-mm 14.7): `alloced` is cached pages plus `swapped` right after `recalc`, more in between; `swapped`
 * counts the entries of the vector that are not 0; an index is never both cached and in the vector.
 */
import {
  AddressSpace,
  chargeMemory,
  type Kernel,
  type Nopage,
  type Op,
  PG_DIRTY,
  type RegularFile,
  SpinLock,
  truncateInodePages,
  unchargeMemory,
  type Vma,
} from '@fourfold/core/fs';
import { readFile, setFileSize, writeFile } from './file-ops.js';
import { nopage } from './nopage.js';
import { populate } from './populate.js';
import type { Shmem } from './shmem.js';
import type { SuperBlock } from './super-block.js';
import { truncateRange } from './truncate.js';
import { SwapVector } from './vector.js';
import { writepage } from './writepage.js';

/** What a new inode is like. */
export interface ShmemInodeOptions {
  /** Path as /proc shows it. */
  readonly path: string;
  /** Names it has; 0 for what backs shared memory. */
  readonly nlink: number;
  /** Pages charged in advance (VM_ACCOUNT): the whole size. Else each page is charged when it comes. */
  readonly preCharged?: boolean;
  /** i_size in bytes. Default 0. */
  readonly size?: number;
}

/** One file of a tmpfs, or the object behind shared memory. */
export class ShmemInode implements RegularFile {
  readonly path: string;
  /** i_ino; a SysV segment's is its id. */
  ino: number;
  readonly fsType = 'tmpfs';
  readonly mapping: AddressSpace;
  readonly maxBytes: number;
  size: number;
  writeCount = 0;
  opens = 0;
  nlink: number;

  readonly k: Kernel;
  readonly shmem: Shmem;
  readonly sb: SuperBlock;
  /** info.lock: guards what follows. */
  readonly lock: SpinLock;
  /** VM_ACCOUNT. */
  readonly preCharged: boolean;
  /** VM_LOCKED, by SHM_LOCK: its pages stay in memory. */
  isLocked = false;
  /** SHMEM_PAGEIN: pages may have come into the cache since the last truncation looked. */
  pageIn = false;
  /** Data pages it has, cached or in swap. */
  alloced = 0;
  /** Entries of the vector that are not 0. */
  swapped = 0;
  /** The highest index that may have a page, plus one. */
  nextIndex = 0;
  /** i_blocks in pages: data and index pages, on a mount with a limit. */
  blockPages = 0;
  readonly vector: SwapVector;
  /** Leaves with entries that D2 lost: nobody finds them any more. */
  readonly lostLeaves: number[] = [];

  constructor(shmem: Shmem, sb: SuperBlock, options: ShmemInodeOptions) {
    const { k } = shmem;
    this.shmem = shmem;
    this.sb = sb;
    this.k = k;
    this.path = options.path;
    this.ino = shmem.nextIno();
    this.nlink = options.nlink;
    this.size = options.size ?? 0;
    this.preCharged = options.preCharged ?? false;
    this.maxBytes = shmem.geometry.maxIndex * k.memory.pageSize;
    this.mapping = new AddressSpace(this, k.events);
    this.lock = new SpinLock('shmem info.lock', k.events);
    this.vector = new SwapVector(k, shmem.geometry);
    sb.inodes.add(this);
  }

  /** As /proc/PID/maps shows it. */
  get name(): string {
    return this.nlink === 0 ? `${this.path} (deleted)` : this.path;
  }

  /** i_blocks, in units of 512 bytes. */
  get blocks(): number {
    return (this.blockPages * this.k.memory.pageSize) / 512;
  }

  get allocatedPages(): number {
    this.recalc();
    return this.alloced;
  }

  nopage(vma: Vma, vpn: number, out: Nopage): Op<void> {
    return nopage(this, vma, vpn, out);
  }

  populate(vma: Vma, start: number, pages: number, pgoff: number, nonblock: boolean): Op<number> {
    return populate(this, vma, start, pages, pgoff, nonblock);
  }

  writepage(page: number): Op<number> {
    return writepage(this, page);
  }

  /** Nothing is written back to anywhere: no dirty accounting, only the bit. */
  setPageDirty(page: number): void {
    const { flags } = this.k.map;
    flags[page] = (flags[page] as number) | PG_DIRTY;
  }

  truncate(): Op<void> {
    return truncateRange(this, this.size, Infinity);
  }

  truncateRange(start: number, end: number): Op<void> {
    return truncateRange(this, start, end);
  }

  read(offset: number, out: Uint8Array): Op<number> {
    return readFile(this, offset, out);
  }

  write(offset: number, bytes: Uint8Array): Op<number> {
    return writeFile(this, offset, bytes);
  }

  setSize(size: number): Op<number> {
    return setFileSize(this, size);
  }

  /** The page cache is all there is of the file. */
  dropCache(): void {}

  *closed(): Op<void> {
    this.opens--;
    if (this.opens === 0 && this.nlink === 0) yield* this.evict();
  }

  /** shmem_delete_inode: no name is left, and nobody has it open. */
  *evict(): Op<void> {
    const { k, sb } = this;
    const chargedPages = this.preCharged ? Math.ceil(this.size / k.memory.pageSize) : 0;
    yield* truncateInodePages(k, this.mapping, 0);
    unchargeMemory(k, chargedPages);
    this.size = 0;
    yield* truncateRange(this, 0, Infinity);
    this.shmem.swapList.delete(this);
    if (this.mapping.handle !== 0) k.mappings.remove(this.mapping.handle);
    this.mapping.handle = 0;
    sb.inodes.delete(this);
    sb.giveInode();
  }

  /** shmem_recalc_inode: what left the page cache behind our back (clean pages under reclaim, truncation) is given back. */
  recalc(): void {
    const freed = this.alloced - this.swapped - this.mapping.pages.size;
    if (freed <= 0) return;
    this.alloced -= freed;
    this.sb.giveBlocks(this, freed);
    if (!this.preCharged) unchargeMemory(this.k, freed);
  }

  /** shmem_acct_block: charges one page to whoever runs. False when the overcommit rule refuses. */
  chargePage(): boolean {
    return this.preCharged || chargeMemory(this.k, this.k.cpu.mm, 1) === 0;
  }

  unchargePage(): void {
    if (!this.preCharged) unchargeMemory(this.k, 1);
  }
}
