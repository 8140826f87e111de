/**
 * Contexts, and the segments of them that a CPU has loaded (asm-powerpc/mmu_context.h; arch/powerpc/mm/mmu_context_64.c,
 * slb.c, slb_low.S). A segment miss is handled in software below the generic code; a switch takes the user segments back.
 */
import {
  CONTEXT_SWITCHES,
  CONTEXTS_ALLOCATED,
  type Cpu,
  type Mm,
  type MmuHost,
  NESTED_FILLS,
} from '@fourfold/core/arch';
import { ContextAllocator, MAX_CONTEXT, MAX_CONTEXT_ERA, userVsid } from './context.js';
import { HugeAreas, hugeAreasOf } from './hugetlb.js';
import { Slb } from './slb.js';

/** What hangs on a CPU: its segments, and what the last storage interrupt was about. */
export class Ppc64Registers {
  readonly slb: Slb = new Slb();
  /** A kernel thread has run since the segments were loaded (64 KiB pages). */
  lostPgdir = false;
  trap = 0;
  /** Page of the TLB that the address is in (DAR, or SRR0 of a fetch). */
  dar = 0;
}

export class Segments {
  readonly contexts: ContextAllocator;
  private readonly counts: Float64Array;
  /** With 64 KiB pages the CPU keeps the pgdir of its segments, and a kernel thread makes it forget. */
  private readonly keepsPgdir: boolean;
  /** TASK_UNMAPPED_BASE of the tasks. */
  private readonly unmappedBase: bigint;
  /** ERAT entries, 0 where there is no TLB behind them. */
  private readonly eratSlots: number;

  constructor({ arch, counters, cpus, defectsKept }: MmuHost) {
    this.counts = counters.values;
    this.contexts = new ContextAllocator(defectsKept ? MAX_CONTEXT_ERA : MAX_CONTEXT);
    this.keepsPgdir = arch.pageSize === 65536;
    this.unmappedBase = BigInt(arch.layout.unmappedBase) * BigInt(arch.pageSize);
    const { units } = arch.tlb;
    this.eratSlots = units.length < 3 ? 0 : units.slice(0, 2).reduce((slots, { sets, ways }) => slots + sets * ways, 0);
    for (const cpu of cpus) cpu.registers = new Ppc64Registers();
  }

  /** init_new_context: the lowest free id, and the parent's areas for huge pages. */
  begin(mm: Mm, parent: Mm | null): void {
    mm.context = this.contexts.allocate(mm);
    mm.archState = new HugeAreas(parent === null ? null : hugeAreasOf(parent));
    this.count(CONTEXTS_ALLOCATED);
  }

  /** destroy_context. The last flush took every HPTE of the mm, so its id can be given again at once. */
  end(mm: Mm): void {
    this.contexts.release(mm.context);
    mm.context = 0;
  }

  /** switch_mm and switch_slb. The CPU never leaves the mask of the mm it had. */
  switchMm(cpu: Cpu, prev: Mm | null, next: Mm): void {
    next.cpuVmMask |= 1 << cpu.id;
    const registers = cpu.registers as Ppc64Registers;
    if (prev === next && cpu.mm === next && !registers.lostPgdir) return;
    registers.lostPgdir = false;
    cpu.mm = next;
    cpu.context = next.context | 0;
    this.count(CONTEXT_SWITCHES);
    registers.trap = 0;
    this.switchSlb(cpu, registers.slb, next);
  }

  /** enter_lazy_tlb: nothing, but with 64 KiB pages the segments are loaded anew afterwards. */
  enterLazyTlb(cpu: Cpu): void {
    (cpu.registers as Ppc64Registers).lostPgdir = this.keepsPgdir;
  }

  /** The segment miss: the slot of the SLB that holds the segment now. */
  missed(slb: Slb, mm: Mm, esid: number): number {
    this.count(NESTED_FILLS);
    return slb.allocate(esid, userVsid(mm.context, esid), hugeAreasOf(mm).hasSegment(esid));
  }

  /** User segments go, and with them the ERATs; three that will be needed are loaded, up to the first that is there already. */
  private switchSlb(cpu: Cpu, slb: Slb, next: Mm): void {
    slb.flushUser();
    for (let slot = 0; slot < this.eratSlots; slot++) cpu.tlb.drop(slot);
    // PC and stack are those the program was started with: a simulated process has no registers.
    const wanted = [next.startCode, next.startStack, this.unmappedBase];
    for (const address of wanted) {
      const esid = Number(address >> 28n);
      if (address >= 2n ** 44n || (slb.slotOf[esid] as number) >= 0) return;
      slb.allocate(esid, userVsid(next.context, esid), hugeAreasOf(next).hasSegment(esid));
    }
  }

  private count(index: number): void {
    this.counts[index] = (this.counts[index] as number) + 1;
  }
}
