/** Page tables recounted: every table reachable from every root, every entry in them (F1, F3, F5, F11 to F17). */
import type { Kernel } from '../kernel.js';
import { PG_SWAPCACHE, PG_TABLE } from '../memory/mem-map.js';
import { isRaw } from '../pfnmap/normal-page.js';
import { kernelEntries, userEntries } from '../pgtable/alloc.js';
import { pteToSwapEntry } from '../swap/entry.js';
import { swapCount } from '../swap/swap.js';
import { isCowMapping, VM_INSERTPAGE, VM_NONLINEAR, VM_PFNMAP, VM_SHARED, VM_WRITE } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import type { Say } from './finding.js';
import { hugeLeaf } from './hugetlb.js';
import { auditKernelTables } from './kernel-tables.js';

/** What the walk over all tables counted. */
export interface TableCensus {
  /** Present entries that map each page. */
  readonly mapped: Int32Array;
  /** Entries that map each huge page, by its first page. */
  readonly huge: Map<number, number>;
  /** Pages that hold tables. */
  readonly tablePages: Set<number>;
  /** Entries in page tables that name each swap entry. */
  readonly swapped: Map<number, number>;
  /** Tables by real level. */
  readonly tables: Int32Array;
}

/** Walks the tables of every mm; what it counted is what auditFrames compares with. */
export function auditTables(k: Kernel, say: Say): TableCensus {
  const census: TableCensus = {
    mapped: new Int32Array(k.memory.nrPages),
    huge: new Map(),
    tablePages: new Set(),
    swapped: new Map(),
    tables: new Int32Array(k.tables.depth),
  };
  const seen = new Set<number>();
  for (const mm of k.mms) {
    const counted = { ptes: 0, anon: 0, file: 0 };
    walk(k, mm, 0, mm.rootPa, mm.rootWord, 0, census, counted, seen, say);
    if (counted.ptes !== mm.nrPtes) say('F5', `mm ${mm.id}: nr_ptes ${mm.nrPtes}, tables found ${counted.ptes}`);
    if (counted.anon !== mm.anonRss) say('F3', `mm ${mm.id}: anon_rss ${mm.anonRss}, entries found ${counted.anon}`);
    if (counted.file !== mm.fileRss) say('F3', `mm ${mm.id}: file_rss ${mm.fileRss}, entries found ${counted.file}`);
  }
  auditKernelTables(
    k,
    (level, pa) => {
      census.tables[level] = (census.tables[level] as number) + 1;
      if (seen.has(pa)) say('F5', `the kernel's table at ${pa} is reachable twice`);
      seen.add(pa);
      noteTablePages(k, level, pa, census, say);
    },
    say,
  );
  for (const { mmId, vpnHi, vpnLo, table } of k.tables.remembered()) {
    for (const mm of k.mms) {
      if (mm.id === mmId && k.tables.walk(mm, vpnHi, vpnLo) !== table)
        say('F5', `mm ${mmId}: the look-up remembers a pte table at word ${table} that is not there any more`);
    }
  }
  for (let level = 0; level < k.tables.depth; level++) {
    if (census.tables[level] !== k.tablesInUse[level]) {
      say(
        'F5',
        `level ${k.arch.geometry.names[level]}: ${k.tablesInUse[level]} tables in use, ${census.tables[level]} reachable`,
      );
    }
  }
  return census;
}

