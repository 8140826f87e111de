/**
 * TLB flushes (arch/sparc64/mm/tlb.c, ultra.S). Everything is driven by stores of ptes: an old word with VALID joins the
 * CPU's batch, and flush_tlb_page, _range and _mm only send the batch, whatever they are asked for. What is in a batch:
 * the page, bit 0 set when the old word had EXEC, which means "in the instruction TLB too".
 */
import { type FlushBatch, TLB_BUCKETS, type Tlb } from '@fourfold/core/arch';
import type { VpteArea } from './layout.js';
import { PAGE_EXEC } from './pte.js';

const EXEC_LO = Number(PAGE_EXEC);

/**
 * Demaps every entry of a batch from one TLB; answers how many slots went. The kernel goes from last to first.
 * @param byHash whether the TLB is one unit for each side, so that the hash of the first level knows all of it.
 */
export function demapBatch(tlb: Tlb, byHash: boolean, batch: FlushBatch, nr: number, context: number): number {
  let dropped = 0;
  for (let i = nr - 1; i >= 0; i--) {
    const vpn = batch.vpn[i] as number;
    const vpnHi = (vpn / 4294967296) | 0;
    const vpnLo = vpn | 0;
    if (!byHash || tlb.wideSlots !== 0) {
      dropped += tlb.dropRange(vpn, vpn + 1, context);
      continue;
    }
    tlb.watch?.dropping(vpn, vpn + 1, context);
    const before = dropped;
    if (((batch.oldLo[i] as number) & EXEC_LO) !== 0 && !tlb.sharedFirstLevel) {
      dropped += demapSide(tlb, TLB_BUCKETS, vpnHi, vpnLo, context);
    }
    dropped += demapSide(tlb, 0, vpnHi, vpnLo, context);
    tlb.watch?.dropped(dropped - before);
  }
  return dropped;
}

/** Demaps a page from one side, through the hash of its first level. */
function demapSide(tlb: Tlb, bucketBase: number, vpnHi: number, vpnLo: number, context: number): number {
  let dropped = 0;
  let slot = tlb.head[bucketBase + (vpnLo & (TLB_BUCKETS - 1))] as number;
  while (slot >= 0) {
    const next = tlb.linkOf(slot);
    if (tlb.vpnLoOf(slot) === vpnLo && tlb.vpnHiOf(slot) === vpnHi && tlb.contextOf(slot) === context) {
      tlb.drop(slot);
      dropped++;
    }
    slot = next;
  }
  return dropped;
}

/** Pages of the linear table that flush_tlb_pgtables puts into the batch. */
export interface VpteRange {
  /** First page, and the page behind the last; end - first is the number of batch entries. */
  readonly first: number;
  readonly end: number;
  /** The range reached from one half of user space into the other, so the kernel swapped its ends. */
  readonly swapped: boolean;
}

/**
 * flush_tlb_pgtables: the VPTE pages of pages [start, end), rounded out to whole pte tables.
 *
 * When the end lies below the start (the range crosses the hole) the kernel swaps them, and so names all VPTE pages
 * *but* those of the range.
 * @param wrapped whether an end at the top of the address space counts as 0, as in the kernel's 64-bit arithmetic: a
 *   range that ends where the hole begins is then swapped too.
 */
export function vpteFlushRange(area: VpteArea, start: number, end: number, wrapped: boolean): VpteRange {
  const ptes = 2 ** area.pteBits;
  const first = area.pageOf(Math.floor(start / ptes) * ptes);
  let last = area.pageOf(Math.ceil(end / ptes) * ptes);
  if (wrapped && last === area.spacePages) last = 0;
  return last < first ? { first: last, end: first, swapped: true } : { first, end: last, swapped: false };
}

// --- demap commands, as the kernel writes them to the MMU ------------------------------------------------------------

/** Context that a demap command acts on, bits 5:4. */
export const DEMAP_PRIMARY = 0x00n;
export const DEMAP_SECONDARY = 0x10n;
export const DEMAP_NUCLEUS = 0x20n;
/** Bit 6: the whole context instead of a page; bit 7: everything that is not locked (cheetah). */
export const DEMAP_CONTEXT = 0x40n;
export const DEMAP_ALL = 0x80n;

/** A batch entry as the kernel stores it: the page address, bit 0 for "instruction TLB too". */
export function batchEntry(pageAddress: bigint, exec: boolean): bigint {
  return exec ? pageAddress | 1n : pageAddress;
}

/** The demap address spitfire writes for a batch entry: the page in the secondary context. */
export function spitfireDemapWord(entry: bigint): bigint {
  return (entry & ~1n) | DEMAP_SECONDARY;
}

/**
 * The demap address cheetah writes: the plain page. Its instruction MMU cannot demap the secondary context, so the
 * context is put into the primary register first.
 */
export function cheetahDemapWord(entry: bigint): bigint {
  return (entry & ~1n) | DEMAP_PRIMARY;
}
