/**
 * The page-fault entry common to all machines (generic-mm 4.1): which area, may it grow, does it allow the access; then
 * the generic handler. What differs by machine is data (FaultRules).
 */

import { type AccessKind, FAULT_ABSENT, FAULT_REFUSED, FAULT_RIGHTS, LOAD, STORE } from '../arch/access.js';
import { BIT_FAULTS, EXEC_FAULTS, MAJOR_FAULTS, MINOR_FAULTS, SIGNALS } from '../events/counters.js';
import { FAULT, SIGNAL } from '../events/ring.js';
import type { Kernel } from '../kernel.js';
import { runToEnd } from '../smp/driver.js';
import type { Op } from '../smp/lock.js';
import { VM_GROWSDOWN, VM_GROWSUP, VM_WRITE } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import { expandStack, expandUpwards } from '../vma/stack.js';
import { holeEndAt } from '../vma/unmapped-area.js';
import type { Vma } from '../vma/vma.js';
import { VM_FAULT_BITS, VM_FAULT_MAJOR, VM_FAULT_MASK, VM_FAULT_MINOR, VM_FAULT_OOM, VM_FAULT_WRITE } from './codes.js';
import { handleMmFault } from './handle.js';

/** How a fault ended. Positive: the access can be tried again. */
export const FAULT_MINOR = 1;
export const FAULT_MAJOR = 2;
/** Resolved by setting accessed or dirty only. */
export const FAULT_BITS = 3;
export const SEGV_MAPERR = -1;
export const SEGV_ACCERR = -2;
export const BUS_ADRERR = -3;
export const FAULT_OOM = -4;

/** What a process counts of its faults. */
export interface FaultCounts {
  minFlt: number;
  majFlt: number;
  /** Where its stack pointer is, if anybody said so: a stack does not grow far below it on machines that look. */
  readonly stackPointer?: bigint | null;
  /** Offset in its page of the access under way. */
  readonly accessOffset?: number;
  /** The access under way is speculative: it takes no signal. */
  readonly speculates?: boolean;
  /** Of minFlt: those that only set accessed or dirty, which machines with hardware bits never take. */
  bitFlt: number;
}

/**
 * Handles a fault of user mode at page `vpn`.
 * @param code FAULT_ABSENT, FAULT_RIGHTS, FAULT_BUS or FAULT_REFUSED, what the MMU answered.
 */
export function* doPageFault(
  k: Kernel,
  mm: Mm,
  task: FaultCounts,
  kind: AccessKind,
  vpn: number,
  code: number,
): Op<number> {
  if (!mm.mmapSem.tryRead()) yield* mm.mmapSem.waitRead();
  const begun = beginFault(k, mm, task, kind, vpn, code);
  const result = typeof begun === 'number' ? begun : settle(k, task, kind, vpn, yield* begun);
  mm.mmapSem.upRead();
  return result;
}

/** `doPageFault` run to its end on its own, for the CPU's own access: one generator less while nobody holds mmap_sem. */
export function takePageFault(
  k: Kernel,
  mm: Mm,
  task: FaultCounts,
  kind: AccessKind,
  vpn: number,
  code: number,
): number {
  if (!mm.mmapSem.tryRead()) return runToEnd(doPageFault(k, mm, task, kind, vpn, code));
  const begun = beginFault(k, mm, task, kind, vpn, code);
  const result = typeof begun === 'number' ? begun : settle(k, task, kind, vpn, runToEnd(begun));
  mm.mmapSem.upRead();
  return result;
}

/** With mmap_sem held: the operation that resolves the fault, or the signal that it is. */
function beginFault(
  k: Kernel,
  mm: Mm,
  task: FaultCounts,
  kind: AccessKind,
  vpn: number,
  code: number,
): Op<number> | number {
  if (k.own.beforeGenericFault) k.mmu.beforeGenericFault(k.cpu, kind, vpn, code);
  const found = mm.vmas.find(vpn);
  const vma = found !== null && found.start > vpn ? grown(k, found, task, kind, vpn) : found;
  const refused = vma === null ? SEGV_MAPERR : refusalOf(k, vma, kind, code);
  if (vma === null || refused !== 0) return signal(k, task, vpn, refused);
  return handleMmFault(k, vma, vpn, kind === STORE && (vma.flags & VM_WRITE) !== 0);
}

