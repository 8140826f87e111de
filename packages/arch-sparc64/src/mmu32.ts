/**
 * The MMU of a machine whose tasks are 32-bit ones. They need root entry 0 alone, so the kernel keeps what it says in a register
 * that sun4u has no other use for (the TSB register): the physical address of the pmd table, with which the nested miss handler
 * saves the load of the root (asm-sparc64/mmu_context.h: reload_tlbmiss_state, get_pgd_cache; arch/sparc64/kernel/dtlb_backend.S).
 *
 * A switch loads the register; 0 means that root entry 0 was empty then, and the handler goes by the root until the next switch.
 * exec makes the table first, so that this is so in a program that was forked and has touched nothing yet, and in no other.
 *
 * When the table goes, the register is loaded anew. The kernel leaves it: a table of root entry 0 goes when the program has unmapped
 * all it had, its own code too, and then no instruction of it follows.
 */
import type { Cpu, Mm, MmuHost } from '@fourfold/core/arch';
import { Sparc64Mmu } from './mmu.js';
import type { PageSizes } from './page-sizes.js';

export class Sparc64Mmu32 extends Sparc64Mmu {
  /** By CPU: page of the pmd table that the TSB register names, -1 for 0. */
  private readonly pgdCache: Int32Array;

  constructor(host: MmuHost, pageSizes: PageSizes | null = null) {
    super(host, pageSizes);
    this.pgdCache = new Int32Array(host.cpus.length).fill(-1);
  }

  protected override pmdTable(cpu: Cpu, mm: Mm, offset: number): number {
    const cached = this.pgdCache[cpu.id] as number;
    return cached >= 0 ? cached : super.pmdTable(cpu, mm, offset);
  }

  protected override load(cpu: Cpu, mm: Mm): void {
    super.load(cpu, mm);
    this.pgdCache[cpu.id] = this.pmdTableOf(mm, 0);
  }

  override flushTables(mm: Mm, start: number, end: number): void {
    super.flushTables(mm, start, end);
    for (const cpu of this.host.cpus) if (cpu.mm === mm) this.pgdCache[cpu.id] = this.pmdTableOf(mm, 0);
  }

  /** The register names the table of root entry 0, or none; of an address space that ended nobody uses it. */
  override auditExtra(): readonly string[] {
    const wrong: string[] = [];
    for (const { id, mm } of this.host.cpus) {
      const cached = this.pgdCache[id] as number;
      if (mm === null || mm.users === 0 || cached < 0) continue;
      if (cached !== this.pmdTableOf(mm, 0))
        wrong.push(`CPU ${id}: the TSB register names page ${cached}, root entry 0 another`);
    }
    return wrong;
  }
}
