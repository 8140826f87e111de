/**
 * hugetlbfs (fs/hugetlbfs/inode.c): files whose pages are huge. There is no read and no write, a mapping makes a file as
 * long as it needs, and a page comes into being when it is first touched; nothing is set aside before. A mount may have a
 * quota of huge pages.
 *
 * The page cache counts in huge pages, areas and everything else in base pages. i_sem guards the size.
 */
import { ERRNO, MmError } from '../errors.js';
import type { MappedFile, RegularFile } from '../fs/file.js';
import type { FileSystem, FileSystemType } from '../fs/file-system.js';
import type { Kernel } from '../kernel.js';
import { AddressSpace } from '../pagecache/address-space.js';
import { addToPageCache, removeFromPageCache } from '../pagecache/page-cache.js';
import { doTruncate } from '../pagecache/truncate.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import { poolOf } from './entry.js';
import { mapHugeFile } from './mmap.js';
import { unmapHugepageRange } from './unmap.js';
import { hugeUnmappedArea } from './unmapped-area.js';

/** Options of a hugetlbfs mount. */
export interface HugetlbfsOptions {
  /** Huge pages its files may have in all (the size= option); default no limit. */
  readonly maxPages?: number;
}

/** A hugetlbfs to mount: `new Machine({ mounts: { '/huge': hugetlbfs() }, hugePages: 8 })`. */
export function hugetlbfs(options: HugetlbfsOptions = {}): FileSystemType {
  return { name: 'hugetlbfs', mount: (k) => new Hugetlbfs(k, options) };
}

/** One mounted instance. */
export class Hugetlbfs implements FileSystem {
  /** free_blocks in huge pages; -1 without a limit. */
  freeBlocks: number;
  /** The quota; -1 without. */
  readonly maxBlocks: number;
  /** Every file there is, with or without a name, for the audit. */
  readonly files: Set<HugeFile> = new Set();
  readonly #k: Kernel;
  readonly #names = new Map<string, HugeFile>();

  /** @throws MmError MM_HUGETLB on a machine built without huge pages */
  constructor(k: Kernel, options: HugetlbfsOptions = {}) {
    if (k.hugetlb === null) throw new MmError('MM_HUGETLB', `expected a machine with huge pages, got ${k.arch.name}`);
    this.#k = k;
    this.maxBlocks = options.maxPages ?? -1;
    this.freeBlocks = this.maxBlocks;
    k.hugetlb.mounts.add(this);
  }

  lookup(path: string): HugeFile | null {
    return this.#names.get(path) ?? null;
  }

  create(path: string): HugeFile {
    const file = this.unnamed(path);
    file.nlink = 1;
    this.#names.set(path, file);
    return file;
  }

  /** A file that no name leads to, as huge SysV segments are. */
  unnamed(name: string): HugeFile {
    const file = new HugeFile(this.#k, this, name);
    this.files.add(file);
    return file;
  }

  *unlink(path: string): Op<number> {
    const file = this.#names.get(path);
    if (file === undefined) return -ERRNO.ENOENT;
    this.#names.delete(path);
    file.nlink = 0;
    if (file.opens === 0) file.delete();
    return 0;
  }

  /** hugetlb_get_quota. False when the mount has no page left. */
  takeQuota(): boolean {
    if (this.freeBlocks < 0) return true;
    if (this.freeBlocks === 0) return false;
    this.freeBlocks--;
    return true;
  }

  /** hugetlb_put_quota. */
  giveQuota(): void {
    if (this.freeBlocks >= 0) this.freeBlocks++;
  }
}

/** A file of huge pages. */
export class HugeFile implements RegularFile {
  readonly name: string;
  readonly mapping: AddressSpace;
  readonly isHuge = true;
  readonly fsType = 'hugetlbfs';
  readonly fs: Hugetlbfs;
  size = 0;
  writeCount = 0;
  opens = 0;
  nlink = 0;
  readonly #k: Kernel;

