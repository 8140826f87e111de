/**
 * Which mm a CPU has loaded (kernel/sched.c: context_switch; kernel/fork.c: mmdrop). A CPU on which no process runs any more
 * goes on with a kernel thread and keeps the mm it had, borrowed: lazy TLB. An mm whose last task is gone keeps its root table and
 * its context while some CPU borrows it.
 */
import { CONTEXT_SWITCHES } from '../events/counters.js';
import { LAZY_TLB, SWITCH_MM } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { freeRoot } from '../pgtable/alloc.js';
import { flushTlbPending } from '../pgtable/flush.js';
import type { Mm } from '../vma/mm.js';
import type { Cpu } from './cpu.js';

/** A task runs on a CPU from now on: context_switch to a task with an mm. Nothing when it runs there already. */
export function switchTo(k: Kernel, cpu: Cpu, task: object, mm: Mm): void {
  if (cpu.task === task) return;
  const prev = cpu.mm;
  if (prev !== mm) {
    k.counters.values[CONTEXT_SWITCHES] = (k.counters.values[CONTEXT_SWITCHES] as number) + 1;
    if (k.events.on) k.events.emit(SWITCH_MM, cpu.id, prev === null ? -1 : prev.id, mm.id);
  }
  if (k.ledger !== null) k.ledger.switching();
  k.mmu.switchMm(cpu, prev, mm);
  cpu.mm = mm;
  cpu.task = task;
  if (k.ledger !== null) k.ledger.loaded(cpu, mm);
  if (prev !== null && prev !== mm) giveBack(k, prev);
}

/** A kernel thread runs on a CPU from now on: the batch is sent, the mm stays loaded. Nothing when one runs there already. */
export function switchToKernel(k: Kernel, cpu: Cpu): void {
  if (cpu.task === null) return;
  cpu.task = null;
  if (cpu.batch.nr !== 0) flushTlbPending(k, cpu);
  const { mm } = cpu;
  if (mm === null) return;
  if (k.events.on) k.events.emit(LAZY_TLB, cpu.id, mm.id);
  k.mmu.enterLazyTlb(cpu, mm);
}

/**
 * mmput of the last user, after exit_mmap: mmdrop now, or when the last CPU that borrows the mm loads another. The CPU on
 * which the task ended turns to something else at once.
 */
export function mmdropLast(k: Kernel, mm: Mm): void {
  for (const cpu of k.cpus) {
    if (cpu.mm !== mm) continue;
    if (cpu === k.cpu) cpu.mm = null;
    else mm.borrowers++;
  }
  if (mm.borrowers === 0) mmdrop(k, mm);
}

/** A CPU that had an mm loaded has loaded another. */
function giveBack(k: Kernel, mm: Mm): void {
  if (mm.users > 0) return;
  mm.borrowers--;
  if (mm.borrowers === 0) mmdrop(k, mm);
}

/** __mmdrop: the context and the root table go. */
function mmdrop(k: Kernel, mm: Mm): void {
  k.mmu.destroyContext(mm);
  freeRoot(k, mm);
  k.mms.delete(mm);
  k.ledger?.gone(mm);
}
