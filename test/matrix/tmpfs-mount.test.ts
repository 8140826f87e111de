/** Mounts of tmpfs: options, names, inodes, remounting; and files of every size the vector can reach (generic-mm 14.1). */
import { ERRNO, Machine, runToEnd } from '@fourfold/core';
import { type Tmpfs, type TmpfsOptions, tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

/** A machine with a tmpfs at /tmp, and the mount itself. */
function mounted(arch: (typeof MACHINES)[number], options: string | TmpfsOptions = {}) {
  let mount: Tmpfs | undefined;
  const type = tmpfs(options);
  const machine = new Machine({
    arch,
    memory: 2 ** (arch.geometry.pageShift + 10),
    mounts: {
      '/tmp': {
        ...type,
        mount: (k, at) => {
          mount = type.mount(k, at) as Tmpfs;
          return mount;
        },
      },
    },
  });
  return { machine, mount: mount as Tmpfs };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  const { pageSize } = arch.geometry;

  test('options say how many blocks and inodes there are; the default is half of RAM', () => {
    const limits = (options: string | TmpfsOptions): number[] => {
      const { blocks, inodes, freeInodes } = mounted(arch, options).mount.usage;
      return [blocks, inodes, inodes - freeInodes];
    };
    expect(limits({})).toEqual([512, 512, 1]);
    expect(limits(`size=${8 * pageSize - 1},nr_inodes=2k`)).toEqual([8, 2048, 1]);
    expect(limits({ size: '25%', nr_inodes: 7, mode: '1777', uid: 0, gid: '0' })).toEqual([256, 7, 1]);
    expect(limits('nr_blocks=3')).toEqual([3, 512, 1]);
    expect(limits({ nr_blocks: 0, nr_inodes: 0 })).toEqual([0, 0, 0]);
  });

  test.each(['size', 'size=', 'size=1x', 'sise=1', 'mode=9', 'uid=a', 'nr_inodes=-1', 'nr_blocks=1%'])(
    'mount option %s is EINVAL',
    (options) => expect(() => mounted(arch, options)).toThrow(/EINVAL: tmpfs: expected/),
  );

  test('the root and every name take an inode; the last name and the last user give them back', () => {
    const { machine, mount } = mounted(arch, { nr_inodes: 4 });
    const file = machine.open('/tmp/a', { create: true });
    expect(mount.link('a', 'b')).toBe(0);
    machine.close(machine.open('/tmp/c', { create: true }));
    expect(() => machine.open('/tmp/d', { create: true })).toThrow(/ENOSPC/);
    expect([mount.link('a', 'd'), mount.link('x', 'd'), mount.link('a', 'b')]).toEqual(
      [ERRNO.ENOSPC, ERRNO.ENOENT, ERRNO.EEXIST].map((errno) => -errno),
    );
    machine.check();
    machine.unlink('/tmp/a');
    machine.unlink('/tmp/c');
    machine.check();
    expect(mount.usage.freeInodes).toBe(2);
    machine.unlink('/tmp/b');
    expect([mount.usage.freeInodes, file.inode.name]).toEqual([2, '/tmp/a (deleted)']);
    machine.check();
    machine.close(file);
    expect(mount.usage.freeInodes).toBe(3);
    expect(() => machine.unlink('/tmp/b')).toThrow(/ENOENT/);
    expect(() => machine.open('/tmp/b')).toThrow(/ENOENT/);
    machine.check();
  });

  test('remounting may not go below what is in use, nor from no limit to one', () => {
    const { machine, mount } = mounted(arch, { nr_blocks: 10 });
    const file = machine.open('/tmp/a', { create: true });
    expect(runToEnd(file.inode.write(0, new Uint8Array(4 * pageSize)))).toBe(4 * pageSize);
    expect([mount.remount('nr_blocks=3'), mount.remount('nr_blocks=4')]).toEqual([-ERRNO.EINVAL, 0]);
    expect(mount.usage).toMatchObject({ blocks: 4, freeBlocks: 0 });
    expect(runToEnd(file.inode.write(4 * pageSize, Uint8Array.of(1)))).toBe(-ERRNO.ENOSPC);
    expect(mount.remount('nr_blocks=0')).toBe(-ERRNO.EINVAL);
    expect(mount.remount('nr_blocks=6')).toBe(0);
    expect(runToEnd(file.inode.write(4 * pageSize, Uint8Array.of(1)))).toBe(1);
    machine.check();
    machine.truncate(file, 0);
    expect([mount.remount('nr_blocks=0'), mount.remount('nr_blocks=5')]).toEqual([0, -ERRNO.EINVAL]);
    machine.check();
  });

  test('a page at the first and the last index of each zone, and none behind', () => {
    const { machine, mount } = mounted(arch, { nr_blocks: 300, nr_inodes: 8 });
    const free = machine.freePages;
    const entries = (pageSize * 8) / arch.wordBits;
    const triple = 16 + (entries * entries) / 2;
    // Of 64 KiB pages the index reaches further than sizes here, which end at 8 PiB.
    const max = Math.min(triple + entries ** 3 / 2, Math.ceil(Number.MAX_SAFE_INTEGER / pageSize));
    const file = machine.open('/tmp/a', { create: true });
    let blocks = 0;
    // Index pages that each of them adds: top and leaf, a leaf, middle and leaf, a leaf, middle and leaf.
    for (const [index, more] of [
      [15, 0],
      [16, 2],
      [triple - 1, 1],
      [triple, 2],
      [triple + entries * entries - 1, 1],
      [max - 1, 2],
    ] as const) {
      expect([index, runToEnd(file.inode.write(index * pageSize, Uint8Array.of(7)))]).toEqual([index, 1]);
      blocks += 1 + more;
      expect([index, 300 - mount.usage.freeBlocks]).toEqual([index, blocks]);
      machine.check();
    }
    expect(runToEnd(file.inode.write(max * pageSize, Uint8Array.of(7)))).toBe(-ERRNO.EFBIG);
    expect(() => machine.truncate(file, (max + 1) * pageSize)).toThrow(/EFBIG/);
    expect(() => machine.truncate(file, -1)).toThrow(/EINVAL/);
    expect(file.inode.allocatedPages).toBe(6);
    machine.truncate(file, triple * pageSize);
    machine.check();
    expect([file.inode.allocatedPages, 300 - mount.usage.freeBlocks <= 9]).toEqual([3, true]);
    machine.truncate(file, 0);
    machine.check();
    machine.drainBatches();
    expect([mount.usage.freeBlocks, machine.freePages]).toEqual([300, free]);
  });

  test('a hole among the direct entries of a file with index pages; originally an assertion fails there (D1)', () => {
    for (const defects of ['mended', 'kept'] as const) {
      const machine = new Machine({ arch, defects, mounts: { '/tmp': tmpfs() } });
      const file = machine.open('/tmp/a', { create: true });
      expect(runToEnd(file.inode.write(0, new Uint8Array(20 * pageSize)))).toBe(20 * pageSize);
      const process = machine.spawn();
      const va = process.mmap({ length: 20 * pageSize, prot: 'rw', flags: 'shared', file });
      const punch = (): void => process.madvise(va, 4 * pageSize, arch.madvRemove);
      if (defects === 'kept') {
        expect(punch).toThrow(/shmem_truncate_range/);
        continue;
      }
      punch();
      expect(file.inode.allocatedPages).toBe(16);
      machine.check();
    }
  });
});
