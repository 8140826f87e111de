/**
 * Page tables come when a page is touched and go exactly when no area needs the span they cover (generic-mm 3.3), on every
 * machine: ranges of one page, of exactly one table, across a table's border, and at the ends of user space.
 */
import { Machine } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';

/** Bytes that one pte table spans. */
const TABLE_SPAN: Record<MachineName, bigint> = {
  i386: 4n << 20n,
  'i386-pae': 2n << 20n,
  x86_64: 2n << 20n,
  'ppc64-4k': 2n << 20n,
  'ppc64-64k': 256n << 20n,
  'ia64-4k': 2n << 20n,
  'ia64-8k': 8n << 20n,
  'ia64-16k': 32n << 20n,
  'ia64-64k': 512n << 20n,
  'sparc64-8k': 8n << 20n,
  'sparc64-64k': 512n << 20n,
};

/** Tables of a fresh process, and of one that has touched one page at 0x20000000. */
const FRESH: Record<MachineName, string> = {
  i386: 'pgd 1 pte 0',
  'i386-pae': 'pgd 1 pmd 3 pte 0',
  x86_64: 'pgd 1 pud 0 pmd 0 pte 0',
  'ppc64-4k': 'pgd 1 pud 0 pmd 0 pte 0',
  'ppc64-64k': 'pgd 1 pmd 0 pte 0',
  'ia64-4k': 'pgd 1 pmd 0 pte 0',
  'ia64-8k': 'pgd 1 pmd 0 pte 0',
  'ia64-16k': 'pgd 1 pmd 0 pte 0',
  'ia64-64k': 'pgd 1 pmd 0 pte 0',
  'sparc64-8k': 'pgd 1 pmd 0 pte 0',
  'sparc64-64k': 'pgd 1 pmd 0 pte 0',
};
const ONE_PAGE: Record<MachineName, string> = {
  i386: 'pgd 1 pte 1',
  'i386-pae': 'pgd 1 pmd 3 pte 1',
  x86_64: 'pgd 1 pud 1 pmd 1 pte 1',
  'ppc64-4k': 'pgd 1 pud 1 pmd 1 pte 1',
  'ppc64-64k': 'pgd 1 pmd 1 pte 1',
  'ia64-4k': 'pgd 1 pmd 1 pte 1',
  'ia64-8k': 'pgd 1 pmd 1 pte 1',
  'ia64-16k': 'pgd 1 pmd 1 pte 1',
  'ia64-64k': 'pgd 1 pmd 1 pte 1',
  'sparc64-8k': 'pgd 1 pmd 1 pte 1',
  'sparc64-64k': 'pgd 1 pmd 1 pte 1',
};

/** Root entries that mapping and unmapping 1 TB looks at (unmapping walks them twice), where 1 TB fits. */
const TERABYTE_VISITS: Record<MachineName, number | 'NOT_SUPPORTED'> = {
  i386: 'NOT_SUPPORTED',
  'i386-pae': 'NOT_SUPPORTED',
  x86_64: 6,
  'ppc64-4k': 64,
  'ppc64-64k': 2,
  'ia64-4k': 'NOT_SUPPORTED',
  'ia64-8k': 'NOT_SUPPORTED',
  'ia64-16k': 32,
  'ia64-64k': 2,
  'sparc64-8k': 128,
  'sparc64-64k': 2,
};

const ANON = 'private|anonymous|fixed';

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  const span = TABLE_SPAN[name];
  const page = BigInt(arch.geometry.pageSize);

  function start() {
    const machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 10), overcommit: 1 });
    const kernels = [...machine.kernel.tablesInUse];
    const process = machine.spawn();
    const tables = (): string =>
      arch.geometry.names
        .map((level, i) => `${level} ${(machine.kernel.tablesInUse[i] as number) - (kernels[i] as number)}`)
        .join(' ');
    const touch = (at: bigint, length = page): void => {
      process.mmap({ addr: at, length, prot: 'rw', flags: ANON });
      process.store8(at, 1);
    };
    return { machine, process, tables, touch };
  }

  test('a fresh process has its root and what comes with it; a touched page brings one table a level', () => {
    const { machine, process, tables, touch } = start();
    expect(tables()).toBe(FRESH[name]);
    process.mmap({ addr: 0x2000_0000n, length: page, prot: 'rw', flags: ANON });
    expect(tables()).toBe(FRESH[name]); // an area alone needs none
    touch(0x2000_0000n);
    expect(tables()).toBe(ONE_PAGE[name]);
    expect(process.mm.nrPtes).toBe(1);
    process.munmap(0x2000_0000n, page);
    expect(tables()).toBe(FRESH[name]);
    machine.check();
  });

  test('two areas in one table: the first to go leaves it, the second takes it', () => {
    const { machine, process, tables, touch } = start();
    const at = 0x2000_0000n;
    touch(at);
    touch(at + 2n * page);
    process.munmap(at, page);
    expect(process.mm.nrPtes).toBe(1);
    machine.check();
    process.munmap(at + 2n * page, page);
    expect(tables()).toBe(FRESH[name]);
    machine.check();
  });

  test('exactly one table: unmapping its whole span frees it and its neighbours stay', () => {
    const { machine, process, touch } = start();
    const at = 0x4000_0000n;
    touch(at - page);
    touch(at, span);
    touch(at + span);
    expect(process.mm.nrPtes).toBe(3);
    process.munmap(at, span);
    expect(process.mm.nrPtes).toBe(2);
    machine.check();
    process.munmap(at - page, page);
    process.munmap(at + span, page);
    expect(process.mm.nrPtes).toBe(0);
    machine.check();
  });

  test('a range across a border, cut from both ends, frees each table with its last area', () => {
    const { machine, process, touch } = start();
    const border = 0x4000_0000n;
    touch(border - page, 2n * page);
    process.store8(border, 1);
    expect(process.mm.nrPtes).toBe(2);
    process.munmap(border, page);
    expect(process.mm.nrPtes).toBe(1);
    process.munmap(border - page, page);
    expect(process.mm.nrPtes).toBe(0);
    machine.check();
  });

  test('the first and the last page of user space', () => {
    const { machine, process, tables, touch } = start();
    const { taskSizePages, regionPages, regionLimitPages } = arch.layout;
    const rangeStart = arch.huge?.rangeStart ?? -1; // what comes last may be for huge pages alone
    const end = rangeStart < 0 ? taskSizePages : rangeStart;
    const top = BigInt(end - regionPages + regionLimitPages) * page; // regions end before they do
    touch(0n);
    touch(top - page);
    expect([process.load8(0n), process.load8(top - page)]).toEqual([1, 1]);
    machine.check();
    process.munmap(top - page, page);
    process.munmap(0n, page);
    expect(tables()).toBe(FRESH[name]);
    machine.check();
  });

  test('1 TB without reserve costs a look at each root entry, and nothing a page', () => {
    const { machine, process } = start();
    const visits = TERABYTE_VISITS[name];
    if (visits === 'NOT_SUPPORTED') {
      // 2^40 does not fit a 32-bit word: the kernel sees length 0.
      expect(() => process.mmap({ length: 1n << 40n, prot: 'rw', flags: 'private|anonymous|noreserve' })).toThrow(
        /EINVAL/,
      );
      return;
    }
    const before = machine.counters.get('rootVisits');
    const at = process.mmap({ length: 1n << 40n, prot: 'rw', flags: 'private|anonymous|noreserve' });
    process.munmap(at, 1n << 40n);
    expect(machine.counters.get('rootVisits') - before).toBe(visits);
    machine.check();
  });
});
