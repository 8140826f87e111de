/** Machines with huge pages, one file system for them, and what the tests of both ask again and again. */
import { createIa64 } from '@fourfold/arch-ia64';
import {
  errnoName,
  type HugeFile,
  Hugetlbfs,
  type HugetlbfsOptions,
  Machine,
  type MachineOptions,
  type OpenFile,
  openFile,
  type Process,
  runToEnd,
} from '@fourfold/core';
import type { ArchDescriptor, HugeFormat } from '@fourfold/core/arch';
import { MACHINES } from './machines.js';

/** Every machine, and ia64 with huge pages of 4 MiB beside the 256 MiB of its default. */
export const HUGE_MACHINES: readonly ArchDescriptor[] = [
  ...MACHINES,
  ...([12, 13, 14, 16] as const).map((pageShift) => createIa64({ pageShift, hugeShift: 22 })),
];

/** The same but for the largest: for tests that need many huge pages or audit often. */
export const SMALL_HUGE_MACHINES: readonly ArchDescriptor[] = HUGE_MACHINES.filter(
  ({ huge }) => huge !== null && huge.shift < 28,
);

/** Name of a machine of these lists, for titles. */
export function hugeName(arch: ArchDescriptor): string {
  const { shift } = arch.huge as HugeFormat;
  return arch.name.startsWith('ia64') ? `${arch.name}, huge pages of ${2 ** (shift - 20)} MiB` : arch.name;
}

/** One machine with a pool and a mounted hugetlbfs. */
export class HugeWorld {
  readonly machine: Machine;
  readonly fs: Hugetlbfs;
  readonly huge: HugeFormat;
  /** Bytes of a huge page. */
  readonly size: bigint;
  /** Where tests map on purpose: free in every new process, and fit for huge pages. */
  readonly base: bigint;

  constructor(arch: ArchDescriptor, pool: number, options: Partial<MachineOptions> & HugetlbfsOptions = {}) {
    const huge = arch.huge as HugeFormat;
    const bytes = 2 ** huge.shift;
    const { maxPages, ...rest } = options;
    // Beside the pool: as much again and 64 MiB, so that the buddy allocator finds whole blocks.
    this.machine = new Machine({ arch, memory: bytes * (pool + 1) + 2 ** 26, hugePages: pool, overcommit: 1, ...rest });
    this.fs = new Hugetlbfs(this.machine.kernel, maxPages === undefined ? {} : { maxPages });
    this.huge = huge;
    this.size = BigInt(bytes);
    this.base = huge.rangeStart >= 0 ? BigInt(huge.rangeStart) * BigInt(this.machine.pageSize) : 0x4000_0000n;
  }

  get free(): number {
    return this.machine.kernel.hugetlb?.freePages ?? -1;
  }

  /** A new file, opened; the reference is the caller's. */
  open(name: string, mode: { readable?: boolean; writable?: boolean } = {}): { inode: HugeFile; file: OpenFile } {
    const inode = this.fs.lookup(name) ?? this.fs.create(name);
    return { inode, file: openFile(inode, mode) };
  }

  /** Maps `pages` huge pages of a file at huge page `at` of the base. */
  map(
    process: Process,
    file: OpenFile,
    at: number,
    pages: number,
    { prot = 'rw', flags = 'shared|fixed', index = 0 } = {},
  ): bigint {
    return process.mmap({
      addr: this.at(at),
      length: this.size * BigInt(pages),
      prot,
      flags,
      file,
      offset: this.size * BigInt(index),
    });
  }

  /** ftruncate: `ok` or the errno's name. */
  truncate(inode: HugeFile, bytes: bigint): string {
    const error = runToEnd(inode.setSize(Number(bytes)));
    return error < 0 ? errnoName(error) : 'ok';
  }

  at(hugePage: number): bigint {
    return this.base + this.size * BigInt(hugePage);
  }
}
