/** A machine of a family that core has never heard of, against what every machine here is held against. */
import { MemoryFault } from '@fourfold/core';
import { BareHost, FAULT_RIGHTS, LOAD, STORE, TLB_CLEAN } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runPressure } from '../pressure/program.js';
import { bootTables } from '../support/boot.js';
import { step, World } from '../support/random-program.js';
import { Sh4Mmu, sh4 } from './sh4.js';

describe('entries', () => {
  test('are those of the port', () => {
    const { pte } = sh4;
    const copy = pte.make(0xc000, pte.protection(7)); // P111, PAGE_COPY
    expect(copy.toString(16)).toBe('c000558');
    expect(pte.protection(15).toString(16)).toBe('d78'); // S111, PAGE_SHARED
    expect(pte.decode(copy)).toMatchObject({ kind: 'present', write: false, dirty: false, young: true });
  });

  test('of swap and of files are never taken for present ones', () => {
    const { pte } = sh4;
    fc.assert(
      fc.property(fc.nat(31), fc.integer({ min: 1, max: 2 ** 21 - 1 }), fc.nat(2 ** 29 - 1), (type, offset, pgoff) => {
        expect(pte.decode(pte.makeSwap(type, offset))).toMatchObject({
          kind: 'swap',
          swapType: type,
          swapOffset: BigInt(offset),
        });
        expect(pte.decode(pte.makeFile(pgoff))).toMatchObject({ kind: 'file', fileOffset: BigInt(pgoff) });
      }),
    );
  });
});

test('a page that was loaded clean is made dirty by its first store, below the fault code', () => {
  const host = new BareHost(sh4, [{ base: 0xc00_0000, size: 0x10_0000 }]);
  const mmu = new Sh4Mmu(host);
  const mm = host.makeMm();
  mmu.switchMm(host.cpu, null, mm);
  host.cpu.mm = mm;
  const at = host.lookup(mm, 5, true);
  const page = host.takePage();
  host.write(at, sh4.pte.make(host.pfnOf(page), sh4.pte.protection(11))); // S011
  const slot = host.translate(mmu, LOAD, 5);
  expect([host.cpu.tlb.frameOf(slot), host.cpu.tlb.attrsOf(slot)]).toEqual([page, TLB_CLEAN]);
  expect(sh4.pte.decode(host.read(at)).dirty).toBe(false);
  expect(host.translate(mmu, STORE, 5)).toBeGreaterThanOrEqual(0);
  expect(sh4.pte.decode(host.read(at)).dirty).toBe(true);
  host.write(at, sh4.pte.make(host.pfnOf(page), sh4.pte.protection(1)));
  mmu.flushPage(mm, 5);
  expect(host.translate(mmu, STORE, 5)).toBe(FAULT_RIGHTS);
});

test.each([1, 2])('random programs agree with the slow model and leave nothing behind (%i CPUs)', (cpus) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const world = new World(sh4, cpus);
      for (const s of steps) {
        world.run(s);
        world.machine.check();
      }
      world.compareAll();
      for (const { real } of world.pairs) real.exit();
      world.inode.destroy();
      world.machine.check();
      expect([...world.machine.kernel.tablesInUse]).toEqual(bootTables(sh4));
      expect(world.machine.freePages).toBe(world.freeAtStart);
    }),
    { numRuns: 100 },
  );
});

test('2,000 operations short of memory keep every byte, with the ledger of flushes and the check of hits on', () => {
  const { swappedOut, swappedIn } = runPressure({ arch: sh4, seed: 1, steps: 2000, auditEvery: 10 });
  expect([swappedOut > 0, swappedIn > 0]).toEqual([true, true]);
}, 60_000);

test('the address space ends where the port says', () => {
  const { machine } = new World(sh4, 1);
  const process = machine.spawn();
  expect(() => process.mmap({ addr: 0x7c00_0000, length: 4096, prot: 'rw', flags: 'private|anonymous|fixed' })).toThrow(
    'ENOMEM',
  );
  expect(() => process.load8(0x7c00_0000)).toThrow(MemoryFault);
  machine.check();
});
