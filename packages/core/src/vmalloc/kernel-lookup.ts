/** Where the kernel's own page-table entries lie, for who only looks, and what the ports' misses of the kernel have in common. */
import type { ArchDescriptor } from '../arch/descriptor.js';
import type { MmuHost } from '../arch/mmu.js';
import type { UpperFormat } from '../arch/table-format.js';
import { WALK_REFERENCES } from '../events/counters.js';
import type { Cpu } from '../smp/cpu.js';
import { KERNEL_CONTEXT } from '../tlb/record.js';

/** Number of init_mm in events. */
export const INIT_MM_ID = -1;

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

/** The entry of init_mm for a page, in halves; null when it is not present or a table is missing. */
export function kernelEntryOf(k: MmuHost, vpn: number): { readonly hi: number; readonly lo: number } | null {
  const { arch, memory, tables } = k;
  const at = lookupKernelPte(k, vpn);
  if (at === 0) return null;
  const f = arch.pteFormat;
  const lo = memory.words[at + tables.loAt] as number;
  const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
  return f.isPresent(hi, lo) ? { hi, lo } : null;
}

/**
 * Page of the mem_map that is the pte table of a kernel page, -1 when one on the way is missing.
 * @param counted the reads are the machine's, not the audit's.
 */
export function kernelTableOf(k: MmuHost, vpn: number, counted: boolean): number {
  const { arch, memory, tables, initMm } = k;
  const { values } = k.counters;
  if (initMm === null) return -1;
  const last = tables.depth - 2;
  let table = initMm.rootWord;
  for (let level = 0; ; level++) {
    const at = kernelEntryAt(arch, level, table, vpn);
    if (counted) values[WALK_REFERENCES] = (values[WALK_REFERENCES] as number) + 1;
    table = tables.tableAt(level, at);
    if (table === 0) return -1;
    if (level < last) continue;
    const pa = (arch.upper[level] as UpperFormat).tableAddress(tables.entryHi(level, at), tables.entryLo(level, at));
    return memory.pfnToPage(Math.floor(pa / memory.pageSize));
  }
}

/**
 * Caches a translation of the kernel's that spans 2^span pages of the TLB; where memory ends inside of it, two of its banks meet
 * there, or the TLB has no room for such, of the page asked for alone.
 * @param frame page of the mem_map, or frame of a device, of the page asked for.
 */
export function fillKernelSpan(
  { arch, memory }: Pick<MmuHost, 'arch' | 'memory'>,
  cpu: Cpu,
  kind: number,
  vpnHi: number,
  vpnLo: number,
  frame: number,
  rights: number,
  attrs: number,
  span: number,
): number {
  const shift = arch.tlbSubShift;
  const first = frame - ((vpnLo & (2 ** span - 1)) >>> shift);
  const last = first + 2 ** (span - shift) - 1;
  const isWhole =
    span !== 0 &&
    cpu.tlb.takesSpan(kind, span) &&
    first >= 0 &&
    last < memory.nrPages &&
    memory.pageToPfn(last) - memory.pageToPfn(first) === last - first;
  return isWhole
    ? cpu.tlb.fill(kind, vpnHi, vpnLo, KERNEL_CONTEXT, first, rights, attrs, span)
    : cpu.tlb.fill(kind, vpnHi, vpnLo, KERNEL_CONTEXT, frame, rights, attrs, 0);
}