  constructor(k: Kernel, fs: Hugetlbfs, name: string) {
    this.#k = k;
    this.fs = fs;
    this.name = name;
    this.mapping = new AddressSpace(this, k.events);
  }

  /** hugetlb_get_unmapped_area. */
  unmappedArea(mm: Mm, _file: MappedFile, addr: bigint, pages: number): number {
    return hugeUnmappedArea(this.#k, mm, addr, pages);
  }

  /** i_size in huge pages. */
  get hugePages(): number {
    return Math.floor(this.size / 2 ** poolOf(this.#k).format.shift);
  }

  /** Base pages of the huge pages that are there. */
  get allocatedPages(): number {
    return this.mapping.pages.size * poolOf(this.#k).format.pages;
  }

  /**
   * find_lock_huge_page: the cached page of a huge index with a reference taken, made if the file reaches that far, the
   * quota allows it and the pool has one; else -1.
   */
  takePage(index: number): number {
    const k = this.#k;
    const cached = this.mapping.pages.get(index);
    if (cached !== undefined) {
      k.pages.get(cached);
      return cached;
    }
    if (index >= this.hugePages || !this.fs.takeQuota()) return -1;
    const page = poolOf(k).alloc();
    if (page < 0) this.fs.giveQuota();
    else addToPageCache(k, this.mapping, index, page);
    return page;
  }

  /** truncate_huge_page: takes a page out of the cache, and its quota back. */
  dropPage(index: number): void {
    removeFromPageCache(this.#k, this.mapping, index);
    this.fs.giveQuota();
  }

  mmap(vma: Vma): Op<number> {
    return mapHugeFile(this.#k, this, vma);
  }

  /** hugetlbfs_set_page_dirty: nothing is ever written back. */
  setPageDirty(_page: number): void {}

  /** There is no f_op.read. */
  *read(_offset: number, _out: Uint8Array): Op<number> {
    return -ERRNO.EINVAL;
  }

  /** There is no f_op.write. */
  *write(_offset: number, _bytes: Uint8Array): Op<number> {
    return -ERRNO.EINVAL;
  }

  setSize(size: number): Op<number> {
    return doTruncate(this, () => this.#truncate(size));
  }

  /** Pages in use are all there is: nothing can be dropped and read again. */
  dropCache(): void {}

  *closed(): Op<void> {
    this.opens--;
    if (this.opens === 0 && this.nlink === 0) this.delete();
  }

  /** hugetlbfs_delete_inode: nobody has a way to the file any more. */
  delete(): void {
    this.#dropFrom(0);
    if (this.mapping.handle !== 0) this.#k.mappings.remove(this.mapping.handle);
    this.mapping.handle = 0;
    this.fs.files.delete(this);
  }

  /** hugetlb_vmtruncate: whole huge pages, and never more than there are. */
  *#truncate(size: number): Op<number> {
    const { format } = poolOf(this.#k);
    if (size < 0 || size % 2 ** format.shift !== 0 || size > this.size) return -ERRNO.EINVAL;
    this.size = size;
    yield* this.#unmapFrom(this.hugePages * format.pages);
    this.#dropFrom(this.hugePages);
    return 0;
  }

  /** hugetlb_vmtruncate_list: unmaps what lies behind base page `first` of the file, wherever it is mapped. */
  *#unmapFrom(first: number): Op<void> {
    const { lock, linear } = this.mapping;
    if (!lock.tryLock()) yield* lock.wait();
    // The lock stays held where a page_table_lock has to be waited for: an area leaves the list under it, so none here ends.
    for (const vma of linear) {
      const start = vma.start + Math.max(0, first - vma.pgoff);
      if (start < vma.end) yield* unmapHugepageRange(this.#k, vma, start, vma.end);
    }
    lock.unlock();
  }

  /** truncate_hugepages. */
  #dropFrom(first: number): void {
    for (const index of [...this.mapping.pages.keys()]) if (index >= first) this.dropPage(index);
  }
}
