/** The host of the MMU tests: memory from 0 up, frame 0 nobody's. */
import { type ArchDescriptor, type Bank, BareHost, type Mm, type Mmu } from '@fourfold/core/arch';

export const LOW_MEMORY: readonly Bank[] = [{ base: 0, size: 1 << 20 }];

export class TestHost extends BareHost {
  readonly mmu: Mmu;

  constructor(arch: ArchDescriptor, nrCpus = 1, banks: readonly Bank[] = LOW_MEMORY) {
    super(arch, banks, { cpus: nrCpus });
    this.takePage();
    this.mmu = arch.createMmu(this);
  }

  newMm(): Mm {
    return this.makeMm();
  }

  /** Stores the leaf of a page, making tables; answers where the entry of each level is, root first. */
  storeLeaf(mm: Mm, vpn: number, leaf: bigint): number[] {
    this.write(this.lookup(mm, vpn, true), leaf);
    return Array.from({ length: this.tables.depth }, (_, level) => this.entryAt(mm, vpn, level));
  }
}
