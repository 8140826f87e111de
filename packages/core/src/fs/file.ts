/**
 * The contract between mm and file systems: what a mapped file is. Disk files (pagecache/) and tmpfs implement it.
 */

import type { Kernel } from '../kernel.js';
import type { AddressSpace } from '../pagecache/address-space.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';

/** Answers of `nopage` that are not a page: NOPAGE_SIGBUS and NOPAGE_OOM. */
export const NOPAGE_SIGBUS = -1;
export const NOPAGE_OOM = -2;

/** writepage cannot write the page now: it is to be active again. It stays locked. */
export const WRITEPAGE_ACTIVATE = 0x80000;

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
  /** Its file system's type, as in /proc/filesystems; absent for what lies on the disk. */
  readonly fsType?: string;
  readonly mapping: AddressSpace;
  /** i_size in bytes. */
  size: number;
  /** i_writecount: writers above 0, deny-write mappings below. */
  writeCount: number;
  /** is_file_hugepages: its pages are huge, and so are the areas that map it. Absent: they are not. */
  readonly isHuge?: boolean;
  /** s_maxbytes of its file system; absent: MAX_LFS_FILESIZE of the machine, or 2^53 - 1 where that is more. */
  readonly maxBytes?: number;
  /** f_op.get_unmapped_area: the first page of a place for a mapping, or a negative errno. Absent: as for any mapping. */
  unmappedArea?(mm: Mm, file: MappedFile, addr: bigint, pages: number, pgoff: number, flags: number): number;
  /** f_op.mmap where it concerns the inode, not how it was opened: as MappedFile.mmap, which comes first. */
  mmap?(vma: Vma): Op<number>;
  /**
   * vm_ops.nopage: finds or makes the page of `vma` at page number `vpn`. Without it the area's absent pages are
   * anonymous ones (a device that fills its areas when they are mapped).
   */
  nopage?(vma: Vma, vpn: number, out: Nopage): Op<void>;
  /**
   * vm_ops.populate: maps file pages from `pgoff` on at pages [start, start + pages) of a shared area, whatever was there.
   * Absent: the areas of this file are never prefaulted, nor made nonlinear.
   * @param nonblock leaves out what would have to be read, as file entries where the area is VM_NONLINEAR.
   * @returns 0, or a negative errno.
   */
  populate?(vma: Vma, start: number, pages: number, pgoff: number, nonblock: boolean): Op<number>;
  /** force_page_cache_readahead: starts reading pages [first, last) into the cache, without waiting. Absent: nothing to do. */
  readAhead?(first: number, last: number): void;
  /**
   * a_ops.writepage: writes a locked, unmapped page whose PG_dirty was just cleared, and unlocks it. Absent: nothing can be
   * written, the page stays.
   * @returns 0, WRITEPAGE_ACTIVATE with the page dirty again and still locked, or a negative errno.
   */
  writepage?(page: number): Op<number>;
  /** set_page_dirty for a page of this file. */
  setPageDirty(page: number): void;
  /** i_op.truncate: gives back what lies behind i_size; i_sem is held. Absent: nothing to do. */
  truncate?(): Op<void>;
  /**
   * i_op.truncate_range: gives back what lies in bytes [start, end); i_sem and i_alloc_sem are held, the pages are
   * unmapped and out of the cache. Absent: vmtruncateRange answers -ENOSYS.
   */
  truncateRange?(start: number, end: number): Op<void>;
  /** An open file of it went away (iput): the last one of an inode without a name takes the inode along. */
  closed?(): Op<void>;
}

/** An inode that programs also read and write by system call. */
export interface RegularFile extends Inode {
  /** Open files of it. */
  opens: number;
  /** i_nlink: names it has. */
  nlink: number;
  /** Pages that it takes in its file system, wherever their contents are. */
  readonly allocatedPages: number;
  /** read(2): fills `out` from byte `offset` as far as the file goes. Bytes read, or a negative errno. */
  read(offset: number, out: Uint8Array): Op<number>;
  /** write(2) at byte `offset`, growing the file. Bytes written, or a negative errno when there is not even one. */
  write(offset: number, bytes: Uint8Array): Op<number>;
  /** setattr of the size: what ftruncate asks for. 0, or a negative errno. */
  setSize(size: number): Op<number>;
  /** Drops the clean pages of its cache that nobody maps. */
  dropCache(): void;
}

/** An inode whose pages are found or made by `nopage`. */
export type PagedInode = Inode & Required<Pick<Inode, 'nopage'>>;

/** An inode whose shared areas can be populated. */
export type PopulatedInode = Inode & Required<Pick<Inode, 'populate'>>;

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
  /**
   * file.f_op.mmap: called with the new area before it is linked; may fill it, set its `ops` and change its flags and
   * pgoff. 0, or a negative errno, which fails the mapping and unmaps what was put into it. Absent: nothing to do.
   */
  mmap?(k: Kernel, vma: Vma): Op<number>;
  /** f_count: mappings and descriptors that hold it. */
  refs: number;
}

/** An open file of an inode that programs read and write. */
export interface OpenFile extends MappedFile {
  readonly inode: RegularFile;
}

/** How a file is opened. */
export interface OpenMode {
  /** Default true. */
  readonly readable?: boolean;
  /** Default true. */
  readonly writable?: boolean;
}

/** open: a new open file of an inode, with one reference, the caller's. */
export function openFile(inode: RegularFile, mode: OpenMode = {}): OpenFile {
  inode.opens++;
  return { inode, readable: mode.readable ?? true, writable: mode.writable ?? true, refs: 1 };
}

/**
 * __fput: what follows when the last reference to an open file has gone. Callers drop theirs as
 * `if (--file.refs === 0) yield* lastClose(file);`.
 */
export function* lastClose(file: MappedFile): Op<void> {
  if (file.inode.closed !== undefined) yield* file.inode.closed();
}

/** close: drops one reference to an open file. */
export function* closeFile(file: MappedFile): Op<void> {
  if (--file.refs === 0) yield* lastClose(file);
}
