/**
 * Flushing what is pending (arch/powerpc/mm/tlb_64.c, hash_utils_64.c): every old pte of a batch gives up its HPTEs, and
 * each page goes out of the TLBs whether its HPTE was still there or not, because an HPTE that was thrown out for lack of
 * room leaves TLBs alone. The kernel invalidates all HPTEs first and sends all tlbie afterwards; nothing can come between
 * here, so one loop does both.
 *
 * With 64 KiB pages the kernel's batch carries the hidx word beside the pte. Here the batch has the pte alone, which says
 * which sub-pages have HPTEs (bits 27:12); the two groups of each are searched. An HPTE is in no other place, so what goes
 * is the same.
 */
import type { Cpu, FlushBatch } from '@fourfold/core/arch';
import { userVsid } from './context.js';
import { HUGE_SHIFT, hugeVWordLo, vWordHi, vWordLo } from './hash-page.js';
import type { HashTable } from './hash-table.js';

const V_SECONDARY = 0x2;
const PTE_SECONDARY_TO_V = 14;

/**
 * Invalidates the HPTEs of `nr` entries of a batch and drops their pages from the TLBs of `cpus`.
 * @param context the batch's mm's.
 * @returns how many TLB slots went.
 */
export function flushHashRange(
  table: HashTable,
  combo: boolean,
  batch: FlushBatch,
  nr: number,
  context: number,
  cpus: readonly Cpu[],
): number {
  let purged = 0;
  let esid = -1;
  let vsidHi = 0;
  let vsidLo = 0;
  for (let i = 0; i < nr; i++) {
    const oldLo = batch.oldLo[i] as number;
    // A base page is one hardware page, or sixteen of which bits 27:12 name the hashed ones, first sub-page highest.
    const first = ((batch.vpn[i] as number) * (combo ? 16 : 1)) | 0;
    if (first >>> 16 !== esid) {
      esid = first >>> 16;
      const vsid = userVsid(context, esid);
      vsidHi = (vsid / 4294967296) | 0;
      vsidLo = vsid | 0;
    }
    if (!combo) {
      invalidateRecorded(table, first & 0xffff, vsidHi, vsidLo, oldLo);
      purged += dropEverywhere(cpus, first, context);
      continue;
    }
    let subs = (oldLo >>> 12) & 0xffff;
    while (subs !== 0) {
      const sub = Math.clz32(subs) - 16;
      subs &= ~(0x8000 >>> sub);
      invalidateFound(table, (first + sub) & 0xffff, vsidHi, vsidLo);
      purged += dropEverywhere(cpus, first + sub, context);
    }
  }
  return purged;
}

/**
 * The same for a batch of huge ptes: each has one large HPTE, in the slot that the pte says.
 * @param sub log2 of the hardware pages of a base page.
 */
export function flushHugeRange(
  table: HashTable,
  sub: number,
  batch: FlushBatch,
  nr: number,
  context: number,
  cpus: readonly Cpu[],
): number {
  let purged = 0;
  for (let i = 0; i < nr; i++) {
    const oldLo = batch.oldLo[i] as number;
    const first = ((batch.vpn[i] as number) * 2 ** sub) | 0;
    const vsid = userVsid(context, first >>> 16);
    const vsidLo = vsid | 0;
    const page = (first & 0xffff) >>> HUGE_SHIFT;
    const group = (vsidLo ^ page) & table.mask;
    const secondary = (oldLo >>> PTE_SECONDARY_TO_V) & V_SECONDARY;
    const entry = table.entryAt(secondary !== 0 ? group ^ table.mask : group, (oldLo >>> 12) & 7);
    table.invalidate(entry, vWordHi((vsid / 4294967296) | 0, vsidLo), hugeVWordLo(vsidLo, page) | secondary);
    purged += dropEverywhere(cpus, first, context);
  }
  return purged;
}

/** How many tlbie a batch takes: one an entry, or one for each hashed sub-page of a base page of sixteen. */
export function nrPurges(batch: FlushBatch, nr: number, combo: boolean): number {
  if (!combo || batch.huge) return nr;
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

/** flush_hash_page of a 4 KiB page: the slot is in the pte. */
function invalidateRecorded(table: HashTable, page: number, vsidHi: number, vsidLo: number, oldLo: number): void {
  const group = (vsidLo ^ page) & table.mask;
  const secondary = (oldLo >>> PTE_SECONDARY_TO_V) & V_SECONDARY;
  const entry = table.entryAt(secondary !== 0 ? group ^ table.mask : group, (oldLo >>> 12) & 7);
  table.invalidate(entry, vWordHi(vsidHi, vsidLo), vWordLo(vsidLo, page) | secondary);
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
