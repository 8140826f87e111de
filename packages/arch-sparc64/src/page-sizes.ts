/**
 * The page sizes in the context register of cheetah_plus (UltraSPARC III+ and IV): each of its two large banks of the data TLB
 * takes pages of one size, which the context says that runs. The kernel gives a program that maps huge pages the base size in one
 * bank and the huge size in the other (arch/sparc64/mm/hugetlbpage.c: hugetlb_prefault_arch_hook), and none any other.
 *
 * A child of fork begins without: its context is a new one, and it has made no mapping of its own.
 */
import { type Cpu, callFunction, type Mm, type MmuHost, PURGES } from '@fourfold/core/arch';
import { type ContextAllocator, withPageSizes } from './context.js';

/** Codes of page size 0, the base page, and of page size 1, the huge page: 0 8K, 1 64K, 2 512K, 3 4M. */
export interface PageSizes {
  readonly base: number;
  readonly huge: number;
}

/** What the context register of each CPU holds, and the hook that changes it. */
export class ContextPageSizes {
  private readonly host: MmuHost;
  private readonly contexts: ContextAllocator;
  private readonly sizes: PageSizes;
  /** SECONDARY_CONTEXT by CPU: context number and page sizes. */
  private readonly register: Float64Array;
  /** Translations that the flush under way dropped. */
  private purged = 0;

  constructor(host: MmuHost, contexts: ContextAllocator, sizes: PageSizes) {
    this.host = host;
    this.contexts = contexts;
    this.sizes = sizes;
    this.register = new Float64Array(host.cpus.length);
  }

  /** load_secondary_context. */
  load(cpu: Cpu, mm: Mm): void {
    this.register[cpu.id] = this.contexts.hardwareOf(mm.context);
  }

  /** What a CPU's register holds. */
  registerOf(cpu: Cpu): number {
    return this.register[cpu.id] as number;
  }

  /**
   * The hook: a context whose page sizes change is flushed as long as the register says the old ones, then all CPUs load the new.
   * @returns how many translations went, -1 when the sizes are as they were
   */
  set(mm: Mm): number {
    const value = withPageSizes(mm.context, this.sizes.base, this.sizes.huge);
    if (value === mm.context) return -1;
    const purged = this.flushMm(mm);
    mm.context = value;
    const { host } = this;
    callFunction(host, -1, 'ipiCall', this.reload, mm);
    this.reload(host.cpu, mm);
    return purged;
  }

  /** smp_flush_tlb_mm: with one user the other CPUs leave the mask, whoever runs; else all of it demap the context. */
  private flushMm(mm: Mm): number {
    const { host } = this;
    this.purged = 0;
    if (!this.contexts.isValid(mm.context)) return 0;
    if (mm.users === 1) mm.cpuVmMask = 1 << host.cpu.id;
    callFunction(host, mm.cpuVmMask, 'ipiFlushMm', this.demapContext, mm);
    this.demapContext(host.cpu, mm);
    return this.purged;
  }

  /** __flush_tlb_mm. */
  private readonly demapContext = ({ tlb }: Cpu, mm: Mm): void => {
    const { values } = this.host.counters;
    values[PURGES] = (values[PURGES] as number) + 1;
    this.purged += tlb.dropContext(this.contexts.numberOf(mm.context));
  };

  /** context_reload. */
  private readonly reload = (cpu: Cpu, mm: Mm): void => {
    if (cpu.mm === mm && cpu.task !== null) this.load(cpu, mm);
  };
}
