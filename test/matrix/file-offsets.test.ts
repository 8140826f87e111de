/**
 * File offsets have 64 bits on every machine (loff_t), whatever its words have; how far a file may reach is the machine's
 * and the file system's affair. Later read(2) answers nothing behind the largest file; a 32-bit kernel of the time let the
 * page index wrap there.
 */
import { createPpc64 } from '@fourfold/arch-ppc64';
import { createSparc64 } from '@fourfold/arch-sparc64';
import { createX86_64, i386 } from '@fourfold/arch-x86';
import { Machine } from '@fourfold/core';
import { runScenario } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';

const TMPFS = tmpfs({ nr_blocks: 0, nr_inodes: 0 });
/** Sizes are plain numbers here. */
const EXACT = 2n ** 53n - 1n;

/** The largest file of the disk, MAX_LFS_FILESIZE, and of a tmpfs, SHMEM_MAX_BYTES: 16 + E * E / 2 * (E + 1) pages. */
const LARGEST = {
  i386: [8n * 2n ** 40n - 1n, 537_395_216n * 4096n],
  'i386-pae': [8n * 2n ** 40n - 1n, 537_395_216n * 4096n],
  x86_64: [EXACT, 67_239_952n * 4096n],
  'ppc64-4k': [EXACT, 67_239_952n * 4096n],
  'ppc64-64k': [EXACT, EXACT],
  'ia64-4k': [EXACT, 67_239_952n * 4096n],
  'ia64-8k': [EXACT, 537_395_216n * 8192n],
  'ia64-16k': [EXACT, 4_297_064_464n * 16384n],
  'ia64-64k': [EXACT, EXACT],
  'sparc64-8k': [EXACT, 537_395_216n * 8192n],
  'sparc64-64k': [EXACT, EXACT],
} satisfies Record<MachineName, [disk: bigint, tmpfs: bigint]>;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  const page = BigInt(arch.geometry.pageSize);
  /** What stands behind the arrow in each line. */
  const results = (...lines: string[]): string[] =>
    runScenario(lines.join('\n'), { arch, tmpfs: TMPFS, check: true }).lines.map((line) =>
      line.replace(/^.* -> /, '').replace(/ \| .*/, ''),
    );

  test('an offset from 2^63 on is negative: no size, no place to read, write or punch', () => {
    for (const offset of ['0x8000000000000000', '0xffffffff00000000', '0xffffffffffffffff', 'max']) {
      expect(
        results(
          'file t1 2 fill',
          `ftruncate t1 ${offset}`,
          `fpunch t1 ${offset} 1`,
          `fpunch t1 0 ${offset}`,
          `fread t1 ${offset}`,
          `fwrite t1 ${offset}`,
          `file d1 ${offset}`,
          'fsize t1',
        ),
      ).toEqual(['ok', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', '2+0']);
    }
  });

  test('bits beyond the machine word are not lost', () => {
    const far = 2n ** 32n + page;
    const [disk] = results(`file d1 0`, `ftruncate d1 ${hex(far)}`, 'fsize d1').slice(-1);
    expect(disk).toBe(`${far / page}+0`);
    expect(
      results('file t1 1 fill', `fwrite t1 ${hex(far)} 5`, 'fread t1 0', `fread t1 ${hex(far)}`, 'fblocks t1'),
    ).toEqual(['ok', 'ok', 'ok 1', 'ok 5', '2']);
    expect(results('file t1 3 fill', `fpunch t1 ${hex(far)} 1`, 'fblocks t1')).toEqual(['ok', 'ok', '3']);
  });

  test.each([
    ['d1', 0],
    ['t1', 1],
  ] as const)('%s ends where its file system ends: EFBIG behind, and a write is cut there', (file, which) => {
    const largest = LARGEST[name][which];
    const size = (bytes: bigint): string => `${bytes / page}+${bytes % page}`;
    expect(
      results(
        `file ${file} 1 fill`,
        `ftruncate ${file} ${hex(largest)}`,
        `ftruncate ${file} ${hex(largest + 1n)}`,
        `ftruncate ${file} 0x7fffffffffffffff`,
        `fsize ${file}`,
        'file t9 1',
        `fwrite ${file} ${hex(largest - 1n)} 9`,
        `fwrite ${file} ${hex(largest)} 9`,
        `fread ${file} ${hex(largest - 1n)}`,
        `fread ${file} ${hex(largest)}`,
        `fread ${file} 0x7ffffffffffffffe`,
        `fread ${file} 0x7fffffffffffffff`,
        `fwrite ${file} 0x7fffffffffffffff`,
      ),
    ).toEqual([
      'ok',
      'ok',
      'EFBIG',
      'EFBIG',
      size(largest),
      'ok',
      'ok',
      'EFBIG',
      'ok 9',
      'eof',
      'eof',
      'EINVAL',
      'EINVAL',
    ]);
    const machine = new Machine({ arch, mounts: { '/tmp': TMPFS } });
    const open = machine.open(which === 1 ? '/tmp/f' : '/f', { create: true });
    expect(() => machine.truncate(open, Number(largest + 1n))).toThrow(/EFBIG/);
    expect(() => machine.truncate(open, -1)).toThrow(/EINVAL/);
  });

  test('fpunch reaches as far as the kernel can count, further than any file of a tmpfs', () => {
    const last = arch.wordBits === 32 ? (page << 31n) - 1n : 2n ** 63n - 1n;
    expect(
      results(
        'file t1 3 fill',
        `fpunch t1 1 ${hex(last - page)}`,
        'fblocks t1',
        'fsize t1',
        `fpunch t1 1 ${hex(last - page + 1n)}`,
        'fpunch t1 1 0x7fffffffffffffff',
        'fpunch t1 0 0',
      ),
    ).toEqual(['ok', 'ok', '1', '3+0', 'EFBIG', 'EFBIG', 'EINVAL']);
  });

  test('a disk file cannot be punched, not even inside a page', () => {
    expect(results('file d1 2 fill', 'fpunch d1 0 1', 'fpunch d1 0+10 0+5', 'fread d1 0+10')).toEqual([
      'ok',
      'ENOSYS',
      'ENOSYS',
      'ok 1',
    ]);
  });

  test.runIf(arch.huge !== null)('a file of huge pages answers EINVAL to every size it has not', () => {
    expect(
      results(
        'file h1 1h',
        'ftruncate h1 0x4000000000000000',
        'ftruncate h1 0x7fffffffffffffff',
        'ftruncate h1 0x8000000000000000',
        'fwrite h1 0x7000000000000000',
        'fread h1 0x7000000000000000',
      ),
    ).toEqual(['ok', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL']);
  });
});

test.each([
  ['i386', i386],
  ['x86_64, 32-bit tasks', createX86_64({ task: 32 })],
  ['ppc64, 32-bit tasks', createPpc64({ task: 32 })],
  ['ppc64, 32-bit tasks, 64 KiB pages', createPpc64({ task: 32, pageShift: 16 })],
  ['sparc64, 32-bit tasks', createSparc64({ task: 32 })],
] as const)('%s: the offset of mmap is counted in units of 4 KiB, 2^32 of them', (_name, arch) => {
  const machine = new Machine({ arch });
  const process = machine.spawn();
  const file = { inode: machine.createFile('f', { size: arch.pageSize }), readable: true, writable: true, refs: 1 };
  const [at, high] = [0x2000_0000n, 0x2800_0000n];
  const map = (addr: bigint, offset: bigint): number | undefined => {
    process.mmap({ addr, length: arch.pageSize, prot: 'r', flags: 'private|fixed', file, offset });
    return process.mm.vmas.find(Number(addr / BigInt(arch.pageSize)))?.pgoff;
  };
  expect(map(at, 2n ** 44n - 2n * BigInt(arch.pageSize))).toBe(2 ** 44 / arch.pageSize - 2);
  expect(map(high, 2n ** 45n + 2n ** 44n + BigInt(arch.pageSize))).toBe(1);
});
