/**
 * The contract between mm and file systems: what a mapped file is. Disk files (pagecache/) and tmpfs implement it.
 */

import type { AddressSpace } from '../pagecache/address-space.js';
import type { Op } from '../smp/lock.js';
import type { Vma } from '../vma/vma.js';

/** Answers of `nopage` that are not a page: NOPAGE_SIGBUS and NOPAGE_OOM. */
export const NOPAGE_SIGBUS = -1;
export const NOPAGE_OOM = -2;

/** What nopage answers: the page (with a reference taken for the caller) and whether it had to be read. */
export interface Nopage {
  /** A page, NOPAGE_SIGBUS or NOPAGE_OOM. */
  page: number;
  /** VM_FAULT_MAJOR when the page had to be read. */
  major: boolean;
}

/** An inode with a page cache. */
export interface Inode {
  readonly name: string;
  readonly mapping: AddressSpace;
  /** i_size in bytes. */
  size: number;
  /** i_writecount: writers above 0, deny-write mappings below. */
  writeCount: number;
  /** vm_ops.nopage: finds or makes the page of `vma` at page number `vpn`. */
  nopage(vma: Vma, vpn: number, out: Nopage): Op<void>;
  /** set_page_dirty for a page of this file. */
  setPageDirty(page: number): void;
  /** i_op.truncate_range: punches bytes [start, end) out, unmapping them everywhere; absent: -ENOSYS. */
  truncateRange?(start: number, end: number): Op<number>;
}

/** struct file: an open file as mmap sees it. Two opens of one inode are two of these, and never merge. */
export interface MappedFile {
  readonly inode: Inode;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly appendOnly?: boolean;
  readonly mandatoryLocked?: boolean;
  readonly noExec?: boolean;
  /** file.f_op.mmap exists; default true. */
  readonly mappable?: boolean;
  /** f_count: mappings and descriptors that hold it. */
  refs: number;
}
