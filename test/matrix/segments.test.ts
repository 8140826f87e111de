/** SysV shared memory on every machine: ids, charges, locks and ends of segments (generic-mm 15). */
import { IPC_CREAT, IPC_EXCL, IPC_PRIVATE, IPC_RMID, Machine, SHM_LOCK, SHM_RND, SHM_UNLOCK } from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';

/** SHMLBA in bytes, and whether shmat insists on it. */
const SHMLBA = {
  i386: [4096, false],
  'i386-pae': [4096, false],
  x86_64: [4096, false],
  'ppc64-4k': [4096, false],
  'ppc64-64k': [65536, false],
  'ia64-4k': [1 << 20, false],
  'ia64-8k': [1 << 20, false],
  'ia64-16k': [1 << 20, false],
  'ia64-64k': [1 << 20, false],
  'sparc64-8k': [16384, true],
  'sparc64-64k': [65536, true],
} satisfies Record<MachineName, [number, boolean]>;

const AT = 0x2000_0000n;

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  const setUp = (overcommit: 0 | 1 | 2 = 0) => {
    const machine = new Machine({ arch, overcommit, mounts: { '/dev/shm': tmpfs() } });
    return { machine, process: machine.spawn(), page: machine.pageSize };
  };

  test('shmat rounds down to SHMLBA when asked to, and refuses what the machine cannot attach', () => {
    const { machine, process, page } = setUp();
    const [lba, forces] = SHMLBA[name];
    const id = process.shmget(IPC_PRIVATE, page);
    expect(process.shmat(id, AT + BigInt(lba) + 100n, SHM_RND)).toBe(AT + BigInt(lba));
    expect(() => process.shmat(id, AT + 100n)).toThrow(/EINVAL/);
    const odd = AT + BigInt(4 * lba + page);
    if (forces && page < lba) expect(() => process.shmat(id, odd)).toThrow(/EINVAL/);
    else expect(process.shmat(id, odd)).toBe(odd);
    machine.check();
  });

  test('two processes share a segment by its key; it goes with the last of them once it is removed', () => {
    const { machine, process, page } = setUp();
    const free = machine.freePages;
    const committed = machine.kernel.committed;
    const other = machine.spawn();
    const id = process.shmget(42, 3 * page, IPC_CREAT);
    expect(machine.kernel.committed).toBe(committed + 3);
    expect(other.shmget(42, 0)).toBe(id);
    expect(() => other.shmget(42, 1, IPC_CREAT | IPC_EXCL)).toThrow(/EEXIST/);
    expect(() => other.shmget(42, 4 * page)).toThrow(/EINVAL/);
    const mine = process.shmat(id);
    const its = other.shmat(id);
    process.store8(mine + BigInt(page), 7);
    expect(other.load8(its + BigInt(page))).toBe(7);
    process.shmctl(id, IPC_RMID);
    expect(() => other.shmget(42, 0)).toThrow(/ENOENT/);
    expect(process.shmStat(id)).toEqual({ size: 3 * page, nattch: 2, key: 0, isDoomed: true, isLocked: false });
    machine.check();
    process.exit();
    machine.check();
    expect(other.load8(its + BigInt(page))).toBe(7);
    other.shmdt(its);
    machine.check();
    expect(() => other.shmStat(id)).toThrow(/EINVAL/);
    other.exit();
    expect(machine.kernel.committed).toBe(committed);
    expect(machine.freePages).toBeGreaterThanOrEqual(free);
  });

  test('an id of the past is told from the one that has its place now', () => {
    const { process, page } = setUp();
    const old = process.shmget(IPC_PRIVATE, page);
    process.shmctl(old, IPC_RMID);
    expect(() => process.shmat(old)).toThrow(/EINVAL/);
    const now = process.shmget(IPC_PRIVATE, page);
    expect(now).not.toBe(old);
    expect(() => process.shmat(old)).toThrow(/EIDRM/);
    expect(() => process.shmStat(old)).toThrow(/EIDRM/);
    expect(() => process.shmat(-1)).toThrow(/EINVAL/);
  });

  test('SHM_LOCK is within RLIMIT_MEMLOCK, for all segments together', () => {
    const { machine, process, page } = setUp();
    const [one, two] = [process.shmget(IPC_PRIVATE, 3 * page), process.shmget(IPC_PRIVATE, 2 * page)];
    process.mm.capIpcLock = false;
    process.mm.rlimits.memlock = 4 * page;
    process.shmctl(one, SHM_LOCK);
    expect(process.shmStat(one).isLocked).toBe(true);
    expect(() => process.shmctl(two, SHM_LOCK)).toThrow(/ENOMEM/);
    process.shmctl(one, SHM_UNLOCK);
    process.shmctl(two, SHM_LOCK);
    process.shmctl(two, IPC_RMID);
    process.shmctl(one, SHM_LOCK);
    process.mm.rlimits.memlock = 0;
    expect(() => process.shmctl(one, SHM_UNLOCK)).toThrow(/EPERM/);
    machine.check();
  });

  test('a segment the overcommit rule refuses is ENOMEM, and nothing of it is left', () => {
    const { machine, process } = setUp(2);
    const { committed } = machine.kernel;
    expect(() => process.shmget(IPC_PRIVATE, 32 << 20)).toThrow(/ENOMEM/);
    expect(machine.kernel.committed).toBe(committed);
    machine.check();
  });

  test('a machine without tmpfs answers ENOSYS', () => {
    const process = new Machine({ arch }).spawn();
    expect(() => process.shmget(1, 1, IPC_CREAT)).toThrow(/ENOSYS/);
    expect(() => process.shmat(1)).toThrow(/ENOSYS/);
    expect(() => process.shmdt(AT)).toThrow(/ENOSYS/);
    expect(() => process.shmctl(1, IPC_RMID)).toThrow(/ENOSYS/);
    expect(() => process.shmStat(1)).toThrow(/ENOSYS/);
  });
});
