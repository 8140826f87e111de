/**
 * Misses of the kernel's addresses, in context 0, the nucleus (arch/sparc64/kernel: dtlb_base.S, dtlb_backend.S). No program has
 * the number, so what is cached here is out of its reach, though its own pages may have the same addresses.
 *
 * - The direct map, above the hole: no table, the address is turned into a translation of 4 MiB.
 * - Modules and vmalloc, all below root entry 0 of the swapper: as user addresses, but the VPTE area is read in the nucleus, and
 *   the nested handler has that root entry at hand, so it loads the pmd alone.
 * - The firmware's range has a table of its own, the kernel's image is locked in the TLB: there is nothing of either here.
 */
import {
  type AccessKind,
  type Cpu,
  EXEC,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RIGHTS,
  fillKernelSpan,
  KERNEL_CONTEXT,
  KERNEL_RIGHTS_SHIFT,
  KernelAccess,
  kernelTableOf,
  LOAD,
  type MmuHost,
  NESTED_FILLS,
  RIGHT_EXEC,
  RIGHT_LOAD,
  RIGHT_STORE,
  SOFTWARE_FILLS,
  TLB_TABLE,
  type TlbTruth,
  WALK_REFERENCES,
} from '@fourfold/core/arch';
import { MODULES_VADDR, PROM_START, VMALLOC_END, VMALLOC_START, VpteArea } from './layout.js';
import { EXEC_LO, W_LO } from './pte.js';

/** log2 of the bytes of a translation of the direct map, and what it allows: P and W. */
const DIRECT_SHIFT = 22;
const DIRECT_RIGHTS = RIGHT_LOAD | RIGHT_STORE;

export class Sparc64KernelAccess extends KernelAccess {
  private readonly area: VpteArea;
  private readonly pteMask: number;
  /** First page of the direct map. */
  private readonly directPage: number;

  constructor(host: MmuHost) {
    super(host);
    this.area = new VpteArea(host.arch.geometry.pageShift);
    this.pteMask = (1 << this.area.pteBits) - 1;
    this.directPage = this.area.spacePages - 2 ** this.area.halfShift;
  }

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    if (vpnHi === this.area.topHi && vpnLo < 0) return this.directMiss(cpu, kind, vpnHi, vpnLo);
    if (vpnHi !== 0 || !this.isInTables(vpnLo)) return this.refused();
    const { arch, memory, tables } = this.host;
    this.count(SOFTWARE_FILLS);
    const vpte = this.area.baseLo + (vpnLo >> this.area.pteBits);
    const vpteSlot = cpu.tlb.find(LOAD, this.area.topHi, vpte, KERNEL_CONTEXT);
    const table = vpteSlot >= 0 ? cpu.tlb.frameOf(vpteSlot) : this.nestedMiss(cpu, vpte, vpnLo);
    if (table < 0) return FAULT_ABSENT;
    this.count(WALK_REFERENCES);
    const at = (memory.slot[table] as number) + ((vpnLo & this.pteMask) << 1);
    const hi = memory.words[at + tables.hiAt] as number;
    const lo = memory.words[at + tables.loAt] as number;
    if (hi >= 0) return FAULT_ABSENT; // VALID is the sign bit
    const rights = this.rights(hi, lo);
    if (kind === EXEC && (rights & RIGHT_EXEC) === 0) return FAULT_RIGHTS;
    const frame = memory.frameAt(arch.pteFormat.frame(hi, lo));
    if (frame < 0) return FAULT_BUS;
    const slot = cpu.tlb.fill(kind, vpnHi, vpnLo, KERNEL_CONTEXT, frame, rights << KERNEL_RIGHTS_SHIFT, 0, 0);
    return ((rights >> kind) & 1) !== 0 ? slot : FAULT_RIGHTS;
  }

  override rights(_hi: number, lo: number): number {
    return RIGHT_LOAD | ((lo & W_LO) !== 0 ? RIGHT_STORE : 0) | ((lo & EXEC_LO) !== 0 ? RIGHT_EXEC : 0);
  }

  override truth(cpu: Cpu, slot: number): TlbTruth {
    const page = cpu.tlb.pageOf(slot);
    if ((cpu.tlb.attrsOf(slot) & TLB_TABLE) !== 0) {
      const first = (page - this.area.basePage) * 2 ** this.area.pteBits;
      return { frame: kernelTableOf(this.host, first, false), rights: RIGHT_LOAD << KERNEL_RIGHTS_SHIFT };
    }
    if (page < this.directPage) return super.truth(cpu, slot);
    return { frame: this.host.memory.frameAt(page - this.directPage), rights: DIRECT_RIGHTS << KERNEL_RIGHTS_SHIFT };
  }

  private directMiss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    const { arch, memory } = this.host;
    if (vpnLo < this.area.highLo) return this.refused(); // the hole
    this.count(SOFTWARE_FILLS);
    const frame = memory.frameAt((vpnLo - this.area.highLo) >>> 0);
    if (frame < 0) return FAULT_BUS;
    if (((DIRECT_RIGHTS >> kind) & 1) === 0) return FAULT_RIGHTS;
    const span = DIRECT_SHIFT - arch.geometry.pageShift;
    return fillKernelSpan(this.host, cpu, kind, vpnHi, vpnLo, frame, DIRECT_RIGHTS << KERNEL_RIGHTS_SHIFT, 0, span);
  }

  /** The miss of a VPTE page in the nucleus: the page of the pte table, or -1. */
  private nestedMiss(cpu: Cpu, vpte: number, vpnLo: number): number {
    this.count(NESTED_FILLS);
    this.count(WALK_REFERENCES);
    const table = kernelTableOf(this.host, vpnLo, false);
    if (table < 0) return -1;
    const rights = RIGHT_LOAD << KERNEL_RIGHTS_SHIFT;
    cpu.tlb.fill(LOAD, this.area.topHi, vpte, KERNEL_CONTEXT, table, rights, TLB_TABLE, 0);
    return table;
  }

  /** MODULES_VADDR up to VMALLOC_END, but for the firmware's range. */
  private isInTables(vpnLo: number): boolean {
    const address = (vpnLo >>> 0) * this.host.memory.pageSize;
    return address < VMALLOC_END && address >= MODULES_VADDR && (address < PROM_START || address >= VMALLOC_START);
  }
}
