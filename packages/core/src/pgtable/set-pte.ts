/**
 * Storing page-table entries: set_pte_at, ptep_get_and_clear and the machine's pending-flush rule.
 *
 * The rule is data (PendingFlush): an old entry with one of the queue bits joins the CPU's batch, which is flushed when
 * full, when another mm's entry comes, or when the generic code calls any flush. Where the
 * mask is 0 nothing ever queues.
 *
 * A machine may have a lock bit in its entries, which its handlers set for their time: whoever changes entries, here, in zap and
 * in fork, spins on it first (`PageTables.stopped`).
 */

import type { PendingFlush } from '../arch/mmu-data.js';
import { PENDING_QUEUED, PTE_SETS } from '../events/counters.js';
import { tearAt } from '../events/injection.js';
import { SET_PTE } from '../events/ring.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';
import { flushTlbPage, flushTlbPending } from './flush.js';

/**
 * set_pte_at: stores an entry over whatever is there. The pte lock is held. What the format ignores is never stored, and
 * `storeSet` always is.
 */
export function setPteAt(k: Kernel, mm: Mm, vpn: number, at: number, hi: number, lo: number): void {
  const rule = k.arch.pendingFlush;
  if (rule.flushOnOverwrite) {
    const f = k.arch.pteFormat;
    const oldLo = k.memory.words[at + k.tables.loAt] as number;
    const oldHi = k.tables.pteWords === 2 ? (k.memory.words[at + k.tables.hiAt] as number) : 0;
    if (f.isPresent(oldHi, oldLo)) {
      updatePteAt(k, mm, vpn, at, 0, 0);
      flushTlbPending(k, k.cpu);
    }
  }
  storeCounted(k, mm, vpn, at, hi, lo);
}

/** ptep_get_and_clear and set_pte_at under one lock: as set_pte_at, but what was there is only queued. */
export function replacePteAt(k: Kernel, mm: Mm, vpn: number, at: number, hi: number, lo: number): void {
  // One after the other where somebody could see it: a present entry may not become another in two stores.
  if (k.inject.tear !== null && k.arch.pteFormat.splitStore) updatePteAt(k, mm, vpn, at, 0, 0);
  storeCounted(k, mm, vpn, at, hi, lo);
}

/** Without what the format ignores, with what every store sets. */
function storeCounted(k: Kernel, mm: Mm, vpn: number, at: number, hi: number, lo: number): void {
  const f = k.arch.pteFormat;
  updatePteAt(k, mm, vpn, at, (hi & f.countHi) | f.storeSetHi, (lo & f.countLo) | f.storeSetLo);
}

/**
 * ptep_get_and_clear (hi and lo 0), ptep_test_and_clear_dirty and their like: an entry changed in place, its ignored bits
 * and all, and told to the pending rule.
 * @param huge the entry is one pte of a whole huge page.
 */
export function updatePteAt(
  k: Kernel,
  mm: Mm,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  huge: boolean = false,
): void {
  if (k.tables.stopped !== null) k.tables.stopped.letGo();
  const words = k.memory.words;
  const { loAt, hiAt, pteWords } = k.tables;
  const oldLo = words[at + loAt] as number;
  const oldHi = pteWords === 2 ? (words[at + hiAt] as number) : 0;
  storeEntry(k, at, hi, lo);
  if (k.watchesEntries) {
    // The entry of a huge page lies in an upper table, which is never mapped.
    if (!huge) k.pteMaps?.stored(at);
    k.ledger?.changed(mm, vpn, oldHi, oldLo, hi, lo, huge);
  }
  const rule = k.arch.pendingFlush;
  if (((oldLo & rule.queueLo) | (oldHi & rule.queueHi)) !== 0) queueOld(k, rule, mm, vpn, oldHi, oldLo, huge);
  k.counters.values[PTE_SETS] = (k.counters.values[PTE_SETS] as number) + 1;
  if (k.events.on) k.events.emit(SET_PTE, vpn, hi, lo);
}

/**
 * ptep_set_access_flags with its flush: stores an entry that gives more rights than the one there. A machine that only
 * or-s bits in (`accessFlags`) tells nobody: whoever cached the weaker entry asks again.
 */