/** Why the area does not allow the access, 0 when it does. */
function refusalOf(k: Kernel, vma: Vma, kind: AccessKind, code: number): number {
  const rules = k.arch.faults;
  const needed = kind === STORE ? rules.store : kind === LOAD ? rules.load : rules.exec;
  if ((vma.flags & needed) === 0) {
    const isHidden = rules.missHidesStore === true && kind === STORE && code === FAULT_ABSENT;
    return isHidden && (vma.flags & rules.load) !== 0 ? 0 : SEGV_ACCERR;
  }
  return code === FAULT_ABSENT ? 0 : refusedByMmu(k, kind, code);
}

/**
 * The area below which page `vpn` lies is a stack and now reaches down to it, or the one that ends at the very address
 * grows upward and now has the page: a register stack is written word by word. Else null.
 */
function grown(k: Kernel, above: Vma, task: FaultCounts, kind: AccessKind, vpn: number): Vma | null {
  const below = above.prev;
  if (below === null || (below.flags & VM_GROWSUP) === 0 || below.end !== vpn || (task.accessOffset ?? 0) !== 0)
    return growsTo(k, above, task, kind, vpn) ? above : null;
  return expandUpwards(k, below, vpn + 1) >= 0 ? below : null;
}

/** Whether the area is a stack that now begins at page `vpn`. */
function growsTo(k: Kernel, vma: Vma, task: FaultCounts, kind: AccessKind, vpn: number): boolean {
  if ((vma.flags & VM_GROWSDOWN) === 0) return false;
  if (task.speculates === true && k.arch.faults.noFaultLoads) return false;
  const { stackPointer = null, accessOffset = 0 } = task;
  const { stackSlack, stackFree, storesMoveStack } = k.arch.faults;
  if (stackPointer !== null && stackSlack >= 0 && !(storesMoveStack && kind === STORE)) {
    const pageSize = BigInt(k.memory.pageSize);
    const address = BigInt(vpn) * pageSize + BigInt(accessOffset);
    const isFree = address + BigInt(stackFree) >= BigInt(vma.end) * pageSize;
    if (!isFree && address + BigInt(stackSlack) < stackPointer) return false;
  }
  return expandStack(k, vma, vpn) >= 0;
}

/** The entry is there: FAULT_RIGHTS of a read is final where a machine's handler says so, FAULT_BUS and FAULT_REFUSED always. */
function refusedByMmu(k: Kernel, kind: AccessKind, code: number): number {
  if (code !== FAULT_RIGHTS) return code === FAULT_REFUSED ? SEGV_ACCERR : BUS_ADRERR;
  return kind !== STORE && k.arch.faults.presentReadIsFatal ? SEGV_ACCERR : 0;
}

/** Counts what the generic handler answered and says how the fault ended. */
function settle(k: Kernel, task: FaultCounts, kind: AccessKind, vpn: number, result: number): number {
  const values = k.counters.values;
  const outcome = result & VM_FAULT_MASK;
  if (k.events.on) k.events.emit(FAULT, vpn, kind, result);
  if (outcome === VM_FAULT_MINOR) {
    task.minFlt++;
    values[MINOR_FAULTS] = (values[MINOR_FAULTS] as number) + 1;
    if ((result & VM_FAULT_BITS) !== 0) {
      task.bitFlt++;
      values[BIT_FAULTS] = (values[BIT_FAULTS] as number) + 1;
      return FAULT_BITS;
    }
    if ((result & VM_FAULT_WRITE) === 0) values[EXEC_FAULTS + kind] = (values[EXEC_FAULTS + kind] as number) + 1;
    return FAULT_MINOR;
  }
  if (outcome === VM_FAULT_MAJOR) {
    task.majFlt++;
    values[MAJOR_FAULTS] = (values[MAJOR_FAULTS] as number) + 1;
    if ((result & VM_FAULT_WRITE) === 0) values[EXEC_FAULTS + kind] = (values[EXEC_FAULTS + kind] as number) + 1;
    return FAULT_MAJOR;
  }
  return outcome === VM_FAULT_OOM ? FAULT_OOM : signal(k, task, vpn, BUS_ADRERR);
}

/** Sends a signal, unless the access defers it. */
function signal(k: Kernel, task: FaultCounts, vpn: number, which: number): number {
  if (task.speculates === true && !(k.arch.faults.noFaultLoads && hurtsNoFault(k, vpn, which))) return which;
  k.counters.values[SIGNALS] = (k.counters.values[SIGNALS] as number) + 1;
  if (k.events.on) k.events.emit(SIGNAL, vpn, which);
  return which;
}

/** Whether a no-fault load takes this signal all the same. */
export function hurtsNoFault(k: Kernel, vpn: number, which: number): boolean {
  return which === BUS_ADRERR || which === FAULT_OOM || holeEndAt(k.arch.layout, vpn, 1) >= 0;
}
