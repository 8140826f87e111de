/** What the tables say about one address, level by level: the answer to "why did this fault" (`process.explain`). */
import type { LevelName } from '../arch/geometry.js';
import type { DecodedPte } from '../arch/pte-codec.js';
import type { BitField } from '../arch/table-format.js';
import { wordToBigInt } from '../arch/words.js';
import type { Kernel } from '../kernel.js';
import { VM_EXEC, VM_HUGETLB, VM_MAYSHARE, VM_READ, VM_WRITE } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';

/** One level of the walk. */
export interface ExplainedLevel {
  readonly level: LevelName;
  /** Index into the table. */
  readonly index: number;
  /** The entry as stored. */
  readonly value: bigint;
  readonly none: boolean;
  readonly bad: boolean;
  /** Named bit fields of the entry with their values. */
  readonly fields: readonly { readonly field: BitField; readonly value: bigint }[];
}

/** All there is to say about one address. */
export interface Explanation {
  readonly address: bigint;
  readonly levels: readonly ExplainedLevel[];
  /** The pte taken apart, when the walk got that far. */
  readonly pte: DecodedPte | null;
  /** The area as `start-end perms`, or null when the address lies in none. */
  readonly area: string | null;
  /** page_mapcount and page_count of the frame, for a present entry. */
  readonly mapcount: number;
  readonly count: number;
}

/** Walks the tables of `mm` for an address (in bytes) as the kernel would, changing nothing. */
export function explainPage(k: Kernel, mm: Mm, address: bigint): Explanation {
  const { tables, arch, memory } = k;
  const vpn = Number(BigInt.asUintN(arch.wordBits, address) >> BigInt(memory.pageShift));
  const vma = mm.vmas.containing(vpn);
  const huge = vma !== null && (vma.flags & VM_HUGETLB) !== 0 ? arch.huge : null;
  const slot = huge === null ? vpn : huge.slotPage(vpn);
  const hi = (slot / 4294967296) | 0;
  const lo = slot | 0;
  const levels: ExplainedLevel[] = [];
  const last = huge === null ? tables.depth - 1 : huge.level;
  let table = mm.rootWord;
  let pte: DecodedPte | null = null;
  for (let level = 0; level <= last && table > 0; level++) {
    const at = tables.entryAt(level, table, hi, lo);
    const name = arch.geometry.names[level] as LevelName;
    const value = wordToBigInt(tables.entryHi(level, at), tables.entryLo(level, at));
    const index = (at - table) / ((arch.geometry.entryBytes[level] as number) / 4);
    if (level === last) {
      pte = arch.pte.decode(value);
      levels.push({ level: name, index, value, none: pte.kind === 'none', bad: false, fields: arch.pte.fields(value) });
      break;
    }
    const entry = arch.tables.decode(name, value);
    levels.push({
      level: name,
      index,
      value,
      none: entry.none,
      bad: entry.bad,
      fields: arch.tables.fields(name, value),
    });
    table = tables.tableAt(level, at);
  }
  const page = pte?.kind === 'present' ? memory.pfnToPage(Number(pte.pfn)) : -1;
  return {
    address,
    levels,
    pte,
    area: areaOf(k, mm, vpn),
    mapcount: page >= 0 ? (k.map.mapcount[page] as number) : 0,
    count: page >= 0 ? (k.map.count[page] as number) : 0,
  };
}

function areaOf(k: Kernel, mm: Mm, vpn: number): string | null {
  const vma = mm.vmas.containing(vpn);
  if (vma === null) return null;
  const perms = `${vma.flags & VM_READ ? 'r' : '-'}${vma.flags & VM_WRITE ? 'w' : '-'}${vma.flags & VM_EXEC ? 'x' : '-'}${vma.flags & VM_MAYSHARE ? 's' : 'p'}`;
  const hex = (page: number): string => (BigInt(page) << BigInt(k.memory.pageShift)).toString(16);
  return `${hex(vma.start)}-${hex(vma.end)} ${perms}`;
}
