/** Where huge pages may lie and where mmap puts them; and what other mappings may no longer do there. */
import { createIa64, ia64_16k } from '@fourfold/arch-ia64';
import { createPpc64, ppc64_4k } from '@fourfold/arch-ppc64';
import { sparc64_8k } from '@fourfold/arch-sparc64';
import { i386, x86_64 } from '@fourfold/arch-x86';
import { MmError, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { HUGE_MACHINES, HugeWorld, hugeName } from '../support/huge.js';

function setUp(arch: ArchDescriptor, pool = 6) {
  const world = new HugeWorld(arch, pool);
  const { file } = world.open('h1');
  const process = world.machine.spawn();
  const huge = (addr: bigint, pages = 1, flags = 'shared'): bigint =>
    process.mmap({ addr, length: world.size * BigInt(pages), prot: 'rw', flags, file });
  const plain = (addr: bigint, bytes: bigint, flags = 'private|anonymous'): bigint =>
    process.mmap({ addr, length: bytes, prot: 'rw', flags });
  return { world, process, huge, plain, page: BigInt(world.machine.pageSize) };
}

function errnoOf(run: () => unknown): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    if (error instanceof MmError) return error.code;
    throw error;
  }
}

describe.each(HUGE_MACHINES.map((arch) => [hugeName(arch), arch] as const))('%s', (_name, arch) => {
  test('what the kernel picks is aligned, free, and not what it picked before', () => {
    const { world, process, huge, plain, page } = setUp(arch);
    plain(0n, page);
    const picked = [huge(0n, 1), huge(0n, 2), huge(0n, 1)];
    plain(0n, page);
    for (const at of picked) expect(at % world.size).toBe(0n);
    expect(new Set(picked).size).toBe(3);
    expect(process.mm.reservedVm).toBe(4 * world.huge.pages);
    for (const at of picked) process.store8(at, 1);
    process.munmap(picked[1] as bigint, world.size);
    world.machine.check();
    expect(errnoOf(() => huge(world.base + page, 1, 'shared|fixed'))).toBe('EINVAL');
    process.exit();
    world.machine.check();
  });
});

test('x86_64 and sparc64 round a wish up and search upward, whatever the alignment before', () => {
  for (const arch of [x86_64, sparc64_8k]) {
    const { world, huge, plain, page } = setUp(arch);
    expect(huge(0x5000_0000n + page)).toBe(0x5000_0000n + world.size);
    expect(huge(0x5000_0000n + page)).not.toBe(0x5000_0000n + world.size);
    const first = plain(0n, page);
    const next = huge(0n);
    expect([next % world.size, next > first]).toEqual([0n, true]);
  }
});

test('i386 searches downward where the mm does, and upward where there is no room below', () => {
  const { world, process, huge, plain } = setUp(i386);
  expect(process.mm.topDown).toBe(true);
  const first = huge(0n);
  const second = huge(0n);
  expect([first % world.size, second]).toEqual([0n, first - world.size]);
  process.mm.topDown = false;
  process.mm.mmapBase = i386.layout.unmappedBase;
  process.mm.freeAreaCache = process.mm.mmapBase;
  const up = huge(0n);
  expect([huge(0n), up < second]).toEqual([up + world.size, true]);
  // Nothing below the base: the search goes on above it.
  process.mm.topDown = true;
  process.mm.mmapBase = 0x100;
  process.mm.freeAreaCache = 0x100;
  plain(0n, 4096n);
  expect(huge(0n)).toBeGreaterThan(up);
});

