/** Files: file, ftruncate, fwrite, fread, fsize, fblocks, fdrop, funlink, fpunch; and SysV shared memory, still missing. */
import { type DiskFile, ERRNO, errnoName } from '@fourfold/core';
import type { Arguments } from '../arguments.js';
import { missing, type Operations, worldly } from '../operation.js';
import { status } from '../results.js';
import type { World } from '../world.js';

/** Largest size of a file here, and largest one the call takes at all. */
const MAX_BYTES = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_OFFSET = (1n << 63n) - 1n;

const SHM_FLAGS = { huge: 0 };
const SHMAT_FLAGS = { rdonly: 0, remap: 0, rnd: 0 };

export const fileOps: Operations = {
  file: worldly((args) => {
    const name = fileName(args);
    const size = args.quantity('a size');
    const filled = args.more;
    if (filled) args.oneOf('word', { fill: true });
    args.end();
    return (world) => {
      const bytes = world.bytes(size);
      if (bytes > MAX_BYTES) return errnoName(ERRNO.EFBIG);
      const file = world.createFile(name);
      const result = world.truncate(file, Number(bytes));
      if (result < 0) return errnoName(result);
      return !filled || fill(file, world.machine.pageSize) ? 'ok' : errnoName(ERRNO.ENOSPC);
    };
  }),

  ftruncate: onFile((args) => {
    const size = args.quantity('a size');
    return (file, world) => {
      const bytes = world.bytes(size);
      if (bytes > MAX_OFFSET) return errnoName(ERRNO.EINVAL);
      return bytes > MAX_BYTES ? errnoName(ERRNO.EFBIG) : status(world.truncate(file, Number(bytes)));
    };
  }),

  fwrite: onFile((args) => {
    const offset = args.quantity('an offset');
    const value = args.plainOr('a byte value', 1);
    return (file, world) => {
      const at = world.bytes(offset);
      if (at > MAX_OFFSET) return errnoName(ERRNO.EINVAL);
      if (at >= MAX_BYTES) return errnoName(ERRNO.EFBIG);
      return file.writeByte(Number(at), value & 255) ? 'ok' : errnoName(ERRNO.ENOSPC);
    };
  }),

  fread: onFile((args) => {
    const offset = args.quantity('an offset');
    return (file, world) => {
      const at = world.bytes(offset);
      if (at > MAX_OFFSET) return errnoName(ERRNO.EINVAL);
      const value = file.readByte(Number(at));
      return value < 0 ? 'eof' : `ok ${value}`;
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
    return (world) => (world.unlink(name) ? 'ok' : errnoName(ERRNO.ENOENT));
  }),

  fpunch: missing('hole punching in files', (args) => {
    fileName(args);
    args.quantity('an offset');
    args.quantity('a length');
  }),

  shmget: missing('SysV shared memory', (args) => {
    args.plain('a key');
    args.quantity('a size');
    if (args.more) args.listOf('flag', SHM_FLAGS);
  }),
  shmat: missing('SysV shared memory', (args) => {
    args.binding();
    args.plain('a key');
    args.address();
    args.listOf('flag', SHMAT_FLAGS);
  }),
  shmdt: missing('SysV shared memory', (args) => void args.address()),
  shmrm: missing('SysV shared memory', (args) => void args.plain('a key')),
  shmstat: missing('SysV shared memory', (args) => void args.plain('a key')),
};

/** An operation on a file that must exist. */
function onFile(parse: (args: Arguments) => (file: DiskFile, world: World) => string): Operations[string] {
  return worldly((args) => {
    const name = fileName(args);
    const act = parse(args);
    args.end();
    return (world) => {
      const file = world.file(name);
      return file === undefined ? errnoName(ERRNO.ENOENT) : act(file, world);
    };
  });
}

/** A file name: its first letter says which file system it lies in. */
function fileName(args: Arguments): string {
  const name = args.word('a file name');
  if (!/^[tdh][A-Za-z0-9_.-]*$/.test(name)) throw args.wrong('a file name that begins with t, d or h', name);
  if (name.startsWith('t')) throw args.unsupported('tmpfs');
  if (name.startsWith('h')) throw args.unsupported('hugetlbfs');
  return name;
}

/** Page i of a filled file holds bytes (7i+1)&255, up to the file's size. */
function fill(file: DiskFile, pageSize: number): boolean {
  const whole = Math.floor(file.size / pageSize);
  for (let index = 0; index < whole; index++) {
    if (!file.fillPage(index, fillByte(index))) return false;
  }
  for (let offset = whole * pageSize; offset < file.size; offset++) {
    if (!file.writeByte(offset, fillByte(whole))) return false;
  }
  return true;
}

function fillByte(index: number): number {
  return (7 * index + 1) & 255;
}
