/**
 * Every load, store and fetch of user mode goes through here: the CPU's TLB, the machine's miss handler, the page-fault
 * handler, and again until the access succeeds or is a signal.
 */
import { type AccessKind, EXEC, FAULT_RETRY } from '../arch/access.js';
import { KernelBug } from '../errors.js';
import {
  TLB_DATA_LOOKUPS,
  TLB_DATA_MISSES,
  TLB_DATA_MISSES_2,
  TLB_EXEC_LOOKUPS,
  TLB_EXEC_MISSES,
  TLB_EXEC_MISSES_2,
} from '../events/counters.js';
import { doPageFault, type FaultCounts } from '../fault/page-fault.js';
import type { Kernel } from '../kernel.js';
import { checkHit } from '../ledger/hits.js';
import type { Cpu } from '../smp/cpu.js';
import type { Op } from '../smp/lock.js';
import type { Tlb } from '../tlb/tlb.js';
import type { Mm } from '../vma/mm.js';

/** An instruction that faults this often without getting on is a defect of ours. */
const MAX_ROUNDS = 16;

/**
 * One try of one access: the TLB, then the machine. Atomic.
 * @returns the first-level TLB slot that translates it, or one of the FAULT_ answers of `Mmu.miss`.
 */
export function translate(k: Kernel, cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
  const { values } = k.counters;
  if (kind === EXEC) values[TLB_EXEC_LOOKUPS] = (values[TLB_EXEC_LOOKUPS] as number) + 1;
  else values[TLB_DATA_LOOKUPS] = (values[TLB_DATA_LOOKUPS] as number) + 1;
  return lookUp(k, cpu, kind, vpnHi, vpnLo);
}

/** `translate` for a caller that counts the look-up itself. */
export function lookUp(k: Kernel, cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
  return answer(k, cpu, kind, vpnHi, vpnLo, cpu.tlb.find(kind, vpnHi, vpnLo, cpu.context));
}

/** The same for a caller that has followed the chain of the first level's bucket to its end: the page is not in it. */
export function lookUpBehind(k: Kernel, cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
  return answer(k, cpu, kind, vpnHi, vpnLo, cpu.tlb.findBehind(kind, vpnHi, vpnLo, cpu.context));
}

/** What comes of a look-up that found `slot`, or nothing. */
function answer(k: Kernel, cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number, slot: number): number {
  if (slot < 0) {
    const { values } = k.counters;
    // A branch each: with indices that are computed a miss cost 2 ns more.
    if (kind === EXEC) {
      values[TLB_EXEC_MISSES] = (values[TLB_EXEC_MISSES] as number) + 1;
      values[TLB_EXEC_MISSES_2] = (values[TLB_EXEC_MISSES_2] as number) + 1;
    } else {
      values[TLB_DATA_MISSES] = (values[TLB_DATA_MISSES] as number) + 1;
      values[TLB_DATA_MISSES_2] = (values[TLB_DATA_MISSES_2] as number) + 1;
    }
    return k.mmu.miss(cpu, kind, vpnHi, vpnLo);
  }
  const { tlb } = cpu;
  if (tlb.secondLevelHit === 1) countRefill(k, kind);
  if (((tlb.rightsOf(slot) >> kind) & 1) === 1) {
    if (k.watchesHits) checkHit(k, cpu, slot);
    return slot;
  }
  return k.mmu.denied(cpu, kind, slot, vpnHi, vpnLo);
}

/** A first-level miss that a later level answered. */
function countRefill(k: Kernel, kind: AccessKind): void {
  const at = kind === EXEC ? TLB_EXEC_MISSES : TLB_DATA_MISSES;
  k.counters.values[at] = (k.counters.values[at] as number) + 1;
}

/** The page of the mem_map that a slot found for a page number of the TLB translates it to. */
export function frameAt(k: Kernel, tlb: Tlb, slot: number, vpnLo: number): number {
  const span = tlb.spanOf(slot);
  const frame = tlb.frameOf(slot);
  return span === 0 ? frame : frame + ((vpnLo & ((1 << span) - 1)) >>> k.arch.tlbSubShift);
}

/**
 * Translates with faults: an operation of the process that makes the access.
 * @returns a TLB slot, or what doPageFault answers for a signal (negative).
 */
export function* touch(
  k: Kernel,
  cpu: Cpu,
  mm: Mm,
  task: FaultCounts,
  kind: AccessKind,
  vpnHi: number,
  vpnLo: number,
): Op<number> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const slot = translate(k, cpu, kind, vpnHi, vpnLo);
    if (slot >= 0) return slot;
    if (slot === FAULT_RETRY) {
      yield* k.mmu.retry(cpu);
      continue;
    }
    const vpn = k.arch.basePage(vpnHi, vpnLo);
    const outcome = yield* doPageFault(k, mm, task, kind, vpn, slot);
    if (outcome < 0) return outcome;
  }
  throw new KernelBug(`access of kind ${kind} to page ${vpnHi >>> 0}:${vpnLo >>> 0} makes no progress`);
}
