/**
 * Flushing what is pending (arch/powerpc/mm/tlb_64.c, hash_utils_64.c): every old pte of a batch gives up its HPTEs, and
 * each page goes out of the TLBs whether its HPTE was still there or not, because an HPTE that was thrown out for lack of
 * room leaves TLBs alone. The kernel invalidates all HPTEs first and sends all tlbie afterwards; nothing can come between
 * here, so one loop does both.
 *
 * A pte of 64 KiB that 4 KiB entries back says in bits 27:12 which of its parts have one; the kernel's batch carries the
 * hidx word with their slots beside it. Here the two groups of each part are searched. An HPTE is in no other place, so
 * what goes is the same.
 */
import { type Cpu, type FlushBatch, KERNEL_CONTEXT, type Mm, type MmuHost, PURGES } from '@fourfold/core/arch';
import { scramble, userVsid } from './context.js';
import type { HashedPages } from './geometry.js';
import { hugeVWordLo, largeVWordLo, vWordHi, vWordLo } from './hash-page.js';
import type { HashTable } from './hash-table.js';

const V_SECONDARY = 0x2;
const PTE_SECONDARY_TO_V = 14;

export class Ppc64Flush {
  /** Instructions that went to all CPUs, and to one. */
  tlbies = 0;
  tlbiels = 0;
  private readonly host: MmuHost;
  private readonly table: HashTable;
  private readonly pages: HashedPages;
  private readonly counts: Float64Array;
  /** One CPU, for local flushes. */
  private readonly alone: Cpu[] = [];

  constructor(host: MmuHost, table: HashTable, pages: HashedPages) {
    this.host = host;
    this.table = table;
    this.pages = pages;
    this.counts = host.counters.values;
  }

  /** flush_tlb_pending: flush_hash_range of a CPU's batch. Answers how many TLB slots went, -1 when nothing was pending. */
  pendingOf(cpu: Cpu): number {
    const { batch } = cpu;
    const { mm, nr, huge } = batch;
    batch.nr = 0;
    batch.mm = null;
    if (nr === 0 || mm === null) return -1;
    const cpus = this.targets(cpu, mm);
    let purged: number;
    if (mm === this.host.initMm) purged = flushKernelPages(this.table, this.pages, batch, nr, cpus);
    else if (huge) purged = flushHugeRange(this.table, this.pages, batch, nr, mm.context, cpus);
    else purged = flushHashRange(this.table, this.pages, batch, nr, mm.context, cpus);
    this.sent(nrPurges(this.pages, batch, nr), huge || cpus !== this.alone);
    return purged;
  }

  /** The tlbie of updatepp for page `vpnLo` of the TLB. Answers how many TLB slots went. */
  page(cpu: Cpu, mm: Mm, vpnLo: number, huge: boolean): number {
    const cpus = this.targets(cpu, mm);
    this.sent(1, huge || cpus !== this.alone);
    return dropEverywhere(cpus, vpnLo, mm.context);
  }

  /** The tlbie of updatepp for a page of the kernel's: to all CPUs. Answers how many TLB slots went. */
  kernelPage(vpnHi: number, vpnLo: number): number {
    this.sent(1, true);
    return dropKernelPage(this.host.cpus, vpnHi, vpnLo);
  }

  /** CPUs whose TLBs a flush on `cpu` reaches: itself while it alone has run the mm, else all. */
  private targets(cpu: Cpu, mm: Mm): readonly Cpu[] {
    if (mm.cpuVmMask !== 1 << cpu.id) return this.host.cpus;
    this.alone[0] = cpu;
    return this.alone;
  }

  /** tlbiel does not know huge pages: those always take a tlbie. */
  private sent(purges: number, global: boolean): void {
    if (global) this.tlbies += purges;
    else this.tlbiels += purges;
    this.counts[PURGES] = (this.counts[PURGES] as number) + purges;
  }
}

/**
 * Invalidates the HPTEs of `nr` entries of a batch and drops their pages from the TLBs of `cpus`.
 * @param context the batch's mm's.
 * @returns how many TLB slots went.
 */
export function flushHashRange(
  table: HashTable,
  pages: HashedPages,
  batch: FlushBatch,
  nr: number,
  context: number,
  cpus: readonly Cpu[],
): number {
  const { esidShift, pageMask, large } = pages;
  const combo = pages.sub !== 0;
  let purged = 0;
  let esid = -1;
  let vsidHi = 0;
  let vsidLo = 0;
  for (let i = 0; i < nr; i++) {
    const oldLo = batch.oldLo[i] as number;
    // A base page is one hardware page, or sixteen of which bits 27:12 name the hashed ones, first sub-page highest.
    const first = ((batch.vpn[i] as number) * (combo ? 16 : 1)) | 0;
    if (first >>> esidShift !== esid) {
      esid = first >>> esidShift;
      const vsid = userVsid(context, esid);
      vsidHi = (vsid / 4294967296) | 0;
      vsidLo = vsid | 0;
    }
    if (!combo) {
      const page = first & pageMask;
      const vLo = large ? largeVWordLo(vsidLo, page) : vWordLo(vsidLo, page);
      invalidateRecorded(table, vsidLo ^ page, vWordHi(vsidHi, vsidLo), vLo, oldLo);
      purged += dropEverywhere(cpus, first, context);
      continue;
    }
    let subs = (oldLo >>> 12) & 0xffff;
    while (subs !== 0) {
      const sub = Math.clz32(subs) - 16;
      subs &= ~(0x8000 >>> sub);
      invalidateFound(table, (first + sub) & pageMask, vsidHi, vsidLo);
      purged += dropEverywhere(cpus, first + sub, context);
    }
  }
  return purged;
}

