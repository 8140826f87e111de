/** read, write and ftruncate of a tmpfs file (generic-mm 14.5, 14.6). */
import {
  doTruncate,
  ERRNO,
  type Kernel,
  markPageAccessed,
  type Op,
  vmtruncate,
  writableBytes,
} from '@fourfold/core/fs';
import { type FoundPage, getPage, SGP_READ, SGP_WRITE } from './getpage.js';
import type { ShmemInode } from './inode.js';

/** do_shmem_file_read: holes read as zeros and get no page. Bytes read. */
export function* readFile(inode: ShmemInode, offset: number, out: Uint8Array): Op<number> {
  const { k } = inode;
  const { pageSize } = k.memory;
  const found: FoundPage = { page: -1, major: false };
  let done = 0;
  while (done < out.length && offset + done < inode.size) {
    const at = offset + done;
    const inPage = at % pageSize;
    const error = yield* getPage(inode, Math.floor(at / pageSize), SGP_READ, found);
    if (error < 0) return done > 0 || error === -ERRNO.EINVAL ? done : error;
    // The size may have changed while the page was looked for.
    const length = Math.max(0, Math.min(out.length - done, pageSize - inPage, inode.size - at));
    if (found.page < 0) {
      out.fill(0, done, done + length);
    } else {
      for (let i = 0; i < length; i++) out[done + i] = k.memory.loadByte(found.page, inPage + i);
      markPageAccessed(k, found.page);
      k.pages.put(found.page);
    }
    if (length === 0) break;
    done += length;
  }
  return done;
}

/** shmem_file_write: page by page under i_sem; the size grows as the bytes arrive. Bytes written, or a negative errno. */
export function* writeFile(inode: ShmemInode, offset: number, bytes: Uint8Array): Op<number> {
  const { iSem } = inode.mapping;
  const length = writableBytes(inode.k, inode, offset, bytes.length);
  if (length <= 0) return length;
  if (!iSem.tryWrite()) yield* iSem.waitWrite();
  const result = yield* writePages(inode, offset, bytes.subarray(0, length));
  iSem.upWrite();
  return result;
}

function* writePages(inode: ShmemInode, offset: number, bytes: Uint8Array): Op<number> {
  const { k } = inode;
  const { pageSize } = k.memory;
  const found: FoundPage = { page: -1, major: false };
  let done = 0;
  while (done < bytes.length) {
    const at = offset + done;
    const inPage = at % pageSize;
    const length = Math.min(bytes.length - done, pageSize - inPage);
    const error = yield* getPage(inode, Math.floor(at / pageSize), SGP_WRITE, found);
    if (error < 0) return done > 0 ? done : error;
    storeBytes(k, found.page, inPage, bytes.subarray(done, done + length));
    inode.size = Math.max(inode.size, at + length);
    inode.setPageDirty(found.page);
    markPageAccessed(k, found.page);
    k.pages.put(found.page);
    done += length;
  }
  return done;
}

function storeBytes(k: Kernel, page: number, offset: number, bytes: Uint8Array): void {
  if (!k.contents) return;
  for (let i = 0; i < bytes.length; i++) k.memory.storeByte(page, offset + i, bytes[i] as number);
}

/** shmem_notify_change of the size, under i_sem and i_alloc_sem. 0, or a negative errno. */
export function setFileSize(inode: ShmemInode, size: number): Op<number> {
  return doTruncate(inode, () => changeSize(inode, size));
}

function* changeSize(inode: ShmemInode, size: number): Op<number> {
  const { k } = inode;
  const { pageSize } = k.memory;
  const held: FoundPage = { page: -1, major: false };
  if (size >= 0 && size < inode.size) {
    // A page that will end in zeros has to be in memory for that, not in swap, until it is done.
    if (size % pageSize !== 0) yield* getPage(inode, Math.floor(size / pageSize), SGP_READ, held);
    if (size > 0) inode.pageIn = false;
  }
  const error = yield* vmtruncate(k, inode, size);
  if (held.page >= 0) k.pages.put(held.page);
  return error;
}
