/**
 * The machines a benchmark runs with. Beside the real ones there are artificial ones whose MMU code is of a class of its
 * own: V8 stops specialising a call site at the fifth shape it sees, so "all loaded" means seven at least.
 */
import { ia64Arches } from '@fourfold/arch-ia64';
import { ppc64Arches } from '@fourfold/arch-ppc64';
import { sparc64Arches } from '@fourfold/arch-sparc64';
import { x86_64, x86Arches } from '@fourfold/arch-x86';
import {
  type AccessKind,
  ArchDescriptor,
  type Cpu,
  FAULT_ABSENT,
  FAULT_RIGHTS,
  type Mm,
  Mmu,
} from '@fourfold/core/arch';

export const REAL: readonly ArchDescriptor[] = [...x86Arches, ...ppc64Arches, ...ia64Arches, ...sparc64Arches];

/** An MMU that asks the generic look-up: another class, another shape, correct all the same. */
abstract class PlainMmu extends Mmu {
  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    const { tables, memory, arch } = this.host;
    const at = cpu.mm === null ? 0 : tables.lookup(cpu.mm, vpnHi, vpnLo);
    if (at === 0) return FAULT_ABSENT;
    const f = arch.pteFormat;
    const lo = memory.words[at + tables.loAt] as number;
    const hi = memory.words[at + tables.hiAt] as number;
    if (!f.isUserValid(hi, lo)) return FAULT_ABSENT;
    const rights = f.hardwareRights(hi, lo);
    if (((rights >> kind) & 1) === 0) return FAULT_RIGHTS;
    return cpu.tlb.fill(kind, vpnHi, vpnLo, 0, memory.pfnToPage(f.frame(hi, lo)), rights, 0, 0);
  }
  override switchMm(cpu: Cpu, _prev: Mm | null, next: Mm): void {
    cpu.mm = next;
    cpu.tlb.dropAll(false);
  }
  override mmOfSlot(cpu: Cpu): Mm | null {
    return cpu.mm;
  }
  override flushPage(): void {
    this.#all();
  }
  override flushRange(): void {
    this.#all();
  }
  override flushMm(): void {
    this.#all();
  }
  override gatherFlush(): void {
    this.#all();
  }
  #all(): void {
    for (const cpu of this.host.cpus) cpu.tlb.dropAll(false);
  }
}
class ArtificialA extends PlainMmu {
  a = 1;
}
class ArtificialB extends PlainMmu {
  b = 1;
  c = 2;
}
class ArtificialC extends PlainMmu {
  d = 1;
  e = 2;
  f = 3;
}

function artificial(name: string, make: typeof ArtificialA | typeof ArtificialB | typeof ArtificialC): ArchDescriptor {
  return new ArchDescriptor({
    ...x86_64,
    pte: x86_64.pteFormat,
    pendingFlush: { queueIf: 0n, capacity: 1, skipWhenFullmm: false },
    name,
    createMmu: (host) => new make(host),
  });
}

export const ARTIFICIAL: readonly ArchDescriptor[] = [
  artificial('artificial-a', ArtificialA),
  artificial('artificial-b', ArtificialB),
  artificial('artificial-c', ArtificialC),
];