function walk(
  k: Kernel,
  mm: Mm,
  level: number,
  pa: number,
  table: number,
  base: number,
  census: TableCensus,
  counted: { ptes: number; anon: number; file: number },
  seen: Set<number>,
  say: Say,
): void {
  if (seen.has(pa)) say('F5', `mm ${mm.id}: the table at ${pa} is reachable twice`);
  seen.add(pa);
  const { tables, arch } = k;
  const { geometry } = arch;
  census.tables[level] = (census.tables[level] as number) + 1;
  noteTablePages(k, level, pa, census, say);
  const span = geometry.entryPages(level);
  const entries = level === 0 ? userEntries(k).end : 1 << (geometry.bits[level] as number);
  if (level === 0) auditKernelEntries(k, mm, say);
  const wordsPerEntry = (geometry.entryBytes[level] as number) / 4;
  const { words } = k.memory;
  for (let i = 0; i < entries; i++) {
    const at = table + i * wordsPerEntry;
    // Most entries are empty: nearly all the time of an audit goes by here.
    if (((words[at] as number) | (words[at + wordsPerEntry - 1] as number)) === 0) continue;
    const lo = tables.entryLo(level, at);
    const hi = tables.entryHi(level, at);
    const vpn = base + entryPage(k, level, i, span);
    if (level === arch.huge?.level && hugeLeaf(k, mm, vpn, hi, lo, census, counted, say)) continue;
    if (level === tables.depth - 1) {
      leaf(k, mm, vpn, hi, lo, census, counted, say);
      continue;
    }
    const format = arch.upper[level] as (typeof arch.upper)[number];
    if (format.isNone(hi, lo)) continue;
    if (format.isBad(hi, lo)) {
      say('F5', `mm ${mm.id}: bad ${geometry.names[level]} entry for page ${vpn}`);
      continue;
    }
    if (level + 1 === tables.depth - 1) counted.ptes++;
    walk(k, mm, level + 1, format.tableAddress(hi, lo), tables.tableAt(level, at), vpn, census, counted, seen, say);
  }
}

/** The kernel's entries in a user root: none, or what init_mm has. */
function auditKernelEntries(k: Kernel, mm: Mm, say: Say): void {
  const { first, end } = kernelEntries(k);
  for (let i = first; i < end; i++) {
    const at = i * ((k.arch.geometry.entryBytes[0] as number) / 4);
    const hi = k.tables.entryHi(0, mm.rootWord + at);
    const lo = k.tables.entryLo(0, mm.rootWord + at);
    if ((lo | hi) === 0) continue;
    const kernel = k.initMm === null ? 0 : k.initMm.rootWord + at;
    if (kernel === 0 || k.tables.entryLo(0, kernel) !== lo || k.tables.entryHi(0, kernel) !== hi)
      say('F5', `mm ${mm.id}: root entry ${i} of the kernel is another than init_mm's`);
  }
}

/** Page number an entry begins at, relative to its table; a root index of a machine with regions says its region. */
function entryPage(k: Kernel, level: number, index: number, span: number): number {
  const g = k.arch.geometry;
  if (level !== 0 || g.regionBits === 0) return canonical(k, level, index * span);
  const sliceBits = (g.bits[0] as number) - g.regionBits;
  return (index >> sliceBits) * 2 ** g.regionShift + (index & ((1 << sliceBits) - 1)) * span;
}

/** The upper half of a root table that covers less than the word translates the sign-extended addresses. */
function canonical(k: Kernel, level: number, vpn: number): number {
  if (level !== 0) return vpn;
  const wordPages = 2 ** (k.arch.wordBits - k.memory.pageShift);
  const covered = 2 ** k.arch.geometry.coveredBits;
  return covered < wordPages && k.arch.layout.taskSizePages > covered && vpn >= covered / 2
    ? vpn + wordPages - covered
    : vpn;
}

