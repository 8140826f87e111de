/** Advice, locking and residence: madvise, mlock and its family, mincore, msync, remap_file_pages, swapout. */
import { ERRNO, errnoName, type Process, pageOutRange, runToEnd } from '@fourfold/core';
import { ADVICE, MLOCKALL_BITS, MSYNC_BITS, sum } from '../abi.js';
import { residentPages } from '../inspect.js';
import { counted, type Operations, type ProcessOperation, uncounted } from '../operation.js';
import { status } from '../results.js';

export const adviceOps: Operations = {
  madvise: counted((args) => {
    const start = args.address();
    const length = args.quantity('a length');
    const advice = args.oneOf('advice', ADVICE);
    args.end();
    return (world, process) => {
      const number = advice < 0 ? world.machine.arch.madvRemove : advice;
      return status(runToEnd(process.ops.madvise(world.address(start), world.bytes(length), number)));
    };
  }),

  mlock: counted(range((process, addr, length) => runToEnd(process.ops.mlock(addr, length)))),
  munlock: counted(range((process, addr, length) => runToEnd(process.ops.munlock(addr, length)))),

  mlockall: uncounted((args) => {
    const flags = sum(args.listOf('flag', MLOCKALL_BITS));
    args.end();
    return (_world, process) => status(runToEnd(process.ops.mlockall(flags)));
  }),

  munlockall: counted((args) => {
    args.end();
    return (_world, process) => status(runToEnd(process.ops.munlockall()));
  }),

  mincore: counted((args) => {
    const start = args.address();
    const length = args.quantity('a length');
    args.end();
    return (world, process) => {
      const resident: number[] = [];
      const result = runToEnd(process.ops.mincore(world.address(start), world.bytes(length), resident));
      return result < 0 ? errnoName(result) : `ok ${resident.map((byte) => byte & 1).join('')}`;
    };
  }),

  msync: counted((args) => {
    const start = args.address();
    const length = args.quantity('a length');
    const flags = sum(args.listOf('flag', MSYNC_BITS));
    args.end();
    return (world, process) => status(runToEnd(process.ops.msync(world.address(start), world.bytes(length), flags)));
  }),

  remap_file_pages: counted((args) => {
    const start = args.address();
    const length = args.quantity('a length');
    const prot = args.prot();
    const pgoff = BigInt(args.plain('a page offset'));
    args.end();
    return (world, process) => {
      const { arena } = world;
      const call = process.ops.remapFilePages(world.address(start), world.bytes(length), prot, arena.word(pgoff), 0);
      return status(runToEnd(call));
    };
  }),

  swapout: uncounted((args) => {
    const start = args.address();
    const length = args.quantity('a length');
    args.end();
    return (world, process) => {
      const { kernel } = world.machine;
      const { pageSize } = world.arena;
      const address = world.address(start);
      const first = Number(address / pageSize);
      const end = Math.min(
        Number((address + world.bytes(length) + pageSize - 1n) / pageSize),
        kernel.arch.layout.taskSizePages,
      );
      const unaligned = address % pageSize !== 0n;
      const result = unaligned ? -ERRNO.EINVAL : runToEnd(pageOutRange(kernel, process.mm, first, end));
      return `${status(result)} left=${residentPages(kernel, process.mm, first, end)}`;
    };
  }),
};

/** An operation over an address and a length that answers 0 or a negative errno. */
function range(call: (process: Process, addr: bigint, length: bigint) => number): ProcessOperation['parse'] {
  return (args) => {
    const start = args.address();
    const length = args.quantity('a length');
    args.end();
    return (world, process) => status(call(process, world.address(start), world.bytes(length)));
  };
}
