/**
 * The data cache, which is indexed by virtual addresses: 16 KiB, so that a page of 8 KiB lies in one of two places by bit 13 of
 * its address. What the kernel writes through its own map may be somewhere else than where a user looks (arch/sparc64/mm/init.c,
 * kernel/smp.c). The bytes of the cache are not simulated; which flush is sent to whom is.
 *
 * A page of a file that nobody maps is not flushed but marked, PG_arch_1 and the CPU that wrote it; the first fault that maps it
 * sends the flush there.
 */
import {
  type Cpu,
  callFunction,
  MAPPING_NONE,
  MAPPING_UNUSED,
  type Mm,
  type MmuHost,
  PG_ARCH_1,
  PG_RESERVED,
} from '@fourfold/core/arch';
import { dcacheAliases, PAGE_OFFSET } from './layout.js';
import { MODIFIED_LO } from './pte.js';

export class DataCache {
  /** Page flushes done by each CPU. */
  readonly flushes: Float64Array;
  private readonly host: MmuHost;
  /** Aliases are handled where a page is smaller than the cache's way. */
  private readonly aliases: boolean;
  /** CPU that marked a page, by page; meaningful while PG_arch_1 is set. */
  private readonly markedBy: Uint8Array;

  constructor(host: MmuHost) {
    this.host = host;
    this.aliases = host.arch.geometry.pageShift < 14;
    this.flushes = new Float64Array(host.cpus.length);
    this.markedBy = new Uint8Array(this.aliases ? host.map.nrPages : 0);
  }

  /** flush_dcache_page: marks a page of a file that nobody maps, flushes any other here and now. */
  flushPage(page: number): void {
    const { cpu, map } = this.host;
    if (!this.aliases || ((map.flags[page] as number) & PG_RESERVED) !== 0) return;
    if (this.host.mappingState(page) !== MAPPING_UNUSED) {
      this.flushOn(cpu);
      return;
    }
    if (this.isMarked(page)) {
      if (this.markedBy[page] === cpu.id) return;
      this.flushWhereMarked(page, cpu.mm);
    }
    map.flags[page] = (map.flags[page] as number) | PG_ARCH_1;
    this.markedBy[page] = cpu.id;
  }

  /** update_mmu_cache: a page that was marked is about to be seen. */
  mapped(mm: Mm, page: number): void {
    if (!this.aliases || page < 0 || !this.isMarked(page) || this.host.mappingState(page) === MAPPING_NONE) return;
    this.flushWhereMarked(page, mm);
    const { map } = this.host;
    map.flags[page] = (map.flags[page] as number) & ~PG_ARCH_1;
  }

  /**
   * tlb_batch_add: a page of a page cache that was written at an address of the other colour than the kernel's is flushed
   * everywhere, at once.
   */
  unmapped(mm: Mm, vpn: number, oldLo: number, page: number): void {
    if (!this.aliases || (oldLo & MODIFIED_LO) === 0 || page < 0) return;
    const { map, memory } = this.host;
    if (((map.flags[page] as number) & PG_RESERVED) !== 0 || this.host.mappingState(page) === MAPPING_NONE) return;
    const kernel = PAGE_OFFSET + BigInt(memory.pageToPfn(page)) * BigInt(memory.pageSize);
    if (!dcacheAliases(kernel, BigInt(vpn) * BigInt(memory.pageSize))) return;
    callFunction(this.host, -1, 'ipiCache', this.onFlush, mm);
    this.flushOn(this.host.cpu);
  }

  private isMarked(page: number): boolean {
    return ((this.host.map.flags[page] as number) & PG_ARCH_1) !== 0;
  }

  private flushWhereMarked(page: number, mm: Mm | null): void {
    const id = this.markedBy[page] as number;
    if (id === this.host.cpu.id) this.flushOn(this.host.cpu);
    else callFunction(this.host, 1 << id, 'ipiCache', this.onFlush, mm);
  }

  private flushOn({ id }: Cpu): void {
    this.flushes[id] = (this.flushes[id] as number) + 1;
  }

  private readonly onFlush = (cpu: Cpu): void => this.flushOn(cpu);
}