export function setAccessFlagsAt(k: Kernel, mm: Mm, vpn: number, at: number, hi: number, lo: number): void {
  const f = k.arch.pteFormat;
  if ((f.accessFlagsLo | f.accessFlagsHi) === 0) {
    setPteAt(k, mm, vpn, at, hi, lo);
    flushTlbPage(k, mm, vpn);
    return;
  }
  if (k.tables.stopped !== null) k.tables.stopped.letGo();
  const words = k.memory.words;
  const { loAt, hiAt, pteWords } = k.tables;
  const newLo = (words[at + loAt] as number) | (lo & f.accessFlagsLo);
  const newHi = pteWords === 2 ? (words[at + hiAt] as number) | (hi & f.accessFlagsHi) : 0;
  storeEntry(k, at, newHi, newLo);
  k.counters.values[PTE_SETS] = (k.counters.values[PTE_SETS] as number) + 1;
  if (k.events.on) k.events.emit(SET_PTE, vpn, newHi, newLo);
}

/**
 * Stores an entry. On a machine with split stores, where somebody looks (`inject.tear`), as the port does: a present entry
 * in the place of a present one in one store (set_pte_atomic, or of the low half alone); else the high half first (set_pte);
 * and of an entry that goes the low half first (ptep_get_and_clear), which holds the present bit. Between two stores other
 * CPUs see half of each.
 */
export function storeEntry(k: Kernel, at: number, hi: number, lo: number): void {
  const words = k.memory.words;
  const { loAt, hiAt, pteWords } = k.tables;
  if (pteWords === 1) {
    words[at] = lo;
    return;
  }
  const f = k.arch.pteFormat;
  if (k.inject.tear !== null && f.splitStore) {
    const both = f.isPresent(hi, lo) && f.isPresent(words[at + hiAt] as number, words[at + loAt] as number);
    if (!both) {
      storeHalves(k, at, hi, lo, (lo | hi) === 0);
      return;
    }
  }
  words[at + hiAt] = hi;
  words[at + loAt] = lo;
}

/**
 * pte_clear. The port's defect: it stores a zero entry as set_pte does, high half first, so that for a moment a present entry
 * gives the frame of its low half alone. Mended it clears the low half first.
 */
export function clearPte(k: Kernel, at: number): void {
  if (k.inject.tear !== null && k.arch.pteFormat.splitStore) storeHalves(k, at, 0, 0, !k.defectsKept);
  else storeEntry(k, at, 0, 0);
}

/** Two stores with the tear point between them. */
function storeHalves(k: Kernel, at: number, hi: number, lo: number, lowFirst: boolean): void {
  const words = k.memory.words;
  const { loAt, hiAt } = k.tables;
  words[lowFirst ? at + loAt : at + hiAt] = lowFirst ? lo : hi;
  tearAt(k, at);
  words[lowFirst ? at + hiAt : at + loAt] = lowFirst ? hi : lo;
}

/** Adds an old entry to the running CPU's batch, which holds one mm and one page size. */
export function queueOld(
  k: Kernel,
  rule: PendingFlush,
  mm: Mm,
  vpn: number,
  oldHi: number,
  oldLo: number,
  huge: boolean = false,
): void {
  const cpu = k.cpu;
  if (rule.tells) k.mmu.entryQueued(mm, vpn, oldHi, oldLo);
  if (rule.skipWhenFullmm && cpu.fullmmGather) return;
  const batch = cpu.batch;
  if (batch.nr > 0 && (batch.mm !== mm || batch.huge !== huge)) flushTlbPending(k, cpu);
  batch.mm = mm;
  batch.huge = huge;
  batch.vpn[batch.nr] = vpn;
  batch.oldLo[batch.nr] = oldLo;
  batch.oldHi[batch.nr] = oldHi;
  batch.nr++;
  k.counters.values[PENDING_QUEUED] = (k.counters.values[PENDING_QUEUED] as number) + 1;
  if (batch.nr >= rule.capacity) flushTlbPending(k, cpu);
}
