/**
 * The gate area (generic-mm 8.2): pages of the kernel that every process may read, outside every mm. Machines that have one
 * say where in their layout; the kernel maps it into its own tables.
 */
import { highWord, lowWord } from '../arch/words.js';
import type { Kernel } from '../kernel.js';
import { PG_RESERVED } from '../memory/mem-map.js';
import { vmNormalPage } from '../pfnmap/normal-page.js';
import { pteOffsetMap, pteUnmap } from '../pgtable/highpte.js';
import type { Op } from '../smp/lock.js';
import { VM_EXEC, VM_MAYEXEC, VM_MAYREAD, VM_READ } from '../vma/flags.js';
import { createVma } from '../vma/link.js';
import type { Vma } from '../vma/vma.js';
import { toPages } from '../vma/words.js';
import { lookupKernelPte } from '../vmalloc/kernel-lookup.js';
import { allocKernelPte, initMm } from '../vmalloc/kernel-tables.js';
import type { GupRequest } from './get-user-pages.js';

/** The gate area of a kernel, once somebody asked for it. */
export interface Gate {
  /** gate_vma: belongs to no mm's list. */
  readonly vma: Vma;
  /** Entries it has in the kernel's tables. */
  readonly entries: number;
}

/** get_gate_vma if `vpn` lies in the gate area, else null. */
export function* gateVma(k: Kernel, vpn: number): Op<Vma | null> {
  const { gate } = k.arch.layout.spec;
  if (gate === undefined || vpn < toPages(k, gate.start) || vpn >= toPages(k, gate.end)) return null;
  if (k.gate === null) yield* mapGate(k);
  return (k.gate as Gate | null)?.vma ?? null;
}

/** The part of get_user_pages for an address in no area: the page with a reference, or -1 when there is none to be had. */
export function* gatePage(k: Kernel, vpn: number, request: GupRequest): Op<number> {
  const vma = yield* gateVma(k, vpn);
  if (vma === null || request.write) return -1;
  const at = lookupKernelPte(k, vpn);
  if (at === 0) return -1;
  const { tables, memory } = k;
  pteOffsetMap(k, at);
  const lo = memory.words[at + tables.loAt] as number;
  const hi = tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0;
  pteUnmap(k, at);
  if (!k.arch.pteFormat.isPresent(hi, lo)) return -1;
  const page = vmNormalPage(k, vma, vpn, hi, lo);
  if (page < 0) return -1;
  if (request.pages !== undefined) {
    k.pages.get(page);
    k.pins.add(k, page);
    request.pages.push(page);
  }
  request.vmas?.push(vma);
  return page;
}

/** Maps the gate's pages, which the kernels do at boot: each a frame of its own, the rest the zero page or nothing. */
export function* mapGate(k: Kernel): Op<void> {
  const { gate } = k.arch.layout.spec;
  const mm = yield* initMm(k);
  if (gate === undefined || mm === null) return;
  const start = toPages(k, gate.start);
  const end = toPages(k, gate.end);
  const vma = createVma(k, mm, start, end, VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYEXEC, 0, null);
  const own = new Map(gate.pages.map(({ offset, protection }) => [toPages(k, gate.start + offset), protection]));
  let entries = 0;
  for (let vpn = start; vpn < end; vpn++) {
    const protection = own.get(vpn) ?? gate.filler;
    if (protection === undefined) continue;
    const page = own.has(vpn) ? k.pages.alloc(0) : k.zeroPage;
    if (page < 0) break;
    const at = yield* allocKernelPte(k, mm, vpn, false);
    if (at === 0) {
      if (own.has(vpn)) k.pages.put(page);
      break;
    }
    if (own.has(vpn)) k.map.flags[page] = PG_RESERVED;
    store(k, at, page, protection);
    entries++;
  }
  k.gate = { vma, entries };
}

function store(k: Kernel, at: number, page: number, protection: bigint): void {
  const { words } = k.memory;
  const { loAt, hiAt, pteWords } = k.tables;
  const entry = k.arch.pte.make(k.memory.pageToPfn(page), protection);
  words[at + loAt] = lowWord(entry);
  if (pteWords === 2) words[at + hiAt] = highWord(entry);
}
