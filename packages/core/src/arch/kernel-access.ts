/**
 * The kernel's accesses to what it maps for itself, as code of a machine (`Mmu.kernel`). They are looked up in the CPU's TLB
 * under KERNEL_CONTEXT and allowed by a slot's kernel rights (`vmalloc/access.ts`); what is not there, or not allowed, comes
 * here. What is cached stays until `Mmu.flushKernelRange`, over switches of address spaces.
 */
import { MISSES_REFUSED, WALKS } from '../events/counters.js';
import type { Cpu } from '../smp/cpu.js';
import { KERNEL_CONTEXT, KERNEL_RIGHTS_SHIFT, RIGHT_EXEC, RIGHT_LOAD, RIGHT_STORE, TLB_GLOBAL } from '../tlb/record.js';
import { kernelEntryOf } from '../vmalloc/kernel-lookup.js';
import { type AccessKind, FAULT_ABSENT, FAULT_BUS, FAULT_RIGHTS } from './access.js';
import type { MmuHost, TlbTruth } from './mmu.js';

export class KernelAccess {
  protected readonly host: MmuHost;

  constructor(host: MmuHost) {
    this.host = host;
  }

  /**
   * A TLB miss. Default: by the tables of init_mm as they are, which counts as a walk.
   * Law: the answer is a slot with kernel rights that allow the access, whose translation `truth` gives now, or
   * FAULT_ABSENT, FAULT_RIGHTS or FAULT_BUS.
   */
  miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    const { memory, arch } = this.host;
    const entry = kernelEntryOf(this.host, arch.basePage(vpnHi, vpnLo));
    this.count(WALKS);
    if (entry === null) return FAULT_ABSENT;
    const rights = this.rights(entry.hi, entry.lo);
    if (((rights >> kind) & 1) === 0) return FAULT_RIGHTS;
    const frame = memory.frameAt(arch.pteFormat.frame(entry.hi, entry.lo));
    if (frame < 0) return FAULT_BUS;
    return cpu.tlb.fill(kind, vpnHi, vpnLo, KERNEL_CONTEXT, frame, rights << KERNEL_RIGHTS_SHIFT, TLB_GLOBAL, 0);
  }

  /** A slot that does not allow the access. Default: a rights fault. Law: as for `miss`. */
  denied(_cpu: Cpu, _kind: AccessKind, _slot: number, _vpnHi: number, _vpnLo: number): number {
    return FAULT_RIGHTS;
  }

  /**
   * The page fault of an access that `miss` or `denied` answered with `outcome`. Default: nothing helps.
   * @returns whether it mended what was wrong: the access is tried again; else the kernel dies.
   */
  fault(_cpu: Cpu, _vpnHi: number, _vpnLo: number, _outcome: number): boolean {
    return false;
  }

  /** RIGHT_ bits that the kernel has by an entry of init_mm's. Default: what software says of the entry. */
  rights(hi: number, lo: number): number {
    const f = this.host.arch.pteFormat;
    return RIGHT_LOAD | (f.write.allows(hi, lo) ? RIGHT_STORE : 0) | (f.exec.allows(hi, lo) ? RIGHT_EXEC : 0);
  }

  /**
   * What init_mm, or the machine's own map of memory, says of a slot with kernel rights. The rights are those of a slot: programs'
   * in the lowest bits, the kernel's from KERNEL_RIGHTS_SHIFT up. Audit only.
   */
  truth({ tlb }: Cpu, slot: number): TlbTruth {
    const { arch, memory } = this.host;
    const entry = kernelEntryOf(this.host, arch.basePage(tlb.vpnHiOf(slot), tlb.vpnLoOf(slot)));
    if (entry === null) return { frame: -1, rights: 0 };
    const frame = memory.frameAt(arch.pteFormat.frame(entry.hi, entry.lo));
    return { frame, rights: this.users(entry.hi, entry.lo) | (this.rights(entry.hi, entry.lo) << KERNEL_RIGHTS_SHIFT) };
  }

  /** RIGHT_ bits that programs have by an entry of init_mm's. Default: none. */
  protected users(_hi: number, _lo: number): number {
    return 0;
  }

  /** An address that the machine refuses without looking at a table. */
  protected refused(): number {
    this.count(MISSES_REFUSED);
    return FAULT_ABSENT;
  }

  protected count(index: number, n: number = 1): void {
    const { values } = this.host.counters;
    values[index] = (values[index] as number) + n;
  }
}
