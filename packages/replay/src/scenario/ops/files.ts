/** Files: file, ftruncate, fwrite, fread, fsize, fblocks, fdrop, funlink, fpunch. */
import {
  closeFile,
  ERRNO,
  errnoName,
  HugeFile,
  maxLfsFileSize,
  type RegularFile,
  runToEnd,
  vmtruncate,
  vmtruncateRange,
} from '@fourfold/core';
import type { Arguments } from '../arguments.js';
import { type Operations, worldly } from '../operation.js';
import { status } from '../results.js';
import type { World } from '../world.js';

/** The largest offset; a byte behind it has none. */
const MAX_OFFSET = (1n << 63n) - 1n;
/** Behind the end of every file, and a page's first byte. */
const BEYOND = 1n << 53n;

export const fileOps: Operations = {
  file: worldly((args) => {
    const name = fileName(args);
    const size = args.quantity('a size');
    const filled = args.more;
    if (filled) args.oneOf('word', { fill: true });
    args.end();
    return (world) => {
      checkFileSystem(world, args, name);
      const file = world.createFile(name);
      if (typeof file === 'number') return errnoName(file);
      let result = setUpSize(world, file.inode, numberOf(world.offset(size)));
      if (result >= 0 && filled) result = fill(world, file.inode);
      runToEnd(closeFile(file));
      return status(result);
    };
  }),

  ftruncate: onFile((args) => {
    const size = args.quantity('a size');
    return (file, world) => status(runToEnd(file.setSize(numberOf(world.offset(size)))));
  }),

  fwrite: onFile((args) => {
    const offset = args.quantity('an offset');
    const value = args.plainOr('a byte value', 1);
    return (file, world) => {
      const at = world.offset(offset);
      if (at < 0n || at === MAX_OFFSET) return errnoName(ERRNO.EINVAL);
      return status(runToEnd(file.write(numberOf(at), Uint8Array.of(value))));
    };
  }),

  fread: onFile((args) => {
    const offset = args.quantity('an offset');
    return (file, world) => {
      const at = world.offset(offset);
      if (at < 0n || at === MAX_OFFSET) return errnoName(ERRNO.EINVAL);
      const out = new Uint8Array(1);
      const read = runToEnd(file.read(numberOf(at), out));
      if (read < 0) return errnoName(read);
      return read === 0 ? 'eof' : `ok ${out[0]}`;
    };
  }),

  fsize: onFile(() => (file, world) => {
    const { pageSize } = world.machine;
    return `${Math.floor(file.size / pageSize)}+${file.size % pageSize}`;
  }),

  fblocks: onFile(() => (file) => String(file.allocatedPages)),

  fdrop: onFile(() => (file) => {
    file.dropCache();
    return 'ok';
  }),

  funlink: worldly((args) => {
    const name = fileName(args);
    args.end();
    return (world) => {
      checkFileSystem(world, args, name);
      return status(world.unlink(name));
    };
  }),

  fpunch: onFile((args) => {
    const offset = args.quantity('an offset');
    const length = args.quantity('a length');
    return (file, world) => {
      const start = world.offset(offset);
      const bytes = world.offset(length);
      if (start < 0n || bytes <= 0n) return errnoName(ERRNO.EINVAL);
      if (start + bytes > maxLfsFileSize(world.machine.kernel)) return errnoName(ERRNO.EFBIG);
      return status(punch(world, file, numberOf(start), numberOf(start + bytes)));
    };
  }),
};

/** An offset as a plain number; what lies behind the end of every file may be any number that does. */
function numberOf(offset: bigint): number {
  return Number(offset > BEYOND ? BEYOND : offset);
}

/** An operation on a file that must exist. */
function onFile(parse: (args: Arguments) => (file: RegularFile, world: World) => string): Operations[string] {
  return worldly((args) => {
    const name = fileName(args);
    const act = parse(args);
    args.end();
    return (world) => {
      checkFileSystem(world, args, name);
      const file = world.file(name);
      return file === null ? errnoName(ERRNO.ENOENT) : act(file, world);
    };
  });
}

/** A file name: its first letter says which file system it lies in. */
function fileName(args: Arguments): string {
  const name = args.word('a file name');
  if (!/^[tdh][A-Za-z0-9_.-]*$/.test(name)) throw args.wrong('a file name that begins with t, d or h', name);
  return name;
}

/** @throws ScenarioError when the machine lacks the file system of a name */
function checkFileSystem(world: World, args: Arguments, name: string): void {
  if (name.startsWith('t') && !world.hasTmpfs) throw args.unsupported('tmpfs');
  if (name.startsWith('h') && world.hugeBytes === 0n) throw args.unsupported('hugetlbfs');
}

/** The size of a new file. One of huge pages cannot be made longer by ftruncate: it gets what a mapping would give it. */
function setUpSize(world: World, file: RegularFile, bytes: number): number {
  if (!(file instanceof HugeFile)) return runToEnd(file.setSize(bytes));
  if (bytes % Number(world.hugeBytes) !== 0) return -ERRNO.EINVAL;
  return runToEnd(vmtruncate(world.machine.kernel, file, bytes));
}

/** Page i of a filled file holds bytes (7i+1)&255, up to the file's size. 0, or a negative errno. */
function fill(world: World, file: RegularFile): number {
  const { pageSize } = world.machine;
  if (file instanceof HugeFile) return fillHuge(world, file);
  for (let at = 0; at < file.size; at += pageSize) {
    const bytes = new Uint8Array(Math.min(pageSize, file.size - at)).fill((7 * (at / pageSize) + 1) & 255);
    const written = runToEnd(file.write(at, bytes));
    if (written < 0) return written;
    if (written < bytes.length) return -ERRNO.ENOSPC;
  }
  return 0;
}

/** The same through a mapping, as there is no write(2) here: every page comes into being. */
function fillHuge(world: World, file: HugeFile): number {
  const { memory, pages } = world.machine.kernel;
  const perHuge = Number(world.hugeBytes) / world.machine.pageSize;
  for (let index = 0; index < file.hugePages; index++) {
    const head = file.takePage(index);
    if (head < 0) return -ERRNO.ENOMEM;
    for (let i = 0; i < perHuge; i++) {
      const at = memory.materialize(head + i);
      const byte = (7 * (index * perHuge + i) + 1) & 255;
      memory.words.fill(Math.imul(byte, 0x01010101), at, at + memory.pageWords);
    }
    pages.put(head);
  }
  return 0;
}

/**
 * fallocate(PUNCH_HOLE): whole pages go, as MADV_REMOVE takes them; of pages that the range begins or ends inside, what
 * there is becomes zero.
 */
function punch(world: World, file: RegularFile, start: number, end: number): number {
  if (file.truncateRange === undefined) return -ERRNO.ENOSYS;
  const { pageSize, kernel } = world.machine;
  const first = Math.ceil(start / pageSize) * pageSize;
  const last = Math.floor(end / pageSize) * pageSize;
  const error = first < last ? runToEnd(vmtruncateRange(kernel, file, first, last)) : 0;
  if (error < 0) return error;
  if (first > last) return zero(file, start, end);
  return Math.min(zero(file, start, first), zero(file, last, end));
}

/** Bytes [start, end) of one page become zero where they are not. */
function zero(file: RegularFile, start: number, end: number): number {
  const bytes = new Uint8Array(Math.max(0, end - start));
  const read = runToEnd(file.read(start, bytes));
  if (read <= 0 || bytes.every((byte) => byte === 0)) return Math.min(read, 0);
  return Math.min(runToEnd(file.write(start, new Uint8Array(read))), 0);
}
