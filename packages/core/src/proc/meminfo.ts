/** /proc/meminfo (generic-mm 10.8), in the lines and the form of early 2006. */
import type { Kernel } from '../kernel.js';
import { PG_DIRTY, PG_WRITEBACK } from '../memory/mem-map.js';

/** Sizes in kB; huge pages are numbers of pages, and their lines are there on machines that have a pool. */
export interface Meminfo {
  readonly MemTotal: number;
  readonly MemFree: number;
  /** Block devices are not cached here. */
  readonly Buffers: number;
  readonly Cached: number;
  readonly SwapCached: number;
  readonly Active: number;
  readonly Inactive: number;
  /** There is no memory that the kernel cannot reach at a fixed address. */
  readonly HighTotal: number;
  readonly HighFree: number;
  readonly LowTotal: number;
  readonly LowFree: number;
  readonly SwapTotal: number;
  readonly SwapFree: number;
  readonly Dirty: number;
  readonly Writeback: number;
  readonly Mapped: number;
  /** The kernel's own small objects live outside simulated memory. */
  readonly Slab: number;
  readonly CommitLimit: number;
  readonly Committed_AS: number;
  readonly PageTables: number;
  readonly VmallocTotal: number;
  readonly VmallocUsed: number;
  readonly VmallocChunk: number;
  readonly HugePages_Total?: number;
  readonly HugePages_Free?: number;
  readonly Hugepagesize?: number;
}

/** meminfo_read_proc: everything as it is now. */
export function meminfoOf(k: Kernel): Meminfo {
  const kb = k.memory.pageSize / 1024;
  let active = 0;
  let inactive = 0;
  for (const zone of k.pages.zones) {
    active += zone.lru.nrActive;
    inactive += zone.lru.nrInactive;
  }
  let tables = 0;
  for (const mm of k.mms) tables += mm.nrPtes;
  const total = k.memory.nrPages * kb;
  const free = k.pages.freePages * kb;
  const vmalloc = vmallocPages(k);
  const commitBase = k.memory.nrPages - (k.hugetlb?.totalBasePages ?? 0);
  return {
    MemTotal: total,
    MemFree: free,
    Buffers: 0,
    Cached: k.pageCachePages * kb,
    SwapCached: k.swap.cachedPages * kb,
    Active: active * kb,
    Inactive: inactive * kb,
    HighTotal: 0,
    HighFree: 0,
    LowTotal: total,
    LowFree: free,
    SwapTotal: k.swap.total * kb,
    SwapFree: k.swap.free * kb,
    Dirty: flagged(k, PG_DIRTY) * kb,
    Writeback: flagged(k, PG_WRITEBACK) * kb,
    Mapped: k.nrMapped * kb,
    Slab: 0,
    CommitLimit: (Math.floor((commitBase * k.overcommitRatio) / 100) + k.swap.total) * kb,
    Committed_AS: k.committed * kb,
    PageTables: tables * kb,
    VmallocTotal: vmalloc.total * kb,
    VmallocUsed: vmalloc.used * kb,
    VmallocChunk: vmalloc.chunk * kb,
    ...(k.hugetlb === null
      ? {}
      : {
          HugePages_Total: k.hugetlb.nrPages,
          HugePages_Free: k.hugetlb.freePages,
          Hugepagesize: k.hugetlb.format.pages * kb,
        }),
  };
}

/** The text of /proc/meminfo. */
export function meminfoText(info: Meminfo): string {
  return Object.entries(info)
    .map(([name, value]: [string, number]) => {
      if (name.startsWith('HugePages')) return `${`${name}:`.padEnd(17)}${String(value).padStart(5)}\n`;
      if (name === 'Hugepagesize') return `${`${name}:`.padEnd(17)}${String(value).padStart(5)} kB\n`;
      return `${`${name}:`.padEnd(14)}${String(value).padStart(8)} kB\n`;
    })
    .join('');
}

/** Pages of page caches with a flag (nr_dirty, nr_writeback): counted on asking. */
function flagged(k: Kernel, flag: number): number {
  let found = 0;
  const { flags, mapping, nrPages } = k.map;
  for (let page = 0; page < nrPages; page++) {
    if (((flags[page] as number) & flag) !== 0 && k.mappings.file(mapping[page] as number) !== null) found++;
  }
  return found;
}

/** The vmalloc area, what its areas take, guard pages included, and the largest hole. */
function vmallocPages(k: Kernel): { total: number; used: number; chunk: number } {
  const space = k.arch.kernelSpace;
  if (space === null) return { total: 0, used: 0, chunk: 0 };
  let used = 0;
  let chunk = 0;
  let at = space.start;
  for (const area of k.vmlist.all) {
    if (area.start < space.start || area.start >= space.end) continue;
    used += area.pages;
    chunk = Math.max(chunk, area.start - at);
    at = area.start + area.pages;
  }
  return { total: space.end - space.start, used, chunk: Math.max(chunk, space.end - at) };
}
