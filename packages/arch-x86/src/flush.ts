/**
 * Flushes (asm-i386/tlbflush.h, arch/i386/kernel/smp.c, arch/x86_64/kernel/smp.c).
 *
 * One page: INVLPG. A range or the whole mm: CR3 is loaded anew. With several CPUs, the one that flushes does so if it has the
 * mm loaded, and interrupts the others of the mm's cpu_vm_mask; each of them, this one too, leaves the mm if it is lazy.
 * The kernel's own pages, which are global: CR4.PGE is turned off and on again, everywhere, whatever the range.
 * flush_tlb_pgtables does nothing: a CR3 load covers the upper levels too.
 */
import { type Cpu, callFunction, type IpiCause, type IpiHandler, type Mm, type MmuHost } from '@fourfold/core/arch';
import { countPurge, leaveMm, loadCr3, registersOf, reloadCr3 } from './context.js';

export class X86Flush {
  /** Flushes sent to others, by the slot that carried them. */
  readonly sent: Float64Array;
  private readonly host: MmuHost;
  /** Slots that the flushes under way have dropped. */
  private dropped = 0;

  /** @param slots flushes of others that can be under way at once: each sender has one slot, by its number modulo this */
  constructor(host: MmuHost, slots: number) {
    this.host = host;
    this.sent = new Float64Array(slots);
  }

  /** flush_tlb_page. Answers how many slots went, on all CPUs. */
  page(mm: Mm, vpn: number): number {
    const { cpu } = this.host;
    // Of the calls this is the frequent one, and nearly always for the mm that runs here alone.
    let dropped = 0;
    if (cpu.mm === mm) dropped = registersOf(cpu).lazy ? leaveMm(cpu, mm, this.host) : invlpg(cpu, vpn, this.host);
    if ((mm.cpuVmMask & ~(1 << cpu.id)) === 0) return dropped;
    this.dropped = dropped;
    this.others(mm, 'ipiFlushPage', this.onPage, vpn);
    return this.dropped;
  }

  /** flush_tlb_mm, and flush_tlb_range, which ignores its range. */
  mm(mm: Mm): number {
    const { cpu } = this.host;
    this.dropped = 0;
    if (cpu.mm === mm) this.onMm(cpu, mm);
    if ((mm.cpuVmMask & ~(1 << cpu.id)) !== 0) this.others(mm, 'ipiFlushMm', this.onMm, 0);
    return this.dropped;
  }

  /** flush_tlb_all, and flush_tlb_kernel_range, which ignores its range. */
  all(): number {
    const { host } = this;
    this.dropped = 0;
    this.onAll(host.cpu);
    if (host.initMm !== null) callFunction(host, -1, 'ipiFlushAll', this.onAll, host.initMm);
    return this.dropped;
  }

  /** flush_tlb_others: not called for nobody. */
  private others(mm: Mm, cause: IpiCause, handler: IpiHandler, vpn: number): void {
    const { host } = this;
    const { id } = host.cpu;
    const mask = mm.cpuVmMask & ~(1 << id);
    const slot = id % this.sent.length;
    this.sent[slot] = (this.sent[slot] as number) + 1;
    callFunction(host, mask, cause, handler, mm, vpn);
  }

  /** smp_invalidate_interrupt for a page; a CPU that has another mm loaded by now has nothing to do. */
  private readonly onPage = (cpu: Cpu, mm: Mm, vpn: number): void => {
    if (cpu.mm !== mm) return;
    this.dropped += registersOf(cpu).lazy ? leaveMm(cpu, mm, this.host) : invlpg(cpu, vpn, this.host);
  };

  /** smp_invalidate_interrupt with FLUSH_ALL. */
  private readonly onMm = (cpu: Cpu, mm: Mm): void => {
    if (cpu.mm !== mm) return;
    this.dropped += registersOf(cpu).lazy ? leaveMm(cpu, mm, this.host) : loadCr3(cpu, mm, this.host);
  };

  /** do_flush_tlb_all. */
  private readonly onAll = (cpu: Cpu): void => {
    this.dropped += togglePge(cpu, this.host);
    if (registersOf(cpu).lazy && cpu.mm !== null) this.dropped += leaveMm(cpu, cpu.mm, this.host);
  };
}

/** __flush_tlb_all: with CR4.PGE off a CR3 load drops the global translations too. */
export function togglePge(cpu: Cpu, host: MmuHost): number {
  const registers = registersOf(cpu);
  registers.pgeToggles++;
  const dropped = cpu.tlb.dropAll(false);
  reloadCr3(cpu, host);
  return dropped;
}

/** INVLPG: drops the translation of a page on one CPU, global or not, and whatever its size, and where its pte table is. */
export function invlpg(cpu: Cpu, vpn: number, host: MmuHost): number {
  const registers = registersOf(cpu);
  registers.invlpgs++;
  countPurge(host);
  registers.directory.dropPage(vpn);
  return dropTranslation(cpu, vpn);
}

/** Drops the translation of a page on one CPU, as a walk that replaces it does. */
export function dropTranslation(cpu: Cpu, vpn: number): number {
  return cpu.tlb.dropPage((vpn / 4294967296) | 0, vpn | 0, 0);
}
