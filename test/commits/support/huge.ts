/** A process that maps a file of huge pages, and what can be seen of one of them. */
import {
  type HugeFile,
  Hugetlbfs,
  type HugetlbfsOptions,
  handleMmFault,
  hugePteWord,
  type Machine,
  openFile,
  type Process,
  runToEnd,
  type Vma,
} from '@fourfold/core';
import type { HugeFormat } from '@fourfold/core/arch';
import type { Bench } from './commit.js';

/** VM_FAULT codes. */
const RESULTS: readonly string[] = ['OOM', 'SIGBUS', 'MINOR', 'MAJOR'];

export interface HugeSetUp {
  readonly machine: Machine;
  readonly process: Process;
  readonly inode: HugeFile;
  readonly fs: Hugetlbfs;
  readonly huge: HugeFormat;
  /** Address of a huge page of the area. */
  at(n: number): bigint;
  /** Delivers a fault at huge page `n`, whatever is there: how it ends. */
  fault(n: number, write: boolean): string;
  /** The entry of huge page `n`, rss, free pages of the pool, references, free quota. */
  look(n: number): { pte: bigint; rss: number; free: number; count: number; quota: number };
}

/** Maps a file of `pages` huge pages; nothing is touched yet. */
export function mapHuge(bench: Bench, pages: number, options: HugetlbfsOptions = {}, cpus = 1): HugeSetUp {
  const huge = bench.arch.huge as HugeFormat;
  const bytes = 2 ** huge.shift;
  const machine = bench.machine({ memory: bytes * (pages + 2) + 2 ** 26, hugePages: pages + 1, cpus });
  const { kernel: k } = machine;
  const fs = new Hugetlbfs(k, options);
  const inode = fs.create('h1');
  const process = machine.spawn();
  const base = process.mmap({ length: bytes * pages, prot: 'rw', flags: 'shared', file: openFile(inode) });
  const vpn = (n: number): number => Number(base >> BigInt(k.memory.pageShift)) + n * huge.pages;
  return {
    machine,
    process,
    inode,
    fs,
    huge,
    at: (n) => base + BigInt(bytes) * BigInt(n),
    fault: (n, write) =>
      RESULTS[runToEnd(handleMmFault(k, process.mm.vmas.containing(vpn(n)) as Vma, vpn(n), write))] ?? 'something else',
    look: (n) => {
      const at = k.tables.lookupHuge(process.mm, vpn(n));
      return {
        pte: at === 0 ? 0n : hugePteWord(k, at),
        rss: process.mm.rss / huge.pages,
        free: k.hugetlb?.freePages ?? -1,
        count: k.map.count[inode.mapping.pages.get(n) ?? 0] as number,
        quota: fs.freeBlocks,
      };
    },
  };
}
