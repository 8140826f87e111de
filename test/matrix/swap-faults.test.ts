/** Faults on swapped pages where something else meets them: a debugger, copies of raw frames, entries wider than a word. */
import { DevMem, Machine, onCall, type Process, runToEnd, tryToFreePages } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { countsOf, rawFrames } from '../commits/support/driver.js';
import { fault, frameOf, map, outcome, pageAt, swapOut, swapReferences } from '../commits/support/memory.js';
import { MACHINES } from '../support/machines.js';

function newMachine(arch: (typeof MACHINES)[number], defects: 'mended' | 'kept' = 'mended'): Machine {
  const { pageShift } = arch.geometry;
  const machine = new Machine({
    arch,
    memory: 2 ** (pageShift + 10),
    swap: 2 ** (pageShift + 6),
    defects,
    config: { nrCpus: 4 },
  });
  machine.kernel.swap.pageCluster = 0;
  return machine;
}

/** A parent and a child that share a page which is in swap, and nowhere else. */
function sharedInSwap(machine: Machine): { parent: Process; child: Process } {
  const parent = machine.spawn();
  map(parent, 1);
  parent.store8(pageAt(machine, 0), 5);
  swapOut(parent, 1);
  const child = parent.fork();
  expect(swapReferences(machine)).toBe(2);
  return { parent, child };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test.each([
    ['mended', 'MAJOR|WRITE', [0, 1]],
    ['kept', 'MAJOR', [1, 1]],
  ] as const)('a write that brings a shared page in and copies it says so (D13 %s)', (defects, answer, faults) => {
    const plain = newMachine(arch, defects);
    expect(outcome(runToEnd(fault(sharedInSwap(plain).parent, 0, true)))).toBe(answer);
    plain.check();

    // A debugger's write where the program may only read is over when that was said, and goes round again when not.
    const machine = newMachine(arch, defects);
    const { parent, child } = sharedInSwap(machine);
    parent.mprotect(pageAt(machine, 0), machine.pageSize, 'r');
    const { minFlt, majFlt } = parent;
    parent.poke(pageAt(machine, 0), Uint8Array.of(9));
    expect([parent.minFlt - minFlt, parent.majFlt - majFlt]).toEqual(faults);
    expect([parent.load8(pageAt(machine, 0)), child.load8(pageAt(machine, 0))]).toEqual([9, 5]);
    machine.check();
  });

  test.each(['mended', 'kept'] as const)('no memory for the copy is what the fault answers (D13 %s)', (defects) => {
    const machine = newMachine(arch, defects);
    const { parent, child } = sharedInSwap(machine);
    machine.inject.failPage = onCall(2); // the first frame is for the page that is read
    expect(outcome(runToEnd(fault(parent, 0, true)))).toBe('OOM');
    machine.inject.clear();
    // It is mapped all the same, and nothing was written.
    expect(frameOf(parent, 0)).toBeGreaterThanOrEqual(0);
    expect([parent.load8(pageAt(machine, 0)), child.load8(pageAt(machine, 0))]).toEqual([5, 5]);
    machine.check();
  });

  test('copies in a private mapping of raw frames go to swap and come back, and the frames are never counted', () => {
    const machine = newMachine(arch);
    const k = machine.kernel;
    const { pageSize } = machine;
    const n = 8;
    const first = rawFrames(machine, n);
    const counts = (): unknown => countsOf(machine, first, n);
    const before = counts();
    const parent = machine.spawn();
    const offset = k.memory.pageToPfn(first) * pageSize;
    map(parent, n, { file: new DevMem(k).open(), offset });
    const half = n / 2;
    for (let i = 0; i < half; i++) parent.store8(pageAt(machine, i), 40 + i);
    expect([parent.mm.anonRss, parent.mm.fileRss]).toEqual([half, 0]);
    const child = parent.fork();
    expect(counts()).toEqual(before);
    parent.munmap(pageAt(machine, 0), n * pageSize);
    machine.check();
    child.store8(pageAt(machine, half), 50);
    expect(child.mm.anonRss).toBe(half + 1);
    machine.check();

    const copies = Array.from({ length: half + 1 }, (_, i) => i);
    const resident = (): number[] => copies.filter((i) => frameOf(child, i) >= 0);
    for (let round = 0; round < 200 && resident().length > 0; round++) runToEnd(tryToFreePages(k));
    expect(resident()).toEqual([]);
    expect(child.mm.anonRss).toBe(0);
    expect(counts()).toEqual(before);
    machine.check();
    child.store8(pageAt(machine, 1), 70);
    machine.swapOff(0);
    expect(machine.swapPages).toEqual({ total: 0, free: 0, cached: 0 });
    expect(child.mm.anonRss).toBe(half + 1);
    machine.check();

    // A copy has from the frame what it does not change, and the frame has nothing from it.
    const bytes = (at: number): number[] =>
      Array.from({ length: n }, (_, i) => child.load8(pageAt(machine, i) + BigInt(at)));
    expect(bytes(0)).toEqual([40, 70, 42, 43, 50, 6, 7, 8]);
    expect(bytes(3)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
    expect(Array.from({ length: n }, (_, i) => k.memory.loadByte(first + i, 0))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(counts()).toEqual(before);
    child.exit();
    parent.exit();
    expect(counts()).toEqual(before);
    machine.check();
  });
});