describe('ia64: region 4', () => {
  const BASE = 0x8000_0000_0000_0000n;
  const arch = createIa64({ hugeShift: 22 });

  test('huge pages begin there, a usable wish is taken, another starts over, and nothing else comes in', () => {
    const { process, huge, plain, page } = setUp(arch);
    const size = 0x40_0000n;
    expect(huge(0n)).toBe(BASE);
    expect(huge(BASE + 5n * size)).toBe(BASE + 5n * size);
    expect(huge(BASE + 5n * size)).toBe(BASE + 6n * size);
    expect(huge(BASE + page)).toBe(BASE + size);
    expect(huge(0x2000_0000_0000_0000n)).toBe(BASE + 2n * size);
    expect(plain(BASE + 9n * size, page) >> 61n).toBe(1n); // a wish in region 4 is none
    expect(errnoOf(() => plain(BASE + 9n * size, page, 'private|anonymous|fixed'))).toBe('EINVAL');
    expect(errnoOf(() => huge(0x2000_0000_0000_0000n, 1, 'shared|fixed'))).toBe('EINVAL');
    const one = plain(0n, page);
    expect(errnoOf(() => process.mremap(one, page, page, 3, BASE + 9n * size))).toBe('EINVAL');
  });

  test('addresses are scaled: 2048 huge pages of 4 MiB share one page-table page of 16 KiB', () => {
    const { world, process, huge } = setUp(arch);
    const size = 0x40_0000n;
    for (const at of [0n, 2047n, 2048n]) process.store8(huge(BASE + at * size, 1, 'shared|fixed'), 1);
    expect(process.mm.nrPtes).toBe(2);
    world.machine.check();
    process.munmap(BASE + 2047n * size, size);
    expect(process.mm.nrPtes).toBe(2);
    process.munmap(BASE, size);
    expect(process.mm.nrPtes).toBe(1);
    process.munmap(BASE + 2048n * size, size);
    expect(process.mm.nrPtes).toBe(0);
    world.machine.check();
  });

  test('the tables of the default of 256 MiB go with the last huge page too', () => {
    const { world, process, huge } = setUp(ia64_16k, 2);
    const at = huge(0n, 2);
    process.store8(at + world.size, 1);
    process.munmap(at, world.size);
    expect(process.mm.nrPtes).toBe(1);
    process.munmap(at + world.size, world.size);
    expect(process.mm.nrPtes).toBe(0);
    world.machine.check();
  });
});

describe('ppc64: areas', () => {
  const MB = 2n ** 20n;

  test('opening an area keeps every other mapping out of it for good, in children too', () => {
    const { world, process, huge, plain, page } = setUp(ppc64_4k);
    plain(0x5000_0000n, page, 'private|anonymous|fixed');
    expect(errnoOf(() => huge(0x5100_0000n, 1, 'shared|fixed'))).toBe('EINVAL'); // EBUSY inside
    expect(huge(0x6000_0000n, 1, 'shared|fixed')).toBe(0x6000_0000n);
    const others = (one: Process): string[] => [
      errnoOf(() => one.mmap({ addr: 0x6f00_0000n, length: page, prot: 'r', flags: 'private|anonymous|fixed' })),
      errnoOf(() => one.mremap(0x5000_0000n, page, page, 3, 0x6f00_0000n)),
      errnoOf(() => one.mremap(0x5000_0000n, page, 256n * MB + page, 0)),
    ];
    expect(others(process)).toEqual(['EINVAL', 'EINVAL', 'ENOMEM']);
    // A wish there goes elsewhere.
    expect(plain(0x6f00_0000n, page)).toBeGreaterThan(0x6fff_ffffn);
    const child = process.fork();
    process.munmap(0x6000_0000n, world.size);
    expect(others(process)).toEqual(['EINVAL', 'EINVAL', 'ENOMEM']);
    expect(others(child)).toEqual(['EINVAL', 'EINVAL', 'ENOMEM']);
    world.machine.check();
  });

  test('the search for other mappings skips open areas', () => {
    const { world, process, huge, plain, page } = setUp(ppc64_4k);
    const base = 0x0400_0000_0000n; // where it begins: area 4
    huge(base, 1, 'shared|fixed');
    expect(plain(0n, page)).toBe(0x0500_0000_0000n);
    process.store8(base, 1);
    world.machine.check();
  });

  test('a 32-bit task has low areas, and searches downward around them', () => {
    const { world, process, huge, plain, page } = setUp(createPpc64({ task: 32 }));
    const at = huge(0n);
    expect(at).toBe(0xf000_0000n);
    expect(plain(0n, page)).toBeLessThan(0xf000_0000n);
    process.store8(at + world.size - 1n, 3);
    world.machine.check();
  });

  test('the heap and stacks stop before an area', () => {
    const { process, huge, page } = setUp(ppc64_4k);
    const start = process.brk(0n);
    expect(start).toBe(0x1000_0000n);
    huge(0x2000_0000n, 1, 'shared|fixed');
    expect(process.brk(0x1fff_f000n)).toBe(0x1fff_f000n);
    expect(process.brk(0x2fff_f000n)).toBe(0x1fff_f000n);
    process.mmap({ addr: 0x3000_0000n, length: page, prot: 'rw', flags: 'private|anonymous|fixed|growsdown' });
    expect(() => process.store8(0x3000_0000n - page, 1)).toThrow(/SEGV_MAPERR/);
  });
});
