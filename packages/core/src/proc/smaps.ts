/**
 * /proc/PID/smaps (generic-mm 10.7): what of each area is resident, by shared and private, clean and dirty. Dirty is the
 * entry's bit; raw frames of devices count as resident and as nothing else.
 */
import type { Kernel } from '../kernel.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { PteCursor } from '../pgtable/cursor.js';
import { pteOffsetMap, pteUnmap } from '../pgtable/highpte.js';
import { VM_HUGETLB } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import { type MapsLine, mapsLines, mapsLineText } from './maps.js';

/** Sizes of one area in kB. */
export interface SmapsSizes {
  readonly Size: number;
  readonly Rss: number;
  readonly Shared_Clean: number;
  readonly Shared_Dirty: number;
  readonly Private_Clean: number;
  readonly Private_Dirty: number;
}

/** One area: its line of maps and its sizes. */
export interface SmapsEntry {
  readonly line: MapsLine;
  readonly sizes: SmapsSizes;
}

/** The areas of a process in address order, the gate area last. Reads the tables, changes nothing. */
export function smapsOf(k: Kernel, mm: Mm): SmapsEntry[] {
  return mapsLines(k, mm).map((line) => ({ line, sizes: sizesOf(k, line, mm.vmas.containing(line.start)) }));
}

/** The text of /proc/PID/smaps. */
export function smapsText(k: Kernel, mm: Mm): string {
  return smapsOf(k, mm)
    .map(({ line, sizes }) => mapsLineText(k, line) + Object.entries(sizes).map(sizeText).join(''))
    .join('');
}

function sizeText([label, kb]: [string, number]): string {
  return `${`${label}:`.padEnd(15)}${String(kb).padStart(8)} kB\n`;
}

function sizesOf(k: Kernel, line: MapsLine, vma: Vma | null): SmapsSizes {
  const counts = vma === null || (vma.flags & VM_HUGETLB) !== 0 ? new Resident() : residentOf(k, vma);
  const kb = k.memory.pageSize / 1024;
  return {
    Size: (line.end - line.start) * kb,
    Rss: counts.rss * kb,
    Shared_Clean: counts.sharedClean * kb,
    Shared_Dirty: counts.sharedDirty * kb,
    Private_Clean: counts.privateClean * kb,
    Private_Dirty: counts.privateDirty * kb,
  };
}

class Resident {
  rss = 0;
  sharedClean = 0;
  sharedDirty = 0;
  privateClean = 0;
  privateDirty = 0;
}

function residentOf(k: Kernel, vma: Vma): Resident {
  const counts = new Resident();
  const cursor = new PteCursor(k);
  const { tables, memory } = k;
  const f = k.arch.pteFormat;
  cursor.start(vma.mm, vma.start, vma.end);
  while (cursor.next()) {
    pteOffsetMap(k, cursor.at);
    for (let i = 0; i < cursor.nr; i++) {
      const at = cursor.at + i * tables.pteWords;
      const lo = memory.words[at + tables.loAt] as number;
      const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
      if (!f.isPresent(hi, lo)) continue;
      counts.rss++;
      const page = vmNormalPage(k, vma, cursor.vpn + i, hi, lo);
      if (page >= 0) classify(k, counts, page, f.isDirty(hi, lo));
    }
    pteUnmap(k, cursor.at);
  }
  return counts;
}

function classify(k: Kernel, counts: Resident, page: number, dirty: boolean): void {
  // D7: by references, a page of a page cache, of the swap cache or on its way to an LRU list looks shared.
  const users = k.defectsKept ? k.map.count[page] : k.map.mapcount[page];
  if ((users as number) >= 2) {
    if (dirty) counts.sharedDirty++;
    else counts.sharedClean++;
  } else if (dirty) {
    counts.privateDirty++;
  } else {
    counts.privateClean++;
  }
}
