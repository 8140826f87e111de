/**
 * Regions 5 to 7: the kernel's accesses to what it maps, and the gate pages, which are all that programs may use of it
 * (arch/ia64/kernel/ivt.S; arch/ia64/mm/fault.c).
 *
 * Region 5 is translated as user regions are: the walker reads entries in its linear table, vhpt_miss walks the kernel's own root,
 * with the whole index. Its id is the same in every address space, so its translations are global, one slot for programs and the
 * kernel with the rights of each. PAGE_KERNEL has a and d set, and what programs see of it a: their handlers have nothing to do here.
 * Regions 6 and 7 have no tables: the alternate handlers make a translation of a granule from the address.
 */
import {
  type AccessKind,
  type Cpu,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RIGHTS,
  fillKernelSpan,
  KERNEL_CONTEXT,
  KERNEL_RIGHTS_SHIFT,
  KernelAccess,
  kernelEntryOf,
  kernelTableOf,
  type MmuHost,
  PURGED_ENTRIES,
  PURGES,
  pageNumber,
  RIGHT_LOAD,
  RIGHT_STORE,
  SOFTWARE_FILLS,
  TLB_ABSENT,
  TLB_GLOBAL,
  TLB_OWN_SHIFT,
  TLB_TABLE,
  type TlbTruth,
  WALK_REFERENCES,
  WALKS,
} from '@fourfold/core/arch';
import { KERNEL_RIGHTS, NAT_PAGE, P_LO, USER_RIGHTS } from './pte.js';
import { GRANULE_SHIFT, RGN_GATE, registersOf } from './regions.js';
import { IA64_MAX_PHYS_BITS } from './tables.js';
import type { LinearTable } from './vhpt.js';

/** Those of PAGE_KERNEL. */
const IDENTITY_RIGHTS = RIGHT_LOAD | RIGHT_STORE;

/** Whether an entry that vhpt_miss has read changed before it was inserted. */
export type Changed = (cpu: Cpu, at: number, hi: number, lo: number) => boolean;

export class Ia64KernelAccess extends KernelAccess {
  /** Set by Ia64Mmu, whose `between` it asks. */
  changed: Changed = () => false;
  private readonly linear: LinearTable;
  private readonly pteMask: number;
  /** Pages of region 5 that the whole of the kernel's root translates. */
  private readonly covered: number;

