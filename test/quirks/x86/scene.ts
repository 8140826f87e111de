/** What the tests of x86's quirks look at: entries as words, registers, one process and its translations. */
import { registersOf, type X86Registers } from '@fourfold/arch-x86';
import type { Machine, Process } from '@fourfold/core';
import { type AccessKind, type ArchDescriptor, BareHost, type Mm, type Mmu } from '@fourfold/core/arch';
import { pteWord } from '../../commits/support/memory.js';

export const ACCESSED = 0x20n;
export const DIRTY = 0x40n;
export const PSE = 0x80n;
export const GLOBAL = 0x100n;
export const USER = 0x4n;
export const RW = 0x2n;
export const NX = 1n << 63n;

/** Indices into protection_map: private and shared, by letters. */
export const P_R = 1;
export const P_RW = 3;
export const P_RX = 5;
export const S_R = 9;
export const S_RW = 11;
export const S_RX = 13;
export const S_RWX = 15;

/** Registers of a CPU. */
export function registers(machine: Machine, cpu = 0): X86Registers {
  return registersOf(machine.kernel.cpus[cpu] as Parameters<typeof registersOf>[0]);
}

/** An entry's word at a word index. */
export function wordAt(machine: Machine, at: number): bigint {
  const { words } = machine.kernel.memory;
  const { loAt, hiAt, pteWords } = machine.kernel.tables;
  const lo = BigInt((words[at + loAt] as number) >>> 0);
  return pteWords === 1 ? lo : (BigInt((words[at + hiAt] as number) >>> 0) << 32n) | lo;
}

/** The entry of page `n` of the test area (commits/support/memory.ts). */
export function entry(process: Process, n = 0): bigint {
  return wordAt(process.machine, pteWord(process, n));
}

/** How a counter grows over an action. */
export function growth(machine: Machine, name: Parameters<Machine['counters']['get']>[0], action: () => void): number {
  const before = machine.counters.get(name);
  action();
  return machine.counters.get(name) - before;
}

/** An Mmu on bare tables with one mm loaded on CPU 0. */
export class Bare {
  readonly host: BareHost;
  readonly mmu: Mmu;
  readonly mm: Mm;

  constructor(arch: ArchDescriptor, cpus = 1) {
    this.host = new BareHost(arch, [{ base: 0, size: 16 << 20 }], { cpus });
    this.host.takePage();
    this.mmu = arch.createMmu(this.host);
    this.mm = this.host.makeMm();
    for (const cpu of this.host.cpus) this.mmu.switchMm(cpu, null, this.mm);
  }

  /** Maps a page with a word; where the entry of each level is, root first. */
  map(vpn: number, word: bigint): number[] {
    const { host, mm } = this;
    host.write(host.lookup(mm, vpn, true), word);
    return Array.from({ length: host.tables.depth }, (_, level) => host.entryAt(mm, vpn, level));
  }

  /** An access: a TLB slot, or FAULT_ABSENT, FAULT_RIGHTS. */
  access(kind: AccessKind, vpn: number, cpu = this.host.cpu): number {
    return this.host.translate(this.mmu, kind, vpn, cpu);
  }

  /** Whether CPU 0 can translate a page for an access without a walk. */
  cached(kind: AccessKind, vpn: number): boolean {
    return this.host.cpu.tlb.find(kind, 0, vpn, 0) >= 0;
  }

  read(at: number, level?: number): bigint {
    return this.host.read(at, level);
  }

  write(at: number, word: bigint, level?: number): void {
    this.host.write(at, word, level);
  }

  registers(cpu = this.host.cpu): X86Registers {
    return registersOf(cpu);
  }
}
