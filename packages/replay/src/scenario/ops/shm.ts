/** SysV shared memory: shmget, shmat, shmdt, shmrm, shmstat. A scenario names a segment by its key. */
import {
  ERRNO,
  errnoName,
  IPC_CREAT,
  IPC_RMID,
  type Process,
  runToEnd,
  SHM_HUGETLB,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
} from '@fourfold/core';
import { sum } from '../abi.js';
import type { Arguments } from '../arguments.js';
import { counted, type Operations, type ProcessOperation, uncounted } from '../operation.js';
import { placed, status } from '../results.js';
import type { World } from '../world.js';

const SHMGET_BITS: Readonly<Record<string, number>> = { huge: SHM_HUGETLB };
const SHMAT_BITS: Readonly<Record<string, number>> = { rdonly: SHM_RDONLY, remap: SHM_REMAP, rnd: SHM_RND };
/** Keys of a scenario are small: they are told from other programs' by what stands above. */
const KEY_BASE = 0x4d4d_0000;

export const shmOps: Operations = {
  shmget: uncounted(
    needsTmpfs((args) => {
      const key = args.plain('a key');
      const size = args.quantity('a size');
      const flags = args.more ? sum(args.listOf('flag', SHMGET_BITS)) : 0;
      return (world, process) => {
        const result = runToEnd(process.ops.shmget(keyOf(key), world.bytes(size), IPC_CREAT | 0o600 | flags));
        if (result >= 0) world.segments.set(key, result);
        return status(result);
      };
    }),
  ),

  shmat: counted(
    needsTmpfs((args) => {
      const label = args.binding();
      const key = args.plain('a key');
      const at = args.address();
      const flags = sum(args.listOf('flag', SHMAT_BITS));
      return (world, process) => {
        const page = runToEnd(process.ops.shmat(idOf(world, key), world.address(at), flags));
        return placed(world, page, label);
      };
    }),
  ),

  shmdt: counted(
    needsTmpfs((args) => {
      const at = args.address();
      return (world, process) => status(runToEnd(process.ops.shmdt(world.address(at))));
    }),
  ),

  shmrm: uncounted(
    needsTmpfs((args) => {
      const key = args.plain('a key');
      return (world, process) => status(runToEnd(process.ops.shmctl(idOf(world, key), IPC_RMID)));
    }),
  ),

  shmstat: uncounted(
    needsTmpfs((args) => {
      const key = args.plain('a key');
      return (world) => {
        const stat = world.machine.kernel.segments?.stat(idOf(world, key)) ?? -ERRNO.ENOSYS;
        return typeof stat === 'number' ? errnoName(stat) : `nattch=${stat.nattch} size=${stat.size}`;
      };
    }),
  ),
};

type Act = (world: World, process: Process) => string;

/** Reads all words first; then the machine must have a tmpfs, which segments stand on. */
function needsTmpfs(read: (args: Arguments) => Act): ProcessOperation['parse'] {
  return (args) => {
    const act = read(args);
    args.end();
    return (world, process) => {
      if (!world.hasTmpfs) throw args.unsupported('tmpfs, which SysV shared memory stands on');
      return act(world, process);
    };
  };
}

function keyOf(key: number): number {
  return (KEY_BASE + key) | 0;
}

/** The id that shmget gave last for a key; -1, which is none, for a key that nobody asked for. */
function idOf(world: World, key: number): number {
  return world.segments.get(key) ?? -1;
}
