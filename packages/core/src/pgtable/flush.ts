/** The flush calls of the generic code: the event for whoever listens, then the machine's own way. */
import { EV_FLUSH_KERNEL_RANGE } from '../events/kinds.js';
import { EV_FLUSH_MM, EV_FLUSH_PAGE, EV_FLUSH_PENDING, EV_FLUSH_RANGE, EV_FLUSH_TABLES } from '../events/ring.js';
import type { Kernel } from '../kernel.js';
import type { Cpu } from '../smp/cpu.js';
import type { Mm } from '../vma/mm.js';

/** flush_tlb_page. */
export function flushTlbPage(k: Kernel, mm: Mm, vpn: number): void {
  if (k.events.on) k.events.emit(EV_FLUSH_PAGE, mm.id, vpn);
  k.mmu.flushPage(mm, vpn);
  if (k.ledger !== null) k.ledger.called('flush_tlb_page', mm, vpn, vpn + 1);
}

/** flush_tlb_range over page numbers [start, end). */
export function flushTlbRange(k: Kernel, mm: Mm, start: number, end: number): void {
  if (k.events.on) k.events.emit(EV_FLUSH_RANGE, mm.id, start, end);
  k.mmu.flushRange(mm, start, end);
  if (k.ledger !== null) k.ledger.called('flush_tlb_range', mm, start, end);
}

/** flush_tlb_mm. */
export function flushTlbMm(k: Kernel, mm: Mm): void {
  if (k.events.on) k.events.emit(EV_FLUSH_MM, mm.id);
  k.mmu.flushMm(mm);
  if (k.ledger !== null) k.ledger.called('flush_tlb_mm', mm);
}

/** flush_tlb_pgtables: pte tables of pages [start, end) were freed. */
export function flushTlbTables(k: Kernel, mm: Mm, start: number, end: number): void {
  if (k.events.on) k.events.emit(EV_FLUSH_TABLES, mm.id, start, end);
  k.mmu.flushTables(mm, start, end);
  if (k.ledger !== null) k.ledger.called('flush_tlb_pgtables', mm, start, end);
}

/** flush_tlb_kernel_range over pages [start, end) of init_mm. */
export function flushTlbKernelRange(k: Kernel, initMm: Mm, start: number, end: number): void {
  if (k.events.on) k.events.emit(EV_FLUSH_KERNEL_RANGE, start, end);
  k.mmu.flushKernelRange(start, end);
  if (k.ledger !== null) k.ledger.called('flush_tlb_kernel_range', initMm, start, end);
}

/** flush_tlb_pending: sends a CPU's batch. */
export function flushTlbPending(k: Kernel, cpu: Cpu): void {
  if (k.events.on) k.events.emit(EV_FLUSH_PENDING, cpu.id, cpu.batch.nr);
  k.mmu.flushPending(cpu);
}
