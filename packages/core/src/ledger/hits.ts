/**
 * Each TLB hit against the live tables. Stale is a hit that gives a frame or a right which the tables do not give, while no
 * flush of it is pending.
 */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Cpu } from '../smp/cpu.js';
import { TLB_ABSENT, TLB_GLOBAL } from '../tlb/record.js';

/** What is wrong with a slot that could be hit now, in one sentence; null when nothing is. */
export function staleSlot(k: Kernel, cpu: Cpu, slot: number): string | null {
  const { tlb } = cpu;
  if ((tlb.attrsOf(slot) & (TLB_GLOBAL | TLB_ABSENT)) !== 0) return null;
  const mm = k.mmu.mmOfSlot(cpu, slot);
  if (mm === null || mm.users === 0) return null; // of an address space that ended nobody uses anything
  const page = tlb.pageOf(slot);
  const vpn = Math.floor(page / k.arch.tlbSubPages);
  const truth = k.mmu.truth(mm, cpu, slot);
  const rights = tlb.rightsOf(slot);
  let what: string;
  if (truth.frame < 0) what = 'the tables have none';
  else if (truth.frame !== tlb.frameOf(slot)) what = `frame of page ${tlb.frameOf(slot)}, tables say ${truth.frame}`;
  else if ((rights & ~truth.rights) !== 0) what = `rights ${rights}, tables give ${truth.rights}`;
  else return null;
  if (isPending(k, cpu, mm, slot, vpn)) return null;
  return `CPU ${cpu.id}: stale translation of page ${vpn} of mm ${mm.id}: ${what}`;
}

/** @throws KernelBug for a hit that is stale */
export function checkHit(k: Kernel, cpu: Cpu, slot: number): void {
  const stale = staleSlot(k, cpu, slot);
  if (stale !== null) throw new KernelBug(`hit of a ${stale}`);
}

/** Whether the flush of a slot waits in the CPU's batch, or the ledger knows who has yet to make it. */
function isPending(k: Kernel, cpu: Cpu, mm: object, slot: number, vpn: number): boolean {
  const { batch, tlb } = cpu;
  if (batch.mm === mm) for (let i = 0; i < batch.nr; i++) if (batch.vpn[i] === vpn) return true;
  return k.ledger?.isPending(cpu, tlb.contextOf(slot), tlb.pageOf(slot)) === true;
}
