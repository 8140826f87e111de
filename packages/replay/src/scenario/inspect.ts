/**
 * Looks into page tables and areas on a scenario's behalf: what `stat`, `pages`, `share`, `mark` and `maps` print.
 * Reads only: no fault is taken, no table made, no counter moved.
 */
import {
  HugeFile,
  hugeSubPage,
  type Kernel,
  type Mm,
  type Process,
  PteCursor,
  ROOT_VISITS,
  VM_DONTCOPY,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_LOCKED,
  VM_MAYSHARE,
  VM_NORESERVE,
  VM_RAND_READ,
  VM_READ,
  VM_SEQ_READ,
  VM_WRITE,
  type Vma,
} from '@fourfold/core';
import type { HugeFormat } from '@fourfold/core/arch';
import type { Arena } from './arena.js';
import type { World } from './world.js';

/** What an entry points to. */
export type EntryKind = 'none' | 'zero' | 'anon' | 'file' | 'shm' | 'swap' | 'huge';

export interface Entry {
  readonly kind: EntryKind;
  /** The frame's page number inside core; -1 for none and swap. */
  readonly page: number;
  /** Mapped more than once. */
  readonly shared: boolean;
}

const NONE: Entry = { kind: 'none', page: -1, shared: false };
const SWAP: Entry = { kind: 'swap', page: -1, shared: false };

/** The entry for a page number of an mm. */
export function entryAt(k: Kernel, mm: Mm, vpn: number): Entry {
  if (!Number.isSafeInteger(vpn) || vpn >= k.arch.layout.taskSizePages) return NONE;
  const vma = mm.vmas.containing(vpn);
  if (vma !== null && isHuge(vma)) return hugeEntry(k, vma, vpn);
  const at = k.tables.lookupPage(mm, vpn);
  return at === 0 ? NONE : decodeEntry(k, mm, vpn, at);
}

/** What the entries of an mm's areas point to, by kind, and the pages of those areas. */
export interface Census {
  vm: number;
  anon: number;
  file: number;
  shm: number;
  zero: number;
  swap: number;
  huge: number;
}

/** Counts the areas a scenario may see and their entries. */
export function census(k: Kernel, mm: Mm, areas: readonly Vma[]): Census {
  const counted: Census = { vm: 0, anon: 0, file: 0, shm: 0, zero: 0, swap: 0, huge: 0 };
  for (const vma of areas) {
    counted.vm += vma.pages;
    if (isHuge(vma)) {
      const { pages } = k.arch.huge as HugeFormat;
      for (let vpn = vma.start; vpn < vma.end; vpn += pages) if (hugeSubPage(k, vma, vpn) >= 0) counted.huge += pages;
      continue;
    }
    forEachRun(k, mm, vma.start, vma.end, (cursor) => {
      for (let i = 0; i < cursor.nr; i++) {
        const { kind } = decodeEntry(k, mm, cursor.vpn + i, cursor.at + i * k.tables.pteWords);
        if (kind !== 'none') counted[kind]++;
      }
    });
  }
  return counted;
}

/** Pages of [start, end) that are mapped, zero pages aside. */
export function residentPages(k: Kernel, mm: Mm, start: number, end: number): number {
  let pages = 0;
  forEachRun(k, mm, start, end, (cursor) => {
    for (let i = 0; i < cursor.nr; i++) {
      const { kind } = decodeEntry(k, mm, cursor.vpn + i, cursor.at + i * k.tables.pteWords);
      if (kind !== 'none' && kind !== 'zero' && kind !== 'swap') pages++;
    }
  });
  return pages;
}

/** Pte tables whose span lies in the arena. */
export function leafTables(k: Kernel, mm: Mm, arena: Arena): number {
  const tables = new Set<number>();
  const count = (start: number, end: number): void => {
    if (start < end) forEachRun(k, mm, start, end, (cursor) => tables.add(cursor.table));
  };
  let start = arena.firstPage;
  for (const vma of mm.vmas) {
    // Huge pages whose entries lie above the leaf tables have none: what stands in their place is no table.
    if (!isHuge(vma) || k.arch.huge?.level === k.tables.depth - 1) continue;
    count(start, Math.min(vma.start, arena.endPage));
    start = Math.max(start, vma.end);
  }
  count(start, arena.endPage);
  return tables.size;
}

function isHuge(vma: Vma): boolean {
  return (vma.flags & VM_HUGETLB) !== 0;
}

function hugeEntry(k: Kernel, vma: Vma, vpn: number): Entry {
  const page = hugeSubPage(k, vma, vpn);
  if (page < 0) return NONE;
  // Its file holds one reference, every entry another.
  return { kind: 'huge', page, shared: (k.map.count[k.map.priv[page] as number] as number) > 2 };
}

/** Areas in the heap, the arena and those the kernel picked, in address order. */
export function visibleAreas(mm: Mm, arena: Arena): Vma[] {
  return [...mm.vmas].filter((vma) => arena.regionOfArea(vma) !== 'elsewhere');
}

