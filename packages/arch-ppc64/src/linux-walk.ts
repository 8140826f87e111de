/**
 * find_linux_pte: the walk over a process's Linux tables that hash_page makes, from the simulated bytes. The same as core's
 * look-up of a page, with the constants of the format in registers: it runs on every miss of the hash table.
 */
import type { Mm, MmuHost, PhysicalMemory } from '@fourfold/core/arch';

/** Bits of an upper entry's high half that are a physical address: all but the region. */
const ADDRESS_HI = 0x0fff_ffff;

export class LinuxWalk {
  private readonly memory: PhysicalMemory;
  private readonly slot: Int32Array;
  /** Levels above the ptes. */
  private readonly upper: number;
  private readonly shift: Int32Array;
  private readonly mask: Int32Array;
  private readonly pteMask: number;
  private readonly pageShift: number;
  /** Bits of a table's place inside its page, less those that are masked off. */
  private readonly offsetMask: number;
  private readonly firstPfn: number;

  constructor(host: MmuHost) {
    const { geometry: g, upper } = host.arch;
    this.memory = host.memory;
    this.slot = host.memory.slot;
    this.upper = g.depth - 1;
    this.shift = Int32Array.from(g.shift);
    this.mask = Int32Array.from(g.bits, (bits) => (1 << bits) - 1);
    this.pteMask = this.mask[g.depth - 1] as number;
    this.pageShift = g.pageShift;
    this.offsetMask = (g.pageSize - 1) & (upper[0]?.addressLo ?? -1);
    this.firstPfn = host.memory.firstPfn;
  }

  /** Word index of the pte of a base page (below 2^32), or 0 when a table is missing. */
  pteOf(mm: Mm, vpn: number): number {
    const memory = this.memory;
    const words = memory.words;
    const upper = this.upper;
    const pageShift = this.pageShift;
    let table = mm.rootWord;
    for (let level = 0; level < upper; level++) {
      const at = table + (((vpn >>> (this.shift[level] as number)) & (this.mask[level] as number)) << 1);
      const hi = words[at] as number;
      const lo = words[at + 1] as number;
      if ((hi | lo) === 0) return 0;
      const pfn = (lo >>> pageShift) | ((hi & ADDRESS_HI) << (32 - pageShift));
      const page = this.firstPfn >= 0 ? pfn - this.firstPfn : memory.pfnToPage(pfn);
      if (page < 0 || page >= memory.nrPages) return 0;
      table = (this.slot[page] as number) + ((lo & this.offsetMask) >>> 2);
    }
    return table + ((vpn & this.pteMask) << 1);
  }
}
