/** The host of the MMU tests: one bank at frame 0x100, or two; set_pte_at with the pending rule of the descriptor. */
import { type ArchDescriptor, BareHost, type BareHostOptions, type Cpu, type Mm } from '@fourfold/core/arch';
import { Sparc64Mmu } from '../src/index.js';

export interface HostOptions extends BareHostOptions {
  readonly pages?: number;
  /** Frame number of the first page of each of two halves of the memory; default one bank at 0x100. */
  readonly banks?: readonly [number, number];
}

export class TestHost extends BareHost {
  readonly mmu: Sparc64Mmu;

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
    this.mmu = new Sparc64Mmu(this);
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

  /** set_pte_at: stores the word and queues the old one as core does. */
  setPte(mm: Mm, vpn: number, word: bigint): void {
    const at = this.lookup(mm, vpn, true);
    const oldHi = this.tables.entryHi(2, at);
    const oldLo = this.tables.entryLo(2, at);
    this.write(at, word);
    this.queue(mm, vpn, oldHi, oldLo);
  }

  queue(mm: Mm, vpn: number, oldHi: number, oldLo: number): void {
    const rule = this.arch.pendingFlush;
    if (((oldHi & rule.queueHi) | (oldLo & rule.queueLo)) === 0) return;
    if (rule.skipWhenFullmm && this.cpu.fullmmGather) return;
    const { batch } = this.cpu;
    if (batch.nr > 0 && batch.mm !== mm) this.mmu.flushPending(this.cpu);
    batch.mm = mm;
    batch.vpn[batch.nr] = vpn;
    batch.oldHi[batch.nr] = oldHi;
    batch.oldLo[batch.nr] = oldLo;
    if (++batch.nr >= rule.capacity) this.mmu.flushPending(this.cpu);
  }

  access(kind: 0 | 1 | 2, vpn: number, cpu: Cpu = this.cpu): number {
    return this.translate(this.mmu, kind, vpn, cpu);
  }
}

/** Page number of an address. */
export function pageOf(arch: ArchDescriptor, address: bigint): number {
  return Number(address >> BigInt(arch.geometry.pageShift));
}
