/**
 * The host of the MMU tests: one bank, and the operations on ptes as the kernel has them (set_pte_at, ptep_get_and_clear,
 * a change in place).
 */
import {
  type ArchDescriptor,
  BareHost,
  type BareHostOptions,
  type Cpu,
  highWord,
  lowWord,
  type Mm,
  PG_ARCH_1,
  wordToBigInt,
} from '@fourfold/core/arch';
import { Ppc64Mmu, type Ppc64MmuOptions } from '../src/index.js';

export interface HostOptions extends Ppc64MmuOptions, BareHostOptions {
  readonly pages?: number;
  /** Frame number of the first page. */
  readonly firstPfn?: number;
}

const PTE_HASHPTE = 0x400n;

export class TestHost extends BareHost {
  readonly mmu: Ppc64Mmu;

  constructor(arch: ArchDescriptor, options: HostOptions = {}) {
    const { pageSize, pageShift } = arch.geometry;
    const pages = options.pages ?? (pageShift === 12 ? 1024 : 128);
    super(arch, [{ base: (options.firstPfn ?? 0) * pageSize, size: pages * pageSize }], options);
    this.mmu = new Ppc64Mmu(this, options);
    // Every page is in the instruction cache as it is in memory, so that HPTEs have the rights of their ptes.
    this.map.flags.fill(PG_ARCH_1);
  }

  /** The last pages of the memory, unless they are more than half of it. */
  reserve(order: number): number {
    const pages = 2 ** order;
    const { nrPages } = this.memory;
    if (pages > nrPages / 2) return -1;
    for (let page = nrPages - pages; page < nrPages; page++) this.memory.materialize(page);
    return nrPages - pages;
  }

  newMm(parent: Mm | null = null): Mm {
    const mm = this.makeMm();
    this.mmu.initContext(mm, parent);
    return mm;
  }

  /** A new mm that the first CPU runs. */
  run(): Mm {
    const mm = this.newMm();
    this.mmu.switchMm(this.cpu, null, mm);
    return mm;
  }

  pte(mm: Mm, vpn: number): bigint {
    return this.wordAt(this.lookup(mm, vpn));
  }

  /** The hidx word of a pte (64 KiB pages). */
  hidx(mm: Mm, vpn: number): bigint {
    return this.wordAt(this.lookup(mm, vpn) + 0x8000 / 4);
  }

  /** set_pte_at. */
  setPte(mm: Mm, vpn: number, word: bigint): void {
    const f = this.arch.pteFormat;
    const at = this.lookup(mm, vpn, true);
    if ((this.wordAt(at) & 1n) !== 0n) {
      this.changePte(mm, vpn, 0n);
      this.mmu.flushPending(this.cpu);
    }
    this.store(at, (word & wordToBigInt(f.countHi, f.countLo)) | wordToBigInt(f.storeSetHi, f.storeSetLo));
  }

  /** pte_update: a change in place; with 0 ptep_get_and_clear. */
  changePte(mm: Mm, vpn: number, word: bigint): void {
    const at = this.lookup(mm, vpn, true);
    const old = this.wordAt(at);
    this.store(at, word);
    if ((old & PTE_HASHPTE) === 0n) return;
    const { batch } = this.cpu;
    if (batch.nr > 0 && batch.mm !== mm) this.mmu.flushPending(this.cpu);
    batch.mm = mm;
    batch.vpn[batch.nr] = vpn;
    batch.oldHi[batch.nr] = highWord(old);
    batch.oldLo[batch.nr] = lowWord(old);
    if (++batch.nr >= this.arch.pendingFlush.capacity) this.mmu.flushPending(this.cpu);
  }

  wordAt(at: number): bigint {
    return wordToBigInt(this.memory.words[at] as number, this.memory.words[at + 1] as number);
  }

  /** Stores a doubleword, a pte or another. */
  store(at: number, word: bigint): void {
    this.write(at, word);
  }

  /** V and R of a slot. */
  hpte(group: number, slot: number): { v: bigint; r: bigint } {
    const at = this.mmu.table.entryAt(group, slot);
    return { v: this.wordAt(at), r: this.wordAt(at + 2) };
  }

  /** Valid entries that are not bolted. */
  hashed(): number {
    let n = 0;
    for (let group = 0; group < this.mmu.table.groups; group++) {
      for (let slot = 0; slot < 8; slot++) if ((this.hpte(group, slot).v & 0x11n) === 1n) n++;
    }
    return n;
  }

  /** Fills the lower slots of a group with entries of nobody, so that the next insertion takes `slot`. */
  occupy(group: number, slot: number): void {
    for (let i = 0; i < slot; i++) this.mmu.table.insert(group, -1, -1 & ~0x1a, 0, 0);
  }

  /** Runs an access to an effective address. */
  access(kind: 0 | 1 | 2, ea: bigint, cpu: Cpu = this.cpu): number {
    return this.translate(this.mmu, kind, Number(ea >> 12n), cpu);
  }

  /** Whether any slot of a CPU holds the 4 KiB page of an address in a context. */
  holdsAddress(ea: bigint, context: number, cpu: Cpu = this.cpu): boolean {
    return this.holds(Number(ea >> 12n), context, cpu);
  }
}
