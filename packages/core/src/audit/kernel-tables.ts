/**
 * The kernel's own tables and areas (generic-mm 17): areas apart from each other, every entry inside one of them and on
 * its frame, every frame of an area held once, no table reached twice.
 */
import type { UpperFormat } from '../arch/table-format.js';
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { lookupKernelPte } from '../vmalloc/kernel-lookup.js';
import { VM_ALLOC } from '../vmalloc/vmlist.js';
import type { Say } from './finding.js';

/**
 * Walks the tables of init_mm.
 * @param note called once for every table, with its level and physical address.
 */
export function auditKernelTables(k: Kernel, note: (level: number, pa: number) => void, say: Say): void {
  try {
    k.vmlist.check();
  } catch (error) {
    if (!(error instanceof KernelBug)) throw error;
    say('V1', error.message);
  }
  if (k.vmlist.lock.held) say('F23', 'vmlist_lock is held at rest');
  if (k.initMm === null) return;
  if (k.initMm.pageTableLock.held) say('F23', "init_mm's page_table_lock is held at rest");
  let entries = tablesBelow(k, 0, k.initMm.rootPa, k.initMm.rootWord, note);
  for (const area of k.vmlist.all) {
    for (let i = 0; i < area.pages - 1; i++) {
      const at = lookupKernelPte(k, area.start + i);
      const f = k.arch.pteFormat;
      const lo = at === 0 ? 0 : (k.memory.words[at + k.tables.loAt] as number);
      const hi = at === 0 || k.tables.pteWords === 1 ? 0 : (k.memory.words[at + k.tables.hiAt] as number);
      if (!f.isPresent(hi, lo)) {
        say('V2', `kernel page ${area.start + i} of an area is not mapped`);
        continue;
      }
      entries--;
      const page = k.memory.pfnToPage(f.frame(hi, lo));
      if ((area.flags & VM_ALLOC) !== 0 && page !== area.frames[i])
        say('V2', `kernel page ${area.start + i} maps page ${page}, its area has ${area.frames[i]}`);
    }
  }
  entries -= k.gate?.entries ?? 0;
  if (entries !== 0) say('V2', `${entries} kernel entries lie in no area`);
}

/** Calls `own` for every frame of a vmalloc area. */
export function ownedByVmalloc(k: Kernel, own: (page: number) => void): void {
  for (const area of k.vmlist.all) for (const page of area.frames) own(page);
}

/** Notes the table and all below it; answers how many entries are present in the pte tables. */
function tablesBelow(
  k: Kernel,
  level: number,
  pa: number,
  table: number,
  note: (level: number, pa: number) => void,
): number {
  const { tables, arch } = k;
  note(level, pa);
  const words = (arch.geometry.entryBytes[level] as number) / 4;
  let present = 0;
  for (let i = 0; i < 1 << (arch.geometry.bits[level] as number); i++) {
    const at = table + i * words;
    const hi = tables.entryHi(level, at);
    const lo = tables.entryLo(level, at);
    if (level === tables.depth - 1) {
      if (arch.pteFormat.isPresent(hi, lo)) present++;
    } else if (tables.tableAt(level, at) !== 0) {
      const below = (arch.upper[level] as UpperFormat).tableAddress(hi, lo);
      present += tablesBelow(k, level + 1, below, tables.tableAt(level, at), note);
    }
  }
  return present;
}
