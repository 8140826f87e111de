/** A private mapping of raw frames through everything that can happen to it: contents right, counts of the frames unmoved. */
import { Machine, remapPfnRange } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { countsOf, driver, rawFrames } from '../commits/support/driver.js';
import { AT, map, pageAt, pages, swapOut } from '../commits/support/memory.js';
import { MACHINES } from '../support/machines.js';

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('remap, write half, fork, unmap the parent, write in the child, swap out, swapoff, exit', () => {
    const machine = new Machine({ arch });
    const swap = machine.swapOn(2 ** (arch.geometry.pageShift + 6));
    const k = machine.kernel;
    const first = rawFrames(machine, 4);
    const base = countsOf(machine, first, 4);
    const file = driver(machine, (vma) => remapPfnRange(k, vma, vma.start, k.memory.pageToPfn(first), 4));
    const parent = machine.spawn();
    map(parent, 4, { file, flags: 'private|fixed' });
    for (const page of [0, 1]) parent.store8(pageAt(machine, page), 100 + page);
    machine.check();
    const child = parent.fork();
    machine.check();
    parent.munmap(AT, pages(machine, 4));
    machine.check();
    for (const page of [1, 2]) child.store8(pageAt(machine, page), 200 + page);
    machine.check();
    swapOut(child, 4);
    machine.check();
    const bytes = (): number[] => [0, 1, 2, 3].map((page) => child.load8(pageAt(machine, page)));
    expect(bytes()).toEqual([100, 201, 202, 4]);
    swapOut(child, 4);
    machine.swapOff(swap);
    machine.check();
    expect(bytes()).toEqual([100, 201, 202, 4]);
    expect(child.read(pageAt(machine, 2) + 1n, 3)).toEqual(Uint8Array.of(4, 5, 6));
    child.exit();
    parent.exit();
    expect(countsOf(machine, first, 4)).toEqual(base);
    machine.check();
  });
});