/** What a line of `maps` says about an area. */
export interface AreaView {
  readonly start: bigint;
  pages: number;
  readonly perms: string;
  /** anon, sanon, shm, heap or a file's name. */
  readonly kind: string;
  readonly pgoff: number;
  /** A named file: its offset is printed. */
  readonly named: boolean;
  readonly flags: string;
}

/** The areas as `maps` prints them; `joined` makes one of adjacent ones that differ in nothing printed (`mapsc`). */
export function viewAreas(world: World, process: Process, joined: boolean): AreaView[] {
  const { arena } = world;
  const views: AreaView[] = [];
  for (const vma of visibleAreas(process.mm, arena)) {
    const view = viewArea(world, process.mm, vma);
    const last = views[views.length - 1];
    if (joined && last !== undefined && joins(last, view, arena)) last.pages += view.pages;
    else views.push(view);
  }
  return views;
}

const PRINTED_FLAGS: readonly (readonly [flag: number, name: string])[] = [
  [VM_GROWSDOWN, 'gd'],
  [VM_LOCKED, 'lo'],
  [VM_SEQ_READ, 'sr'],
  [VM_RAND_READ, 'rr'],
  [VM_DONTCOPY, 'dc'],
  [VM_NORESERVE, 'nr'],
  [VM_HUGETLB, 'ht'],
];

function viewArea(world: World, mm: Mm, vma: Vma): AreaView {
  const { flags } = vma;
  const { arena } = world;
  const name = vma.file === null ? undefined : world.nameOf(vma.file.inode);
  return {
    start: BigInt(vma.start) * arena.pageSize,
    pages: vma.pages,
    perms:
      ((flags & VM_READ) !== 0 ? 'r' : '-') +
      ((flags & VM_WRITE) !== 0 ? 'w' : '-') +
      ((flags & VM_EXEC) !== 0 ? 'x' : '-') +
      ((flags & VM_MAYSHARE) !== 0 ? 's' : 'p'),
    kind: name ?? unnamedKind(world, mm, vma),
    pgoff: vma.pgoff,
    named: name !== undefined,
    flags: PRINTED_FLAGS.filter(([flag]) => (flags & flag) !== 0)
      .map(([, name]) => name)
      .join(','),
  };
}

/** SysV segments count their areas; shared anonymous memory needs no operations of its own. */
function unnamedKind(world: World, mm: Mm, vma: Vma): string {
  if (vma.file !== null && vma.file.inode instanceof HugeFile) {
    const isSegment = vma.file.inode.fs === world.machine.kernel.hugetlb?.internal;
    return isSegment ? 'shm' : (vma.flags & VM_MAYSHARE) !== 0 ? 'sanon' : 'anon';
  }
  if (vma.file !== null) return vma.ops === null ? 'sanon' : 'shm';
  return isHeap(mm, world.arena, vma) ? 'heap' : 'anon';
}

/** The kernel prints [heap] for an area that overlaps what lies between the initial break and the present one. */
function isHeap(mm: Mm, arena: Arena, vma: Vma): boolean {
  const start = BigInt(vma.start) * arena.pageSize;
  const end = BigInt(vma.end) * arena.pageSize;
  return start < BigInt(mm.brk) && end > BigInt(mm.startBrk);
}

function joins(low: AreaView, high: AreaView, arena: Arena): boolean {
  if (low.start + BigInt(low.pages) * arena.pageSize !== high.start) return false;
  if (low.perms !== high.perms || low.kind !== high.kind || low.flags !== high.flags) return false;
  return low.kind === 'anon' || low.kind === 'heap' || low.pgoff + low.pages === high.pgoff;
}

function decodeEntry(k: Kernel, mm: Mm, vpn: number, at: number): Entry {
  const { memory, tables, map } = k;
  const format = k.arch.pteFormat;
  const lo = memory.words[at + tables.loAt] as number;
  const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
  if (format.isNone(hi, lo)) return NONE;
  if (!format.isPresent(hi, lo)) return format.isFile(hi, lo) ? NONE : SWAP;
  const page = memory.pfnToPage(format.frame(hi, lo));
  if (page < 0) return NONE;
  const shared = (map.mapcount[page] as number) > 1;
  if (page === k.zeroPage) return { kind: 'zero', page, shared };
  if (map.isAnon(page)) return { kind: 'anon', page, shared };
  const host = k.mappings.file(map.mapping[page] as number)?.host ?? mm.vmas.containing(vpn)?.file?.inode;
  return { kind: host?.fsType === 'tmpfs' ? 'shm' : 'file', page, shared };
}

/** Calls `visit` for every run of entries; the walk leaves the machine's own counters as they were. */
function forEachRun(k: Kernel, mm: Mm, start: number, end: number, visit: (cursor: PteCursor) => void): void {
  const visits = k.counters.values[ROOT_VISITS] as number;
  const cursor = new PteCursor(k);
  cursor.start(mm, start, end);
  while (cursor.next()) visit(cursor);
  k.counters.values[ROOT_VISITS] = visits;
}
