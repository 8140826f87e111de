/**
 * Each TLB hit against the live tables. Stale is a hit that gives a frame or a right which the tables do not give, while no
 * flush of it is pending.
 */
import type { TlbTruth } from '../arch/mmu.js';
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Cpu } from '../smp/cpu.js';
import { KERNEL_RIGHTS_SHIFT, TLB_ABSENT, TLB_GLOBAL } from '../tlb/record.js';

/** What is wrong with a slot that could be hit now, in one sentence; null when nothing is. */
export function staleSlot(k: Kernel, cpu: Cpu, slot: number): string | null {
  const { tlb } = cpu;
  if (tlb.rightsOf(slot) >> KERNEL_RIGHTS_SHIFT !== 0) return staleKernelSlot(k, cpu, slot);
  if ((tlb.attrsOf(slot) & (TLB_GLOBAL | TLB_ABSENT)) !== 0) return null;
  const mm = k.mmu.mmOfSlot(cpu, slot);
  if (mm === null || mm.users === 0) return null; // of an address space that ended nobody uses anything
  const vpn = Math.floor(tlb.pageOf(slot) / k.arch.tlbSubPages);
  const what = difference(tlb.frameOf(slot), tlb.rightsOf(slot), k.mmu.truth(mm, cpu, slot));
  if (what === null || isPending(k, cpu, mm, slot, vpn)) return null;
  return `CPU ${cpu.id}: stale translation of page ${vpn} of mm ${mm.id}: ${what}`;
}

/** The same of a slot that the kernel uses: every CPU could at any time. */
function staleKernelSlot(k: Kernel, cpu: Cpu, slot: number): string | null {
  const { tlb } = cpu;
  const vpn = Math.floor(tlb.pageOf(slot) / k.arch.tlbSubPages);
  const what = difference(tlb.frameOf(slot), tlb.rightsOf(slot), k.mmu.kernel.truth(cpu, slot));
  const { batch } = k.cpu;
  if (what === null || (batch.mm === k.initMm && batch.vpn.subarray(0, batch.nr).includes(vpn))) return null;
  return `CPU ${cpu.id}: stale translation of the kernel's page ${vpn}: flush_tlb_kernel_range is missing: ${what}`;
}

/** What of a translation the tables do not give. */
function difference(frame: number, rights: number, truth: TlbTruth): string | null {
  if (truth.frame < 0) return 'the tables have none';
  if (truth.frame !== frame) return `frame of page ${frame}, tables say ${truth.frame}`;
  return (rights & ~truth.rights) !== 0 ? `rights ${rights}, tables give ${truth.rights}` : null;
}

/** @throws KernelBug for a hit that is stale */
export function checkHit(k: Kernel, cpu: Cpu, slot: number): void {
  const stale = staleSlot(k, cpu, slot);
  if (stale !== null) throw new KernelBug(`hit of a ${stale}`);
}

/** Whether the flush of a slot waits in the CPU's batch, or the ledger knows who has yet to make it. */
function isPending(k: Kernel, cpu: Cpu, mm: object, slot: number, vpn: number): boolean {
  const { batch, tlb } = cpu;
  const pages = 2 ** tlb.spanOf(slot); // of a large translation, that of any page
  const end = vpn + Math.ceil(pages / k.arch.tlbSubPages);
  if (batch.mm === mm)
    for (let i = 0; i < batch.nr; i++)
      if ((batch.vpn[i] as number) >= vpn && (batch.vpn[i] as number) < end) return true;
  const first = tlb.pageOf(slot);
  for (let page = first; page < first + pages; page++)
    if (k.ledger?.isPending(cpu, tlb.contextOf(slot), page) === true) return true;
  return false;
}
