/** vmalloc, vfree and ioremap on every machine: real tables in its format, guard pages, failures that leave nothing. */
import { ioremap, iounmap, Machine, runToEnd, vfree, vmalloc, vmallocToPage } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';

/** Where the first area begins; on i386 as on a machine with all its low memory. */
const FIRST: Readonly<Record<MachineName, bigint>> = {
  i386: 0xf880_0000n,
  'i386-pae': 0xf880_0000n,
  x86_64: 0xffff_c200_0000_0000n,
  'ppc64-4k': 0xd000_0000_0000_0000n,
  'ppc64-64k': 0xd000_0000_0000_0000n,
  'ia64-4k': 0xa000_0002_0000_0000n,
  'ia64-8k': 0xa000_0002_0000_0000n,
  'ia64-16k': 0xa000_0002_0000_0000n,
  'ia64-64k': 0xa000_0002_0000_0000n,
  'sparc64-8k': 0x1_0000_0000n,
  'sparc64-64k': 0x1_0000_0000n,
};

/** What ioremap of physical address 0x12345678 answers first: an address in tables, or a fixed one. */
const IO: Readonly<Record<MachineName, bigint>> = {
  // One page of 4 KiB is aligned to two.
  i386: 0xf880_0678n,
  'i386-pae': 0xf880_0678n,
  x86_64: 0xffff_c200_0000_0678n,
  'ppc64-4k': 0xd000_0800_8000_0678n,
  'ppc64-64k': 0xd000_0800_8000_5678n,
  'ia64-4k': 0xc000_0000_1234_5678n,
  'ia64-8k': 0xc000_0000_1234_5678n,
  'ia64-16k': 0xc000_0000_1234_5678n,
  'ia64-64k': 0xc000_0000_1234_5678n,
  'sparc64-8k': 0x1234_5678n,
  'sparc64-64k': 0x1234_5678n,
};

/** The protection of a kernel page without its frame: PAGE_KERNEL. */
const PAGE_KERNEL: Readonly<Record<MachineName, bigint>> = {
  i386: 0x163n,
  'i386-pae': 0x8000_0000_0000_0163n,
  x86_64: 0x8000_0000_0000_0163n,
  'ppc64-4k': 0x391n,
  // set_pte_at of a machine with 64 KiB pages adds COMBO.
  'ppc64-64k': 0x1000_0391n,
  'ia64-4k': 0x0010_0000_0000_0661n,
  'ia64-8k': 0x0010_0000_0000_0661n,
  'ia64-16k': 0x0010_0000_0000_0661n,
  'ia64-64k': 0x0010_0000_0000_0661n,
  'sparc64-8k': 0x8000_0000_0000_1fb6n,
  'sparc64-64k': 0xa000_0000_0000_1fb6n,
};

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  const small = (): Machine => new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 10) });

  test('the first area begins where the machine has its vmalloc area, and its pages are PAGE_KERNEL', () => {
    const machine = small();
    const k = machine.kernel;
    const spy = machine.spy();
    const address = runToEnd(vmalloc(k, 2 * machine.pageSize + 1));
    expect(address).toBe(FIRST[name]);
    const pages = [0, 1, 2, 3].map((i) => vmallocToPage(k, address + BigInt(i * machine.pageSize)));
    expect(new Set(pages.slice(0, 3)).size).toBe(3);
    expect(pages[3]).toBe(-1);
    const [first] = spy.of('setPte');
    const word = (BigInt((first?.hi ?? 0) >>> 0) << 32n) | BigInt((first?.lo ?? 0) >>> 0);
    const f = arch.pteFormat;
    const frame = k.memory.pageToPfn(pages[0] as number);
    const frameWord = (BigInt(f.makeHi(frame, 0) >>> 0) << 32n) | BigInt(f.makeLo(frame, 0) >>> 0);
    const base = (BigInt(f.makeHi(0, 0) >>> 0) << 32n) | BigInt(f.makeLo(0, 0) >>> 0);
    expect(word & ~(frameWord & ~base)).toBe(PAGE_KERNEL[name]);
    machine.check();
    expect(runToEnd(vfree(k, address))).toBe(true);
    expect(vmallocToPage(k, address)).toBe(-1);
    expect(runToEnd(vfree(k, address))).toBe(false);
    machine.check();
  });

  test('device memory is mapped in tables where the machine needs them, and never counted', () => {
    const machine = small();
    const k = machine.kernel;
    const free = machine.freePages;
    const address = runToEnd(ioremap(k, 0x1234_5678, 4));
    expect(address).toBe(IO[name]);
    machine.check();
    expect(runToEnd(iounmap(k, address))).toBe(true);
    machine.check();
    // Only tables were taken, and tables stay.
    expect(free - machine.freePages).toBeLessThanOrEqual(8);
  });

  test('areas keep a page apart; a hole is used again when it is large enough', () => {
    const machine = small();
    const k = machine.kernel;
    const page = BigInt(machine.pageSize);
    const [a, b, c] = [3, 1, 2].map((n) => runToEnd(vmalloc(k, n * machine.pageSize))) as [bigint, bigint, bigint];
    expect([b - a, c - b]).toEqual([4n * page, 2n * page]);
    runToEnd(vfree(k, a));
    expect(runToEnd(vmalloc(k, 4 * machine.pageSize))).toBe(c + 3n * page);
    expect(runToEnd(vmalloc(k, 3 * machine.pageSize))).toBe(a);
    machine.check();
  });

  test('nothing for no bytes, for more than there is memory, or for an address where nothing begins', () => {
    const machine = small();
    const k = machine.kernel;
    expect(runToEnd(vmalloc(k, 0))).toBe(0n);
    expect(runToEnd(vmalloc(k, 2 ** 40))).toBe(0n);
    const address = runToEnd(vmalloc(k, machine.pageSize));
    expect(runToEnd(vfree(k, address + 1n))).toBe(false);
    expect(runToEnd(vfree(k, address + BigInt(machine.pageSize)))).toBe(false);
    machine.check();
  });

  test('random vmallocs and vfrees, with allocations failing: areas apart, every frame back at the end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(9), fc.nat(40)), { maxLength: 60 }),
        fc.integer({ min: 2, max: 9 }),
        (ops, every) => {
          const machine = small();
          const k = machine.kernel;
          const held: bigint[] = [];
          let asked = 0;
          machine.inject.failPage = () => ++asked % every === 0;
          for (const [what, size] of ops) {
            if (what < 6) {
              const address = runToEnd(vmalloc(k, size * machine.pageSize));
              if (address !== 0n) held.push(address);
            } else if (held.length > 0) {
              expect(runToEnd(vfree(k, held.splice(size % held.length, 1)[0] as bigint))).toBe(true);
            }
            machine.check();
          }
          machine.inject.clear();
          const tables = k.tablesInUse.reduce((sum, n) => sum + n, 0);
          for (const address of held) runToEnd(vfree(k, address));
          machine.check();
          expect(k.vmlist.all).toEqual([]);
          expect(k.tablesInUse.reduce((sum, n) => sum + n, 0)).toBe(tables);
        },
      ),
      { numRuns: 15 },
    );
  });
});