function leaf(
  k: Kernel,
  mm: Mm,
  vpn: number,
  hi: number,
  lo: number,
  census: TableCensus,
  counted: { anon: number; file: number },
  say: Say,
): void {
  const f = k.arch.pteFormat;
  if (f.isNone(hi, lo)) return;
  const vma = mm.vmas.containing(vpn);
  if (vma === null) {
    say('F5', `mm ${mm.id}: entry for page ${vpn}, where no area is`);
    return;
  }
  if (!f.isPresent(hi, lo)) {
    absent(k, mm, vma, vpn, hi, lo, census, say);
    return;
  }
  if ((vma.flags & VM_PFNMAP) !== 0 && isRaw(k, vma, vpn, f.frame(hi, lo))) return;
  const page = k.memory.pfnToPage(f.frame(hi, lo));
  if (page < 0) {
    say('F1', `mm ${mm.id}: entry for page ${vpn} maps frame ${f.frame(hi, lo)}, which is no memory`);
    return;
  }
  census.mapped[page] = (census.mapped[page] as number) + 1;
  if (k.map.isAnon(page)) counted.anon++;
  else counted.file++;
  const writable = f.write.allows(hi, lo);
  if (writable && (vma.flags & VM_WRITE) === 0)
    say('F17', `mm ${mm.id}: page ${vpn} is writable in an area that is not`);
  if (writable && isCowMapping(vma.flags) && (!k.map.isAnon(page) || k.map.mapcount[page] !== 1)) {
    say('F16', `mm ${mm.id}: page ${vpn} is writable though shared (mapcount ${k.map.mapcount[page]})`);
  }
  if (writable && ((k.map.flags[page] as number) & PG_SWAPCACHE) !== 0) {
    const sharers = swapCount(k, k.map.priv[page] as number) - 1; // the swap cache has one of the references
    if (isCowMapping(vma.flags) && sharers > 0)
      say('F16', `mm ${mm.id}: page ${vpn} is writable though ${sharers} swap entries share it`);
  }
  if (k.map.isAnon(page)) {
    // D8 and D9 leave such pages.
    if ((vma.flags & VM_SHARED) !== 0 && !k.defectsKept)
      say('F12', `mm ${mm.id}: anonymous page ${page} in a shared area`);
    if (vma.anonVma === null) say('F11', `mm ${mm.id}: anonymous page at ${vpn} in an area without anon_vma`);
    else if (k.map.mapping[page] !== vma.anonVma.handle)
      say('F12', `mm ${mm.id}: page ${vpn} belongs to another anon_vma`);
    if (k.map.index[page] !== vma.indexOf(vpn))
      say('F12', `mm ${mm.id}: page ${vpn} has index ${k.map.index[page]}, expected ${vma.indexOf(vpn)}`);
  } else if (vma.file !== null && page !== k.zeroPage && k.map.mapping[page] !== 0) {
    const inPlace = (vma.flags & VM_NONLINEAR) !== 0 || k.map.index[page] === vma.indexOf(vpn);
    if (k.map.mapping[page] !== vma.file.inode.mapping.handle || !inPlace) {
      say('F13', `mm ${mm.id}: page ${vpn} maps index ${k.map.index[page]} of another place`);
    }
  } else if (vma.file?.inode.truncate !== undefined && (vma.flags & VM_INSERTPAGE) === 0) {
    // D5 leaves such pages.
    if (!k.defectsKept) say('F14', `mm ${mm.id}: page ${vpn} maps page ${page}, which was truncated out of its file`);
  }
}

function noteTablePages(k: Kernel, level: number, pa: number, census: TableCensus, say: Say): void {
  const first = k.memory.pfnToPage(Math.floor(pa / k.memory.pageSize));
  const pages = Math.ceil((k.arch.geometry.tableBytes[level] as number) / k.memory.pageSize);
  for (let page = first; page < first + pages; page++) {
    census.tablePages.add(page);
    if (page === first && ((k.map.flags[page] as number) & PG_TABLE) === 0)
      say('F5', `table page ${page} is not marked as one`);
  }
}

/** A swap entry, or a file entry (F15). */
function absent(k: Kernel, mm: Mm, vma: Vma, vpn: number, hi: number, lo: number, census: TableCensus, say: Say): void {
  const f = k.arch.pteFormat;
  if (f.isFile(hi, lo)) {
    if ((vma.flags & VM_NONLINEAR) === 0) say('F15', `mm ${mm.id}: file entry for page ${vpn} of a linear area`);
    return;
  }
  const entry = pteToSwapEntry(f, hi, lo);
  census.swapped.set(entry, (census.swapped.get(entry) ?? 0) + 1);
  if (vma.anonVma === null) say('F15', `mm ${mm.id}: swap entry for page ${vpn} in an area without anon_vma`);
  if (!k.swap.mms.has(mm)) say('F15', `mm ${mm.id}: swap entry for page ${vpn}, but the mm is not on mmlist`);
}
