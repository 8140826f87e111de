/**
 * The kernel's half of the space: walks from the CPU's own CR3, level by level, for accesses of the kernel, and for users of
 * x86_64, whose kernel half lies beyond what the fast walker indexes (the vsyscall page is there).
 *
 * A user root has the root entries that init_mm had when it was made. One that init_mm got later is absent in it, until the
 * kernel itself faults there and copies it (arch/i386/mm/fault.c: vmalloc_fault; arch/x86_64/mm/fault.c: vmalloc_fault). PAE's
 * fourth pointer leads to a pmd that all share, so nothing is ever missing there.
 */
import {
  type AccessKind,
  type Cpu,
  DIRTY_ASSISTS,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RIGHTS,
  fillKernelSpan,
  KERNEL_RIGHTS_SHIFT,
  KernelAccess,
  kernelEntryAt,
  lookupKernelPte,
  type MmuHost,
  pageNumber,
  RIGHT_EXEC,
  RIGHT_LOAD,
  RIGHT_STORE,
  STORE,
  TLB_CLEAN,
  type TlbTruth,
  WALK_REFERENCES,
  WALKS,
} from '@fourfold/core/arch';
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_PRESENT, PAGE_PSE, PAGE_RW, PAGE_USER } from './bits.js';
import { loadCr3, registersOf } from './context.js';
import { FAULT_PROTECTION, FAULT_RESERVED, type FaultCodes } from './page-fault.js';

/** Bits of the walker that depend on the machine, of an entry's high half. */
export interface HighBits {
  readonly reserved: number;
  readonly frame: number;
  readonly noExec: number;
}

export class X86KernelAccess extends KernelAccess {
  private readonly high: HighBits;
  private readonly rootInRegisters: boolean;
  private readonly codes: FaultCodes;

  constructor(host: MmuHost, high: HighBits, rootInRegisters: boolean, codes: FaultCodes) {
    super(host);
    this.codes = codes;
    this.high = high;
    this.rootInRegisters = rootInRegisters;
  }

  /** The level whose entries may be of large pages: the one above the ptes. */
  private get largeLevel(): number {
    return this.host.tables.depth - 2;
  }

