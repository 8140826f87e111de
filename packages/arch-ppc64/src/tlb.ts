/**
 * Translation buffers, pending batch, gather and costs: a PowerPC 970 unless another shape is given.
 *
 * The 970 caches translations twice: effective addresses in two ERATs of 128 entries (instructions 2-way, data fully
 * associative; they are emptied when segments change), virtual addresses in one TLB of 1024 entries, 4-way, behind both.
 * All translations are of 4 KiB, with 64 KiB base pages too: a stock kernel of the era backs them with 4 KiB HPTEs.
 *
 * A slot is tagged with (context, page) where the hardware has (VSID, page of the segment). The two name the same thing,
 * because VSIDs are a bijection of context and segment, and a slot is only filled from an HPTE that was found by VSID.
 */
import type { CostTable, GatherSpec, PendingFlushSpec, TlbShape } from '@fourfold/core/arch';
import { HW_PAGE_SHIFT, type Ppc64PageShift } from './geometry.js';
import { PAGE_HASHPTE } from './pte.js';

export const PPC970_TLB: TlbShape = {
  processor: 'IBM PowerPC 970',
  source: 'IBM Redbook on the BladeCenter JS20: sizes; the ways of the ERATs are guesses',
  pageShift: HW_PAGE_SHIFT,
  units: [
    { name: 'ierat', sets: 64, ways: 2 },
    { name: 'derat', sets: 1, ways: 128 },
    { name: 'tlb', sets: 256, ways: 4 },
  ],
  exec: [0, 2],
  data: [1, 2],
};

/** POWER5: a TLB of 2048 entries (kernel's table; associativity and ERATs not verified). */
export const POWER5_TLB: TlbShape = {
  ...PPC970_TLB,
  processor: 'IBM POWER5',
  source: 'ibm,tlb-size as the kernel tells it for POWER5; ways and ERATs are guesses',
  units: [
    { name: 'ierat', sets: 64, ways: 2 },
    { name: 'derat', sets: 1, ways: 128 },
    { name: 'tlb', sets: 512, ways: 4 },
  ],
};

/** hpte_update: old entries with HASHPTE queue, 192 at a time (PPC64_TLB_BATCH_NR); set_pte_at over a page flushes now. */
export const PPC64_PENDING: PendingFlushSpec = {
  queueIf: PAGE_HASHPTE,
  capacity: 192,
  skipWhenFullmm: false,
  flushOnOverwrite: true,
  flushesOld: true,
  queuesKernel: true,
};

/** mmu_gather of asm-generic/tlb.h; hash_page walks tables with interrupts off and no lock. */
export const PPC64_GATHER: GatherSpec = { capacity: 506, walkedUnlocked: true };

/**
 * Cycles on a 970 of about 2 GHz. Estimates of the right size, not measurements: a walk reference is one group of the
 * hash table, which is one cache line; a software fill is hash_page or an SLB miss between trap and return; a purge is a
 * tlbie with its ptesync.
 */
export function ppc970Cost(pageShift: Ppc64PageShift): CostTable {
  const pages = 2 ** (pageShift - 12);
  return {
    walkReference: 30,
    softwareFill: 200,
    assist: 0, // hash_page does it
    trap: 700,
    secondLevelHit: 12,
    purge: 100,
    ipi: 2500,
    contextSwitch: 150, // SLB
    copyPage: 2500 * pages,
    clearPage: 500 * pages, // dcbz
  };
}
