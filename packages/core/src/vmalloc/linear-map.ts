/**
 * The kernel's map of all memory, where it lies in tables (paging_init): large pages in a row, made at boot and never changed.
 * What they map are the frames of everybody, so nothing here counts them.
 */
import type { LinearMapSpec } from '../arch/kernel-space.js';
import type { UpperFormat } from '../arch/table-format.js';
import { Word } from '../arch/words.js';
import type { Kernel } from '../kernel.js';
import { allocTable, tableWord } from '../pgtable/alloc.js';
import { kernelEntryAt } from './kernel-lookup.js';

/** Maps memory into the tables of init_mm, which is there; as much of it as there are tables to be had. */
export function mapLinear(k: Kernel): void {
  const { kernelSpace, geometry } = k.arch;
  const linear = kernelSpace?.linear ?? null;
  if (linear === null || k.initMm === null) return;
  const { pageSize } = geometry;
  const bytes = geometry.entryPages(linear.level) * pageSize;
  const { stretch = Infinity } = linear;
  const end = k.memory.banks.reduce((top, bank) => Math.max(top, bank.base + bank.size), 0);
  for (const { start, physical, most, always = false, prot } of linear.pieces) {
    const first = Number(start / BigInt(pageSize));
    for (let offset = 0; offset < most && (always || physical + offset < end); offset += bytes) {
      if (!always && offset % stretch === 0 && !hasMemory(k, physical + offset, stretch)) {
        offset += stretch - bytes;
        continue;
      }
      const at = entryFor(k, linear, k.initMm.rootWord, first + offset / pageSize);
      if (at === 0) return;
      const { hi, lo } = new Word(prot | BigInt(physical + offset));
      k.tables.setEntry(linear.level, at, hi, lo);
    }
  }
}

/** Whether a bank reaches into a stretch of physical addresses. */
function hasMemory(k: Kernel, start: number, bytes: number): boolean {
  return k.memory.banks.some(({ base, size }) => base < start + bytes && start < base + size);
}

/** The entry of a page at the map's level; tables on the way are made. 0 without memory for one. */
function entryFor(k: Kernel, { level: last, tableDrops }: LinearMapSpec, root: number, vpn: number): number {
  const { tables, arch } = k;
  let table = root;
  for (let level = 0; level < last; level++) {
    const at = kernelEntryAt(arch, level, table, vpn);
    if (tables.tableAt(level, at) === 0) {
      const pa = allocTable(k, level + 1, vpn);
      if (pa < 0) return 0;
      const format = arch.upper[level] as UpperFormat;
      tables.setEntry(level, at, format.linkHi(pa), format.linkLo(pa) & ~tableDrops);
      table = tableWord(k, pa);
    } else {
      table = tables.tableAt(level, at);
    }
  }
  return kernelEntryAt(arch, last, table, vpn);
}