  /** Walks of this walker, which has no page-directory cache. */
  walks = 0;

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    // After an exit CR3 still says the tables that went; the CPU runs the kernel's own.
    if (cpu.mm === null && registersOf(cpu).rootWord !== (this.host.initMm?.rootWord ?? 0)) {
      loadCr3(cpu, this.host.initMm, this.host);
    }
    return this.walk(cpu, kind, pageNumber(vpnHi, vpnLo), false);
  }

  /** What a slot that user mode filled allows programs, it allows the kernel. A store to a clean page walks again for its dirty bit. */
  override denied(cpu: Cpu, kind: AccessKind, slot: number, vpnHi: number, vpnLo: number): number {
    const { tlb } = cpu;
    if (((tlb.rightsOf(slot) >> kind) & 1) !== 0) return slot;
    if (kind !== STORE || (tlb.attrsOf(slot) & TLB_CLEAN) === 0) {
      this.codes.raise(cpu, kind, vpnHi, vpnLo, FAULT_PROTECTION);
      return FAULT_RIGHTS;
    }
    this.count(DIRTY_ASSISTS);
    tlb.dropPage(vpnHi, vpnLo, 0);
    return this.miss(cpu, kind, vpnHi, vpnLo);
  }

  /** vmalloc_fault: copies the root entry that init_mm has and the loaded tables have not. */
  override fault(cpu: Cpu, vpnHi: number, vpnLo: number, outcome: number): boolean {
    return outcome === FAULT_ABSENT && this.vmallocFault(cpu, pageNumber(vpnHi, vpnLo));
  }

  /** By a leaf, or by all entries of a walk: RW stops the kernel as it stops users (CR0.WP). */
  override rights(hi: number, lo: number): number {
    return RIGHT_LOAD | ((lo & PAGE_RW) !== 0 ? RIGHT_STORE : 0) | ((hi & this.high.noExec) === 0 ? RIGHT_EXEC : 0);
  }

  override truth({ tlb }: Cpu, slot: number): TlbTruth {
    const { tables, memory } = this.host;
    const page = tlb.pageOf(slot);
    const large = this.largeEntry(page);
    const at = large !== 0 ? large : lookupKernelPte(this.host, page);
    const level = large !== 0 ? this.largeLevel : tables.depth - 1;
    if (at === 0 || (tables.entryLo(level, at) & PAGE_PRESENT) === 0) return { frame: -1, rights: 0 };
    const hi = tables.entryHi(level, at);
    const lo = tables.entryLo(level, at);
    const rights = this.users(hi, lo) | (this.rights(hi, lo) << KERNEL_RIGHTS_SHIFT);
    return { frame: memory.frameAt(this.frameOf(level, at, page)), rights };
  }

  protected override users(hi: number, lo: number): number {
    return (lo & PAGE_USER) === 0 ? 0 : this.rights(hi, lo);
  }

  /** A walk for user mode: a TLB slot, FAULT_ABSENT, FAULT_RIGHTS or FAULT_BUS. */
  userMiss(cpu: Cpu, kind: AccessKind, vpn: number): number {
    return this.walk(cpu, kind, vpn, true);
  }

  private vmallocFault(cpu: Cpu, vpn: number): boolean {
    const { arch, tables, initMm } = this.host;
    const registers = registersOf(cpu);
    if (initMm === null || this.rootInRegisters) return false;
    const space = arch.kernelSpace;
    // x86_64 looks at vmalloc's range first; i386 takes all that is the kernel's.
    if (arch.wordBits === 64 && space !== null && (vpn < space.start || vpn >= space.end)) return false;
    if (registers.rootWord === 0) {
      // The kernel had no tables yet when this CPU left its last mm.
      loadCr3(cpu, initMm, this.host);
      return true;
    }
    const from = kernelEntryAt(arch, 0, initMm.rootWord, vpn);
    const to = kernelEntryAt(arch, 0, registers.rootWord, vpn);
    if (tables.tableAt(0, from) === 0 || tables.tableAt(0, to) !== 0) return false;
    registers.vmallocFaults++;
    tables.setEntry(0, to, tables.entryHi(0, from), tables.entryLo(0, from));
    return true;
  }

  private walk(cpu: Cpu, kind: AccessKind, vpn: number, user: boolean): number {
    const { arch, tables, memory } = this.host;
    const { high } = this;
    const registers = registersOf(cpu);
    const last = tables.depth - 1;
    this.count(WALKS);
    this.walks++;
    let level = this.rootInRegisters ? 1 : 0;
    let table = this.rootInRegisters ? (registers.pdpt[rootIndex(vpn)] as number) : registers.rootWord;
    let every = PAGE_RW | PAGE_USER;
    let any = 0;
    for (; ; level++) {
      if (table === 0) return this.faulted(cpu, kind, vpn, user, 0);
      const at = kernelEntryAt(arch, level, table, vpn);
      const lo = tables.entryLo(level, at);
      const hi = tables.entryHi(level, at);
      this.count(WALK_REFERENCES);
      if ((lo & PAGE_PRESENT) === 0) return this.faulted(cpu, kind, vpn, user, 0);
      if ((hi & high.reserved) !== 0) return this.faulted(cpu, kind, vpn, user, FAULT_PROTECTION | FAULT_RESERVED);
      every &= lo;
      any |= hi;
      const isLarge = level === this.largeLevel && (lo & PAGE_PSE) !== 0;
      if (level < last && !isLarge) {
        if ((lo & PAGE_ACCESSED) === 0) memory.words[at] = lo | PAGE_ACCESSED;
        table = tables.tableAt(level, at);
        continue;
      }
      const rights = this.rights(any, every);
      const users = this.users(any, every);
      if (((user ? users : rights) & (1 << kind)) === 0) return this.faulted(cpu, kind, vpn, user, FAULT_PROTECTION);
      const page = memory.frameAt(this.frameOf(level, at, vpn));
      if (page < 0) return FAULT_BUS;
      const used = lo | PAGE_ACCESSED | (kind === STORE ? PAGE_DIRTY : 0);
      if (used !== lo) memory.words[at] = used;
      // A store to a clean page comes back for its dirty bit.
      const isClean = (used & PAGE_DIRTY) === 0;
      const cached = isClean ? ~RIGHT_STORE : -1;
      const attrs = ((lo >>> 8) & 1) | (isClean && (rights & RIGHT_STORE) !== 0 ? TLB_CLEAN : 0);
      // A page of a program's that the kernel reads is cached as the program's.
      const own = vpn < arch.layout.taskSizePages ? 0 : rights & cached;
      const both = (users & cached) | (own << KERNEL_RIGHTS_SHIFT);
      const span = isLarge ? (arch.geometry.shift[level] as number) : 0;
      return fillKernelSpan(this.host, cpu, kind, (vpn / 4294967296) | 0, vpn | 0, page, both, attrs, span);
    }
  }

  /** The end of a walk that gave nothing. A fault of user mode is delivered when the page-fault handler is entered. */
  private faulted(cpu: Cpu, kind: AccessKind, vpn: number, user: boolean, bits: number): number {
    registersOf(cpu).reservedBit = (bits & FAULT_RESERVED) !== 0;
    if (!user) this.codes.raise(cpu, kind, (vpn / 4294967296) | 0, vpn | 0, bits);
    return (bits & FAULT_PROTECTION) !== 0 ? FAULT_RIGHTS : FAULT_ABSENT;
  }

  /** Frame number that an entry of a level gives a page. */
  private frameOf(level: number, at: number, vpn: number): number {
    const { tables, arch } = this.host;
    const pfn = (tables.entryLo(level, at) >>> 12) | ((tables.entryHi(level, at) & this.high.frame) << 20);
    return level === tables.depth - 1 ? pfn : pfn + (vpn % arch.geometry.entryPages(level));
  }

  /** The entry in init_mm's tables of the large page that a page lies in; 0 where there is none. */
  private largeEntry(vpn: number): number {
    const { arch, tables, initMm } = this.host;
    let table = initMm?.rootWord ?? 0;
    for (let level = 0; table !== 0; level++) {
      const at = kernelEntryAt(arch, level, table, vpn);
      if (level === this.largeLevel) return (tables.entryLo(level, at) & LARGE) === LARGE ? at : 0;
      table = tables.tableAt(level, at);
    }
    return 0;
  }
}

/** A present entry for a large page. */
const LARGE = PAGE_PRESENT | PAGE_PSE;

/** Which of PAE's four pointers a 32-bit page number takes. */
function rootIndex(vpn: number): number {
  return (vpn >>> 18) & 3;
}
