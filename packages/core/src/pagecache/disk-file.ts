/**
 * A file of the in-memory disk: blocks that were written back, and a page cache in front of them (filemap_nopage,
 * generic-mm 4.10). A page that is not cached has to be read: a major fault, with the pages around it read too. A file
 * made `warm` answers as if it had been read before: no major faults, whatever is asked.
 */
import { ERRNO } from '../errors.js';
import { NOPAGE_OOM, NOPAGE_SIGBUS, type Nopage, type RegularFile } from '../fs/file.js';
import { writableBytes } from '../fs/limits.js';
import type { Kernel } from '../kernel.js';
import { BlockStore } from '../memory/block-store.js';
import { PG_DIRTY } from '../memory/mem-map.js';
import { unlockPage } from '../memory/page-lock.js';
import { makeRoom } from '../reclaim/alloc.js';
import { lruAddDrainAll, lruCacheAdd, markPageAccessed } from '../reclaim/lru-batch.js';
import type { Op } from '../smp/lock.js';
import type { Vma } from '../vma/vma.js';
import { AddressSpace } from './address-space.js';
import { addToPageCache, findGetPage, removeFromPageCache } from './page-cache.js';
import { filemapPopulate } from './populate.js';
import { doTruncate, vmtruncate } from './truncate.js';

/** Pages read around a miss (128 KiB of 4 KiB pages in the kernel's default). */
const READ_AROUND = 32;

/** What a new file is like. */
export interface DiskFileOptions {
  /** Size in bytes. */
  readonly size: number;
  /** Pages count as read before (no major faults). Default false. */
  readonly warm?: boolean;
}

/** An inode of the in-memory disk. */
export class DiskFile implements RegularFile {
  readonly name: string;
  readonly mapping: AddressSpace;
  size: number;
  writeCount = 0;
  opens = 0;
  nlink = 1;
  readonly #k: Kernel;
  readonly #warm: boolean;
  /** What was written back, by file index. */
  readonly #blocks = new BlockStore();

  constructor(k: Kernel, name: string, options: DiskFileOptions) {
    this.#k = k;
    this.name = name;
    this.size = options.size;
    this.#warm = options.warm ?? false;
    this.mapping = new AddressSpace(this, k.events);
  }

  nopage(vma: Vma, vpn: number, out: Nopage): Op<void> {
    return this.findPage(vma.indexOf(vpn), out);
  }