  constructor(host: MmuHost, linear: LinearTable) {
    super(host);
    const { geometry } = host.arch;
    this.linear = linear;
    this.pteMask = (1 << linear.pteBits) - 1;
    this.covered = geometry.entryPages(0) * 2 ** (geometry.bits[0] as number);
  }

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    registersOf(cpu).notPresent = false;
    const region = this.regionOf(vpnHi);
    if (region > RGN_GATE) return this.alternateMiss(cpu, kind, vpnHi, vpnLo);
    return region === RGN_GATE ? this.gateMiss(cpu, kind, vpnHi, vpnLo, KERNEL_RIGHTS_SHIFT) : this.refused();
  }

  /** A miss of user mode in region 5. */
  userMiss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    return this.gateMiss(cpu, kind, vpnHi, vpnLo, 0);
  }

  override denied(cpu: Cpu, _kind: AccessKind, slot: number, _vpnHi: number, _vpnLo: number): number {
    const isAbsent = (cpu.tlb.attrsOf(slot) & TLB_ABSENT) !== 0;
    registersOf(cpu).notPresent = isAbsent;
    return isAbsent ? FAULT_ABSENT : FAULT_RIGHTS;
  }

  /**
   * Page Not Present purges the page; ia64_do_page_fault then finds no area, and returns where the entry is present: the walker had
   * loaded it before. (So it does of a rights fault, and the access is never over; here it is an oops.)
   */
  override fault(cpu: Cpu, vpnHi: number, vpnLo: number, outcome: number): boolean {
    const registers = registersOf(cpu);
    if (registers.notPresent) this.purge(cpu, vpnHi, vpnLo);
    registers.notPresent = false;
    if (outcome !== FAULT_ABSENT || this.regionOf(vpnHi) !== RGN_GATE) return false;
    return this.isCovered(vpnHi, vpnLo) && kernelEntryOf(this.host, pageNumber(vpnHi, vpnLo)) !== null;
  }

  override rights(_hi: number, lo: number): number {
    return KERNEL_RIGHTS[(lo >>> 9) & 7] as number;
  }

  override truth(cpu: Cpu, slot: number): TlbTruth {
    const { tlb } = cpu;
    const page = tlb.pageOf(slot);
    if (this.regionOf(tlb.vpnHiOf(slot)) > RGN_GATE)
      return { frame: this.identityFrame(page), rights: IDENTITY_RIGHTS << KERNEL_RIGHTS_SHIFT };
    if ((tlb.attrsOf(slot) & TLB_TABLE) === 0) return super.truth(cpu, slot);
    return {
      frame: kernelTableOf(this.host, this.linear.firstPageOf(page), false),
      rights: RIGHT_LOAD << KERNEL_RIGHTS_SHIFT,
    };
  }

  protected override users(_hi: number, lo: number): number {
    return (USER_RIGHTS[(lo >>> 2) & 1023] as number) & ~NAT_PAGE;
  }

  /** @param shift from which bit on of a slot's rights those lie that the access is held to */
  private gateMiss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number, shift: number): number {
    const { arch, memory } = this.host;
    const { tlb } = cpu;
    if (!this.isCovered(vpnHi, vpnLo)) return this.refused();
    const tableHi = this.linear.pageHi(vpnHi);
    const tableLo = this.linear.pageLo(vpnHi, vpnLo);
    const tableSlot = tlb.findLast(tableHi, tableLo, KERNEL_CONTEXT);
    const walked = tableSlot >= 0;
    this.count(walked ? WALKS : SOFTWARE_FILLS);
    const table = walked ? tlb.frameOf(tableSlot) : kernelTableOf(this.host, pageNumber(vpnHi, vpnLo), true);
    if (table < 0) return FAULT_ABSENT;
    this.count(WALK_REFERENCES);
    const at = (memory.slot[table] as number) + ((vpnLo & this.pteMask) << 1);
    const lo = memory.words[at] as number;
    const hi = memory.words[at + 1] as number;
    if ((lo & P_LO) === 0) {
      // The walker loads what it finds, the handler nothing.
      if (walked) tlb.fillLast(vpnHi, vpnLo, KERNEL_CONTEXT, 0, 0, TLB_ABSENT | TLB_GLOBAL);
      registersOf(cpu).notPresent = walked;
      return FAULT_ABSENT;
    }
    if (!walked) {
      tlb.fillLast(tableHi, tableLo, KERNEL_CONTEXT, table, RIGHT_LOAD << KERNEL_RIGHTS_SHIFT, TLB_TABLE);
      if (this.changed(cpu, at, hi, lo)) {
        this.purge(cpu, vpnHi, vpnLo);
        return this.gateMiss(cpu, kind, vpnHi, vpnLo, shift);
      }
    }
    const frame = memory.frameAt(arch.pteFormat.frame(hi, lo));
    if (frame < 0) return FAULT_BUS;
    const users = this.users(hi, lo);
    const rights = users | (this.rights(hi, lo) << KERNEL_RIGHTS_SHIFT);
    const attrs = TLB_GLOBAL | (users << TLB_OWN_SHIFT);
    const slot = tlb.fill(kind, vpnHi, vpnLo, KERNEL_CONTEXT, frame, rights, attrs, 0);
    return ((rights >> (shift + kind)) & 1) !== 0 ? slot : FAULT_RIGHTS;
  }

  /** The alternate handlers, of the kernel alone: no table is read. */
  private alternateMiss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    this.count(SOFTWARE_FILLS);
    const frame = this.identityFrame(pageNumber(vpnHi, vpnLo));
    if (frame < 0) return FAULT_BUS;
    if (((IDENTITY_RIGHTS >> kind) & 1) === 0) return FAULT_RIGHTS;
    const span = GRANULE_SHIFT - this.host.arch.geometry.pageShift;
    const rights = IDENTITY_RIGHTS << KERNEL_RIGHTS_SHIFT;
    return fillKernelSpan(this.host, cpu, kind, vpnHi, vpnLo, frame, rights, 0, span);
  }

  /** Page of the mem_map, or frame of a device, behind a page of region 6 or 7 (identityEntry); -1 for none. */
  private identityFrame(page: number): number {
    return this.host.memory.frameAt(page % 2 ** (IA64_MAX_PHYS_BITS - this.host.arch.geometry.pageShift));
  }

  private isCovered(vpnHi: number, vpnLo: number): boolean {
    return pageNumber(vpnHi, vpnLo) % this.linear.regionPages < this.covered;
  }

  private regionOf(vpnHi: number): number {
    return vpnHi >>> this.linear.regionShift;
  }

  /** ptc.l of one base page. */
  private purge(cpu: Cpu, vpnHi: number, vpnLo: number): void {
    this.count(PURGES);
    this.count(PURGED_ENTRIES, cpu.tlb.dropPage(vpnHi, vpnLo, KERNEL_CONTEXT));
  }
}
