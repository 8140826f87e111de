/** Where the kernel's own page-table entries lie, for who only looks. */
import type { ArchDescriptor } from '../arch/descriptor.js';
import type { MmuHost } from '../arch/mmu.js';

/** Word index of a kernel page's entry in the tables of init_mm, 0 when a table is missing. */
export function lookupKernelPte(k: Pick<MmuHost, 'arch' | 'tables' | 'initMm'>, vpn: number): number {
  const { tables, arch, initMm } = k;
  if (initMm === null) return 0;
  let table = initMm.rootWord;
  for (let level = 0; level < tables.depth - 1; level++) {
    table = tables.tableAt(level, kernelEntryAt(arch, level, table, vpn));
    if (table === 0) return 0;
  }
  return kernelEntryAt(arch, tables.depth - 1, table, vpn);
}

/** pgd_offset_k and its like: the whole index of the root, where user look-ups cut it into regions. */
export function kernelEntryAt({ geometry }: ArchDescriptor, level: number, table: number, vpn: number): number {
  const index = Math.floor(vpn / geometry.entryPages(level)) % 2 ** (geometry.bits[level] as number);
  return table + (index * (geometry.entryBytes[level] as number)) / 4;
}
