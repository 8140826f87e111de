/** What the area operations cost, a call at a time. Medians of several rounds, in nanoseconds. */
import { Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { median, time } from './timing.js';

export interface AreaFigures {
  /** mprotect of one page there and back, a flip, among 1,000 areas. */
  readonly flip: number;
  /** mremap to another place, a page. */
  readonly mremap: number;
  /** Find, split and merge among 16 areas, and among 65,536. */
  readonly few: number;
  readonly many: number;
}

const MOVED = 4096;
const CALLS = 512;

export function measureAreas(arch: ArchDescriptor, rounds: number): AreaFigures {
  return {
    flip: measureFlip(arch, rounds),
    mremap: measureMremap(arch, rounds),
    few: measureSplits(arch, 16, rounds),
    many: measureSplits(arch, 65_536, rounds),
  };
}

/** One resident page in the middle of a larger area, among 1,000 areas, loses and regains its right to be written. */
function measureFlip(arch: ArchDescriptor, rounds: number): number {
  const { machine, process, at } = checkered(arch, 1000, 3);
  const page = at(500, 1);
  process.store8(page, 1);
  const flip = (): void => {
    for (let i = 0; i < CALLS; i++) process.mprotect(page, machine.pageSize, (i & 1) === 0 ? 'r' : 'rw');
  };
  return repeat(rounds, () => time(flip) / CALLS);
}

/** A range of resident pages that moves to and fro. */
function measureMremap(arch: ArchDescriptor, rounds: number): number {
  const machine = new Machine({ arch, memory: arch.geometry.pageSize * MOVED * 2, contents: false, overcommit: 1 });
  const process = machine.spawn();
  const length = BigInt(MOVED) * BigInt(machine.pageSize);
  let from = process.mmap({ length, prot: 'rw', flags: 'private|anonymous' });
  let to = from + 2n * length;
  for (let i = 0n; i < BigInt(MOVED); i++) process.store8(from + i * BigInt(machine.pageSize), 1);
  return repeat(rounds, () => {
    const ns = time(() => process.mremap(from, length, length, 3, to)) / MOVED;
    [from, to] = [to, from];
    return ns;
  });
}

/** A page in the middle of an area changes its rights, which splits the area in three, and back, which merges them. */
function measureSplits(arch: ArchDescriptor, areas: number, rounds: number): number {
  const { machine, process, at } = checkered(arch, areas, 3);
  let next = 1;
  const splits = (): void => {
    for (let i = 0; i < CALLS; i++) {
      next = (next * 7919 + 1) % areas; // all over the space
      const page = at(next, 1);
      process.mprotect(page, machine.pageSize, 'r');
      process.mprotect(page, machine.pageSize, 'rw');
    }
  };
  return repeat(rounds, () => time(splits) / CALLS);
}

/** `count` areas of `pages` pages each, a hole before every one; `at` is the address of a page of one of them. */
function checkered(
  arch: ArchDescriptor,
  count: number,
  pages: number,
): { machine: Machine; process: Process; at: (area: number, page: number) => bigint } {
  const machine = new Machine({ arch, memory: '64MiB', contents: false, overcommit: 1 });
  machine.kernel.maxMapCount = count + 16;
  const process = machine.spawn();
  const size = BigInt(machine.pageSize);
  const stride = BigInt(pages + 1) * size;
  const start = process.mmap({ length: stride * BigInt(count), prot: '', flags: 'private|anonymous|noreserve' });
  process.munmap(start, stride * BigInt(count));
  for (let i = 0n; i < BigInt(count); i++) {
    process.mmap({
      addr: start + i * stride,
      length: BigInt(pages) * size,
      prot: 'rw',
      flags: 'private|anonymous|fixed|noreserve',
    });
  }
  return { machine, process, at: (area, page) => start + BigInt(area) * stride + BigInt(page) * size };
}

function repeat(rounds: number, run: () => number): number {
  for (let i = 0; i < 20; i++) run();
  return median(Array.from({ length: rounds * 10 }, run));
}