  populate(vma: Vma, start: number, pages: number, pgoff: number, nonblock: boolean): Op<number> {
    return filemapPopulate(this.#k, vma, start, pages, pgoff, nonblock, (index, out) => this.findPage(index, out));
  }

  readAhead(first: number, last: number): void {
    const end = Math.min(last, this.sizePages);
    for (let index = first; index < end; index++) {
      if (!this.mapping.pages.has(index) && this.#read(index) < 0) return;
    }
  }

  /** The page of an index for nopage and populate, read if it is not cached. */
  *findPage(index: number, out: Nopage): Op<void> {
    out.major = false;
    // Below 0: an area that grew down beyond the start of its file.
    if (index < 0 || index >= this.sizePages) {
      out.page = NOPAGE_SIGBUS;
      return;
    }
    let page = findGetPage(this.#k, this.mapping, index);
    if (page < 0) {
      out.major = !this.#warm;
      page = this.#warm ? this.#read(index) : this.#readAround(index);
      while (page < 0 && (yield* makeRoom(this.#k, 0))) {
        if (index >= this.sizePages) {
          out.page = NOPAGE_SIGBUS;
          return;
        }
        page = this.#cached(index);
      }
      if (page >= 0) this.#k.map.count[page] = (this.#k.map.count[page] as number) + 1;
    }
    if (page >= 0) markPageAccessed(this.#k, page);
    out.page = page < 0 ? NOPAGE_OOM : page;
  }

  *writepage(page: number): Op<number> {
    this.#blocks.write(this.#k.memory, page, this.#k.map.index[page] as number);
    unlockPage(this.#k, page);
    return 0;
  }

  setPageDirty(page: number): void {
    this.#k.map.flags[page] = (this.#k.map.flags[page] as number) | PG_DIRTY;
  }

  /** Pages the size covers, a partial last one included. */
  get sizePages(): number {
    return Math.ceil(this.size / this.#k.memory.pageSize);
  }

  /** Pages of the disk that hold data: written back, or dirty in the cache. */
  get allocatedPages(): number {
    const held = new Set(this.#blocks.written());
    for (const [index, page] of this.mapping.pages) {
      if (((this.#k.map.flags[page] as number) & PG_DIRTY) !== 0) held.add(index);
    }
    return held.size;
  }

  /** One byte by offset as read(2) would get it, or -1 at or past the end of the file. */
  readByte(offset: number): number {
    if (offset >= this.size) return -1;
    const page = this.#cached(Math.floor(offset / this.#k.memory.pageSize));
    return page < 0 ? 0 : this.#k.memory.loadByte(page, offset % this.#k.memory.pageSize);
  }

  /** Writes one byte as write(2) would, growing the file. False when memory is short. */
  writeByte(offset: number, value: number): boolean {
    const page = this.#cached(Math.floor(offset / this.#k.memory.pageSize));
    if (page < 0) return false;
    this.#k.memory.storeByte(page, offset % this.#k.memory.pageSize, value);
    this.setPageDirty(page);
    this.size = Math.max(this.size, offset + 1);
    return true;
  }

  /** Fills one whole page with a byte. */
  fillPage(index: number, value: number): boolean {
    const page = this.#cached(index);
    if (page < 0) return false;
    const at = this.#k.memory.materialize(page);
    this.#k.memory.words.fill((value & 255) * 0x01010101, at, at + this.#k.memory.pageWords);
    this.setPageDirty(page);
    return true;
  }

  /** Writes every dirty page back to the disk. */
  sync(): void {
    const { map } = this.#k;
    for (const [index, page] of this.mapping.pages) {
      if (((map.flags[page] as number) & PG_DIRTY) === 0) continue;
      this.#blocks.write(this.#k.memory, page, index);
      map.flags[page] = (map.flags[page] as number) & ~PG_DIRTY;
    }
  }

  /** Drops the pages of the cache that nobody maps, written back first. */
  dropCache(): void {
    this.sync();
    lruAddDrainAll(this.#k);
    for (const [index, page] of [...this.mapping.pages]) {
      if (this.#k.map.count[page] === 1) removeFromPageCache(this.#k, this.mapping, index);
    }
  }

  *read(offset: number, out: Uint8Array): Op<number> {
    const { memory } = this.#k;
    let done = 0;
    // The size is looked at again for every page: to find memory may take long.
    while (done < out.length && offset + done < this.size) {
      const at = offset + done;
      const page = this.#cached(Math.floor(at / memory.pageSize));
      if (page < 0) {
        if (yield* makeRoom(this.#k, 0)) continue;
        return done === 0 ? -ERRNO.ENOMEM : done;
      }
      const first = at % memory.pageSize;
      const part = Math.min(out.length - done, this.size - at, memory.pageSize - first);
      for (let i = 0; i < part; i++) out[done + i] = memory.loadByte(page, first + i);
      done += part;
    }
    return done;
  }

  *write(offset: number, bytes: Uint8Array): Op<number> {
    const { iSem } = this.mapping;
    const length = writableBytes(this.#k, this, offset, bytes.length);
    if (length <= 0) return length;
    if (!iSem.tryWrite()) yield* iSem.waitWrite();
    const { memory } = this.#k;
    let written = 0;
    while (written < length) {
      const at = offset + written;
      const page = this.#cached(Math.floor(at / memory.pageSize));
      if (page < 0) {
        if (yield* makeRoom(this.#k, 0)) continue;
        break;
      }
      const first = at % memory.pageSize;
      const part = Math.min(length - written, memory.pageSize - first);
      for (let i = 0; i < part; i++) memory.storeByte(page, first + i, bytes[written + i] as number);
      this.setPageDirty(page);
      written += part;
      this.size = Math.max(this.size, offset + written);
    }
    iSem.upWrite();
    return written === 0 ? -ERRNO.ENOMEM : written;
  }

  setSize(size: number): Op<number> {
    return doTruncate(this, () => vmtruncate(this.#k, this, size));
  }

  /** The disk's bytes from i_size on are forgotten. */
  *truncate(): Op<void> {
    const { memory } = this.#k;
    this.#blocks.truncate(memory, this.size);
    const last = this.mapping.pages.get(Math.floor(this.size / memory.pageSize));
    if (last !== undefined) this.setPageDirty(last);
  }

  *closed(): Op<void> {
    this.opens--;
    if (this.nlink === 0 && this.opens === 0) this.destroy();
  }

  /** Drops the file's whole cache and disk: the last name and the last user are gone. */
  destroy(): void {
    for (const index of [...this.mapping.pages.keys()]) removeFromPageCache(this.#k, this.mapping, index);
    this.#blocks.truncate(this.#k.memory, 0);
    if (this.mapping.handle !== 0) this.#k.mappings.remove(this.mapping.handle);
    this.mapping.handle = 0;
  }

  /** The cached page of an index, read from the disk if need be; -1 when memory is short. No reference is taken. */
  #cached(index: number): number {
    return this.mapping.pages.get(index) ?? this.#read(index);
  }

  #readAround(index: number): number {
    const start = Math.max(0, index - READ_AROUND / 2);
    const end = Math.min(this.sizePages, start + READ_AROUND);
    for (let i = start; i < end; i++) {
      if (i !== index && !this.mapping.pages.has(i) && this.#read(i) < 0) break;
    }
    return this.#cached(index);
  }

  #read(index: number): number {
    const k = this.#k;
    const page = k.pages.alloc(0);
    if (page < 0) return -1;
    addToPageCache(k, this.mapping, index, page);
    lruCacheAdd(k, page);
    k.pages.put(page);
    this.#blocks.read(k.memory, page, index);
    return page;
  }
}