/** The same for a batch of huge ptes: each has one large HPTE, in the slot that the pte says. */
export function flushHugeRange(
  table: HashTable,
  pages: HashedPages,
  batch: FlushBatch,
  nr: number,
  context: number,
  cpus: readonly Cpu[],
): number {
  let purged = 0;
  for (let i = 0; i < nr; i++) {
    const first = ((batch.vpn[i] as number) * 2 ** pages.sub) | 0;
    const vsid = userVsid(context, first >>> pages.esidShift);
    const vsidLo = vsid | 0;
    const page = (first & pages.pageMask) >>> pages.hugeShift;
    const vHi = vWordHi((vsid / 4294967296) | 0, vsidLo);
    invalidateRecorded(table, vsidLo ^ page, vHi, hugeVWordLo(vsidLo, page), batch.oldLo[i] as number);
    purged += dropEverywhere(cpus, first, context);
  }
  return purged;
}

/** The same for a batch of init_mm's ptes, in the kernel's segments. */
export function flushKernelPages(
  table: HashTable,
  { esidShift, pageMask, large, sub }: HashedPages,
  batch: FlushBatch,
  nr: number,
  cpus: readonly Cpu[],
): number {
  let purged = 0;
  for (let i = 0; i < nr; i++) {
    const oldLo = batch.oldLo[i] as number;
    const first = (batch.vpn[i] as number) * 2 ** sub;
    const vsid = scramble(Math.floor(first / 2 ** esidShift));
    const vsidHi = (vsid / 4294967296) | 0;
    const vsidLo = vsid | 0;
    for (let part = 0; part < 1 << sub; part++) {
      const page = (first + part) & pageMask;
      if (sub === 0) {
        const vLo = large ? largeVWordLo(vsidLo, page) : vWordLo(vsidLo, page);
        invalidateRecorded(table, vsidLo ^ page, vWordHi(vsidHi, vsidLo), vLo, oldLo);
      } else if (((oldLo >>> 12) & (0x8000 >>> part)) !== 0) {
        invalidateFound(table, page, vsidHi, vsidLo);
      } else continue;
      purged += dropKernelPage(cpus, ((first + part) / 4294967296) | 0, (first + part) | 0);
    }
  }
  return purged;
}

function dropKernelPage(cpus: readonly Cpu[], vpnHi: number, vpnLo: number): number {
  let dropped = 0;
  for (let i = 0; i < cpus.length; i++) dropped += (cpus[i] as Cpu).tlb.dropPage(vpnHi, vpnLo, KERNEL_CONTEXT);
  return dropped;
}

/** How many tlbie a batch takes: one an entry, or one for each hashed sub-page of a base page of sixteen. */
export function nrPurges(pages: HashedPages, batch: FlushBatch, nr: number): number {
  if (pages.sub === 0 || batch.huge) return nr;
  let purges = 0;
  for (let i = 0; i < nr; i++) {
    for (let subs = ((batch.oldLo[i] as number) >>> 12) & 0xffff; subs !== 0; subs &= subs - 1) purges++;
  }
  return purges;
}

/** tlbie of one hardware page in one context. */
export function dropEverywhere(cpus: readonly Cpu[], page: number, context: number): number {
  let dropped = 0;
  for (let i = 0; i < cpus.length; i++) dropped += (cpus[i] as Cpu).tlb.dropPage(0, page | 0, context);
  return dropped;
}

/** flush_hash_page of a pte that says its slot. */
function invalidateRecorded(table: HashTable, hash: number, vHi: number, vLo: number, oldLo: number): void {
  const group = hash & table.mask;
  const secondary = (oldLo >>> PTE_SECONDARY_TO_V) & V_SECONDARY;
  const entry = table.entryAt(secondary !== 0 ? group ^ table.mask : group, (oldLo >>> 12) & 7);
  table.invalidate(entry, vHi, vLo | secondary);
}

function invalidateFound(table: HashTable, page: number, vsidHi: number, vsidLo: number): void {
  const group = (vsidLo ^ page) & table.mask;
  const vHi = vWordHi(vsidHi, vsidLo);
  const vLo = vWordLo(vsidLo, page);
  let entry = table.search(group, vHi, vLo);
  if (entry !== 0) {
    table.invalidate(entry, vHi, vLo);
    return;
  }
  entry = table.search(group ^ table.mask, vHi, vLo | V_SECONDARY);
  if (entry !== 0) table.invalidate(entry, vHi, vLo | V_SECONDARY);
}
