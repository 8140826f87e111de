/** Mapping and unmapping: mmap, munmap, mprotect, mremap, brk. */
import { closeFile, ERRNO, errnoName, MAP_ANONYMOUS, type OpenFile, type Process, runToEnd } from '@fourfold/core';
import { MAP_BITS, MREMAP_BITS, sum } from '../abi.js';
import { START_BRK } from '../arena.js';
import type { Arguments } from '../arguments.js';
import { counted, type Operations } from '../operation.js';
import { placed, status } from '../results.js';
import type { World } from '../world.js';

export const mappingOps: Operations = {
  mmap: counted(parseMmap),

  munmap: counted((args) => {
    const start = args.address();
    const length = args.quantity('a length');
    args.end();
    return (world, process) => status(runToEnd(process.ops.munmap(world.address(start), world.bytes(length))));
  }),

  mprotect: counted((args) => {
    const start = args.address();
    const length = args.quantity('a length');
    const prot = args.prot();
    args.end();
    return (world, process) => status(runToEnd(process.ops.mprotect(world.address(start), world.bytes(length), prot)));
  }),

  mremap: counted((args) => {
    const label = args.binding();
    const old = args.address();
    const oldLength = args.quantity('the old length');
    const newLength = args.quantity('the new length');
    const flags = sum(args.listOf('flag', MREMAP_BITS));
    const target = args.more ? args.address('a new address') : null;
    args.end();
    return (world, process) => {
      const to = target === null ? 0n : world.address(target);
      const page = runToEnd(
        process.ops.mremap(world.address(old), world.bytes(oldLength), world.bytes(newLength), flags, to),
      );
      return placed(world, page, label);
    };
  }),

  brk: counted((args) => {
    const word = args.word('a number of pages or ?');
    const to = word === '?' ? null : args.reread(word).quantity('a number of pages or ?');
    args.end();
    return (world, process) =>
      to === null ? presentBreak(world, process) : moveBreak(world, process, breakFor(world, to));

    function breakFor(world: World, quantity: NonNullable<typeof to>): bigint {
      const bytes = world.bytes(quantity);
      return quantity.kind === 'pages' || quantity.kind === 'huge' ? world.arena.word(START_BRK + bytes) : bytes;
    }
  }),
};

function parseMmap(args: Arguments): (world: World, process: Process) => string {
  const label = args.binding();
  const at = args.address();
  const length = args.quantity('a length');
  const prot = args.prot();
  const words = args.word('mmap flags').split(',');
  const flags = sum(args.reread(words.join(',')).listOf('flag', MAP_BITS));
  const name = args.more ? args.word('a file') : null;
  const offset = args.more ? args.quantity('an offset') : null;
  args.end();
  const huge = words.includes('huge');
  const anonymous = words.includes('anon');
  const readable = !words.includes('fdwo');
  const writable = !words.includes('fdro');
  return (world, process) => {
    const from = offset === null ? 0n : world.bytes(offset);
    const request = { addr: world.address(at), length: world.bytes(length), prot, flags, offset: from };
    if (huge && world.hugeBytes === 0n) throw args.unsupported('huge pages');
    if (anonymous && huge) return mapFile(world, process, world.openHuge());
    if (anonymous) {
      if (words.includes('shared') && !world.hasTmpfs) {
        throw args.unsupported('tmpfs, which backs shared anonymous memory');
      }
      return placed(world, runToEnd(process.ops.mmap({ ...request, file: null })), label);
    }
    // The call looks at the offset before it looks at the descriptor.
    if (from % world.arena.pageSize !== 0n) return errnoName(ERRNO.EINVAL);
    if (words.includes('badfd') || name === null) return errnoName(ERRNO.EBADF);
    const inode = world.file(name);
    if (inode === null) return `open:${errnoName(ERRNO.ENOENT)}`;
    return mapFile(world, process, world.open(inode, { readable, writable }));

    function mapFile(world: World, process: Process, file: OpenFile): string {
      const page = runToEnd(process.ops.mmap({ ...request, flags: flags & ~MAP_ANONYMOUS, file }));
      runToEnd(closeFile(file));
      return placed(world, page, label);
    }
  };
}

function presentBreak(world: World, process: Process): string {
  return `ok ${breakAt(world, BigInt(process.mm.brk))}`;
}

function moveBreak(world: World, process: Process, to: bigint): string {
  const now = runToEnd(process.ops.brk(to));
  return `${now === to ? 'ok' : 'refused'} ${breakAt(world, now)}`;
}

/** A break is printed from the initial one, wherever it lies. */
function breakAt(world: World, address: bigint): string {
  return `brk:${world.arena.formatBytes(address - START_BRK)}`;
}
