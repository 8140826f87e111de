/**
 * Random programs on every machine with so little memory that reclaim and swap are always at work: contents as the slow model
 * says, the audit clean after every operation, and in the end every frame and every slot of swap free.
 */
import { Machine, MemoryFault, MmError } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootTables } from '../support/boot.js';
import { MACHINES } from '../support/machines.js';
import { ARENA, type Step, step, World } from '../support/random-program.js';

/** Frames that programs get beyond their tables, what the machine reserves and what the watermarks hold back. */
const ROOM = 12;
/** Processes of a program at most. */
const PROCESSES = 3;
/** Pages that each of a CPU's two batches holds. */
const PAGEVEC_SIZE = 14;

/** Two processes that fill the whole arena, each with pages of its own: more than there is room for. */
const LARGE: readonly Step[] = [
  { op: 'mmap', who: 0, page: 0, count: ARENA, prot: 'rw' },
  { op: 'fill', who: 0, page: 0, count: ARENA, value: 17 },
  { op: 'fork', who: 0 },
  { op: 'fill', who: 1, page: 0, count: ARENA, value: 34 },
];

/** The least memory, in bytes, in which programs of three processes find room for their tables and a little more. */
function tightMemory(arch: ArchDescriptor, cpus: number): number {
  const { pageSize } = arch.geometry;
  // What another CPU has in its batches for the LRU lists is out of reach for reclaim.
  const batches = 2 * PAGEVEC_SIZE * (cpus - 1);
  for (let pages = 16; ; pages += 4) {
    if (roomIn(arch, pages * pageSize) >= ROOM + batches) return pages * pageSize;
  }
}

function roomIn(arch: ArchDescriptor, memory: number): number {
  try {
    const machine = new Machine({ arch, memory });
    const before = machine.freePages;
    const process = machine.spawn();
    process.mmap({ addr: 0x2000_0000, length: machine.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    process.store8(0x2000_0000, 1);
    const used = before - machine.freePages;
    const above = machine.kernel.pages.zones.reduce((sum, { pagesHigh }) => sum - pagesHigh, before);
    return above - PROCESSES * used;
  } catch (error) {
    // Too little even for what the machine puts aside at boot, or for one page.
    if ((error instanceof MmError && ['MM_MEMORY', 'ENOMEM'].includes(error.code)) || error instanceof MemoryFault)
      return 0;
    throw error;
  }
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test.each([1, 2])('programs larger than memory keep their contents and leave nothing behind (%i CPUs)', (cpus) => {
    const memory = tightMemory(arch, cpus);
    let swapped = 0;
    let reclaimed = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 90, size: 'max' }), (steps) => {
        const world = new World(arch, cpus, { memory, swap: 200 * arch.geometry.pageSize });
        for (const s of [...LARGE, ...steps]) {
          world.run(s);
          world.machine.check();
        }
        world.compareAll();
        world.machine.check();
        swapped += world.machine.counters.get('pswpout');
        reclaimed += world.machine.counters.get('pgsteal');
        for (const { real } of world.pairs) real.exit();
        world.inode.destroy();
        world.machine.drainBatches();
        // A page whose last entry went while another CPU's batch held it waits in the swap cache for reclaim, or for this.
        world.machine.swapOff(0);
        world.machine.check();
        expect([...world.machine.kernel.tablesInUse]).toEqual(bootTables(arch));
        expect(world.machine.freePages).toBe(world.freeAtStart);
        expect(world.machine.swapPages).toEqual({ total: 0, free: 0, cached: 0 });
      }),
      { numRuns: 15, endOnFailure: true },
    );
    expect([swapped > 0, reclaimed > 0]).toEqual([true, true]);
  });
});
