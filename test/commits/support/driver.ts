/** Drivers whose areas are filled by what a test says, and frames for them that nobody counts but their owner. */
import {
  getUserPages,
  type Inode,
  type Machine,
  type MappedFile,
  type Op,
  type Process,
  runToEnd,
  type Vma,
  vmNormalPage,
} from '@fourfold/core';
import { AddressSpace } from '@fourfold/core/fs';
import { pteOf, vpnAt } from './memory.js';

/** An open device whose mmap runs `fill` over each new area. */
export function driver(
  machine: Machine,
  fill: (vma: Vma) => Op<number>,
  mode: { readonly writable?: boolean } = {},
  more: Partial<Pick<Inode, 'nopage'>> = {},
): MappedFile {
  const inode: Inode = {
    name: '/dev/driver',
    size: 0,
    writeCount: 0,
    mapping: undefined as unknown as AddressSpace,
    mmap: fill,
    setPageDirty: () => {},
    ...more,
  };
  (inode as { mapping: AddressSpace }).mapping = new AddressSpace(inode, machine.events);
  return { inode, readable: true, writable: mode.writable ?? true, refs: 1 };
}

/** An operation that is over at once. */
export function* done(result: number): Op<number> {
  return result;
}

/** `n` frames in a row (a power of two) of the machine's memory for good, filled with 1, 2, 3 ...: their first page. */
export function rawFrames(machine: Machine, n: number): number {
  const k = machine.kernel;
  const first = k.reserve(Math.log2(n));
  if (first < 0) throw new Error('no frames');
  for (let i = 0; i < n; i++)
    for (let at = 0; at < machine.pageSize; at++) k.memory.storeByte(first + i, at, (i + 1 + at) & 255);
  return first;
}

/** Reference and map counts of `n` frames. */
export function countsOf(machine: Machine, first: number, n: number): (number | undefined)[][] {
  const { count, mapcount } = machine.kernel.map;
  return Array.from({ length: n }, (_, i) => [count[first + i], mapcount[first + i]]);
}

/** The area that page `n` of the test area lies in. */
export function areaAt(process: Process, n: number): Vma {
  const vma = process.mm.vmas.containing(vpnAt(process.machine, n));
  if (vma === null) throw new Error(`page ${n} lies in no area`);
  return vma;
}

/** What vm_normal_page says of page `n`: a page, or -1 for a raw entry. */
export function normalPage(process: Process, n: number): number {
  const entry = pteOf(process, n);
  if (entry === null) throw new Error(`page ${n} has no entry`);
  return vmNormalPage(process.machine.kernel, areaAt(process, n), vpnAt(process.machine, n), entry.hi, entry.lo);
}

/** get_user_pages of `n` pages from page `first`; the pages come back unpinned. */
export function gup(
  process: Process,
  n: number,
  first = 0,
  request: { readonly write?: boolean; readonly force?: boolean } = {},
): { readonly result: number; readonly pages: number[] } {
  const { machine, mm } = process;
  const pages: number[] = [];
  machine.enter(process);
  const result = runToEnd(
    getUserPages(machine.kernel, process, mm, vpnAt(machine, first), n, { write: false, ...request, pages }),
  );
  return { result, pages };
}

/** Gives back what `gup` got. */
export function release(machine: Machine, pages: readonly number[]): void {
  for (const page of pages) machine.kernel.pins.release(machine.kernel, page);
}
