/** SysV shared memory: shmget, shmat, shmdt, shmrm, shmstat; still missing. */
import { missing, type Operations } from '../operation.js';

const SHM_FLAGS = { huge: 0 };
const SHMAT_FLAGS = { rdonly: 0, remap: 0, rnd: 0 };

export const shmOps: Operations = {
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
