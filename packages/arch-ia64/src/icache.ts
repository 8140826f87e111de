/**
 * The instruction cache, which does not see stores: a page is made coherent when an entry that may execute is stored for it, once,
 * and PG_arch_1 remembers it (arch/ia64/mm/init.c: lazy_mmu_prot_update; asm-ia64/cacheflush.h: flush_dcache_page). The cache's bytes
 * are not simulated; which page is flushed when is.
 */
import { type MmuHost, PG_ARCH_1 } from '@fourfold/core/arch';

export class InstructionCache {
  /** flush_icache_range of a page, or of what a debugger wrote into one. */
  flushes = 0;
  private readonly host: MmuHost;

  constructor(host: MmuHost) {
    this.host = host;
  }

  /** lazy_mmu_prot_update: an entry was stored. */
  stored(hi: number, lo: number): void {
    const { arch, memory, map } = this.host;
    const f = arch.pteFormat;
    if (!f.exec.allows(hi, lo)) return;
    const page = memory.pfnToPage(f.frame(hi, lo));
    const { flags } = map;
    if (page < 0 || ((flags[page] as number) & PG_ARCH_1) !== 0) return;
    this.flushes++;
    flags[page] = (flags[page] as number) | PG_ARCH_1;
  }

  /** flush_dcache_page: somebody wrote the page, so it is not coherent any more. */
  written(page: number): void {
    const { flags } = this.host.map;
    flags[page] = (flags[page] as number) & ~PG_ARCH_1;
  }
}
