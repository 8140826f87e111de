/** Getting pages out of the way: into swap, and out of the swap cache. */
import { type Machine, type Process, pageOutRange, runToEnd, tryToFreePages } from '@fourfold/core';

/** Pages out what a process alone maps of `n` pages from an address: their entries are empty or swap entries afterwards. */
export function pageOut(process: Process, address: bigint, n: number): void {
  const { machine, mm } = process;
  const first = Number(address >> BigInt(machine.kernel.memory.pageShift));
  runToEnd(pageOutRange(machine.kernel, mm, first, first + n));
}

/** Reclaims until swap holds the only copy of every page that is in it. */
export function emptySwapCache(machine: Machine): void {
  for (let round = 0; round < 100 && machine.swapPages.cached > 0; round++) {
    machine.drainBatches();
    runToEnd(tryToFreePages(machine.kernel));
  }
  if (machine.swapPages.cached > 0) throw new Error(`${machine.swapPages.cached} pages stay in the swap cache`);
}
