/** The host of the MMU tests: one bank at frame 0x100, or two. */
import { type ArchDescriptor, BareHost, type BareHostOptions, type Cpu, type Mm } from '@fourfold/core/arch';
import type { Ia64Mmu } from '../src/index.js';

export interface HostOptions extends BareHostOptions {
  readonly pages?: number;
  /** Frame number of the first page of each of two halves of the memory; default one bank at 0x100. */
  readonly banks?: readonly [number, number];
}

export class TestHost extends BareHost {
  readonly mmu: Ia64Mmu;

  constructor(arch: ArchDescriptor, options: HostOptions = {}) {
    const { pageSize } = arch.geometry;
    const pages = options.pages ?? 64;
    const firsts = options.banks ?? [0x100];
    const size = (pages / firsts.length) * pageSize;
    super(
      arch,
      firsts.map((pfn) => ({ base: pfn * pageSize, size })),
      options,
    );
    this.mmu = arch.createMmu(this) as Ia64Mmu;
  }

  newMm(): Mm {
    const mm = this.makeMm();
    this.mmu.initContext(mm, null);
    return mm;
  }

  /** Page of the pte table of a page. */
  pteTablePage(mm: Mm, vpn: number): number {
    return this.pageOfWord(this.lookup(mm, vpn));
  }

  setPte(mm: Mm, vpn: number, word: bigint): void {
    this.write(this.lookup(mm, vpn, true), word);
  }

  getPte(mm: Mm, vpn: number): bigint {
    return this.read(this.lookup(mm, vpn));
  }

  access(kind: 0 | 1 | 2, vpn: number, cpu: Cpu = this.cpu): number {
    return this.translate(this.mmu, kind, vpn, cpu);
  }

  /** Slots in use of a CPU, every level counted. */
  used(cpu: Cpu = this.cpu): number {
    let n = 0;
    for (let slot = 0; slot < cpu.tlb.slots; slot++) if (cpu.tlb.contextOf(slot) >= 0) n++;
    return n;
  }
}

/** Page number of an address. */
export function pageOf(arch: ArchDescriptor, address: bigint): number {
  return Number(address >> BigInt(arch.geometry.pageShift));
}
