/**
 * The limits of one mount: blocks (a block is a page; index pages take blocks too) and inodes. A limit of 0 is none, and
 * then nothing is counted: i_blocks stays 0, as the kernel has it.
 */
import type { ShmemInode } from './inode.js';

/** shmem_sb_info. */
export class SuperBlock {
  maxBlocks: number;
  freeBlocks: number;
  maxInodes: number;
  freeInodes: number;
  /** Directories, the root included: inodes without pages. */
  directories = 0;
  /** Every inode there is, nameless ones that are still in use included. */
  readonly inodes: Set<ShmemInode> = new Set();

  constructor(maxBlocks: number, maxInodes: number) {
    this.maxBlocks = maxBlocks;
    this.freeBlocks = maxBlocks;
    this.maxInodes = maxInodes;
    this.freeInodes = maxInodes;
  }

  /** Takes a block for an inode while more than `spare` are free. */
  takeBlock(inode: ShmemInode, spare: number = 0): boolean {
    if (this.maxBlocks === 0) return true;
    if (this.freeBlocks <= spare) return false;
    this.freeBlocks--;
    inode.blockPages++;
    return true;
  }

  /** shmem_free_blocks: an inode gives blocks back. */
  giveBlocks(inode: ShmemInode, blocks: number): void {
    if (this.maxBlocks === 0) return;
    this.freeBlocks += blocks;
    inode.blockPages -= blocks;
  }

  /** Takes a place for an inode, or for a further name of one. */
  takeInode(): boolean {
    if (this.maxInodes === 0) return true;
    if (this.freeInodes === 0) return false;
    this.freeInodes--;
    return true;
  }

  giveInode(): void {
    if (this.maxInodes !== 0) this.freeInodes++;
  }
}
