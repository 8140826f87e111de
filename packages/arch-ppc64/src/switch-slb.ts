/** The segments at a switch of the address space (arch/powerpc/mm/slb.c: switch_slb). */
import type { ArchDescriptor, Cpu, Mm } from '@fourfold/core/arch';
import { userVsid } from './context.js';
import { hugeAreasOf } from './hugetlb.js';
import { TASK_UNMAPPED_BASE_USER64 } from './layout.js';
import type { Slb } from './slb.js';

/** User segments go, and with them the ERATs; three that will be needed are loaded, up to the first that is there already. */
export function switchSlb(arch: ArchDescriptor, cpu: Cpu, slb: Slb, next: Mm): void {
  slb.flushUser();
  for (let slot = 0; slot < eratSlots(arch); slot++) cpu.tlb.drop(slot);
  // PC and stack are those the program was started with: a simulated process has no registers.
  const wanted = [next.startCode, next.startStack, TASK_UNMAPPED_BASE_USER64];
  for (const address of wanted) {
    const esid = Number(address >> 28n);
    if (address >= 2n ** 44n || (slb.slotOf[esid] as number) >= 0) return;
    slb.allocate(esid, userVsid(next.context, esid), hugeAreasOf(next).hasSegment(esid));
  }
}

/** Entries of the first two units, which are the ERATs where there is a TLB behind them. */
function eratSlots({ tlb: { units } }: ArchDescriptor): number {
  if (units.length < 3) return 0;
  return units.slice(0, 2).reduce((slots, { sets, ways }) => slots + sets * ways, 0);
}
