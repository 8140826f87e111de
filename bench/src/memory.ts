/** What tmpfs and swap cost, a page. Medians of several rounds, in nanoseconds, frames without contents. */
import { BatchStop, Machine, type Process, pageOutRange, runBatch, runToEnd } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { tmpfs } from '@fourfold/tmpfs';
import { sweep } from './sweep.js';
import { median, time } from './timing.js';

export interface MemoryFigures {
  /** The first store to a page of shared anonymous memory. */
  readonly tmpfsFault: number;
  /** madvise remove of such pages. */
  readonly remove: number;
  /** A page out to swap and in again, by a store. */
  readonly swap: number;
}

const PAGES = 4096;
const START = 0x2000_0000n;

export function measureMemory(arch: ArchDescriptor, rounds: number): MemoryFigures {
  const { pageSize } = arch.geometry;
  const machine = new Machine({
    arch,
    memory: pageSize * PAGES * 3,
    swap: pageSize * PAGES * 2,
    contents: false,
    overcommit: 1,
    mounts: { '/dev/shm': tmpfs() },
  });
  const faults: number[] = [];
  const removes: number[] = [];
  const swaps: number[] = [];
  machine.kernel.swap.pageCluster = 0;
  for (let round = 0; round < rounds * 3; round++) {
    const shared = mapped(machine, 'shared');
    faults.push(time(() => touch(machine, shared)) / PAGES);
    removes.push(time(() => shared.madvise(START, PAGES * pageSize, arch.madvRemove)) / PAGES);
    shared.exit();
    const own = mapped(machine, 'private');
    touch(machine, own);
    swaps.push(
      time(() => {
        const first = Number(START) / pageSize;
        runToEnd(pageOutRange(machine.kernel, own.mm, first, first + PAGES));
        touch(machine, own);
      }) / PAGES,
    );
    own.exit();
  }
  return { tmpfsFault: median(faults), remove: median(removes), swap: median(swaps) };
}

function mapped(machine: Machine, kind: 'shared' | 'private'): Process {
  const process = machine.spawn();
  process.mmap({ addr: START, length: PAGES * machine.pageSize, prot: 'rw', flags: `${kind}|anonymous|fixed` });
  return process;
}

/** A store to every page, in a scattered order. */
function touch(machine: Machine, process: Process): void {
  const stores = sweep(machine, START, PAGES, 2);
  const stop = new BatchStop();
  runBatch(machine.kernel, machine.enter(process), process.mm, process, stores, 0, PAGES, 0, stop);
  if (stop.signal !== 0) throw new Error(`store to page ${stop.vpn}: signal ${stop.signal}`);
}
