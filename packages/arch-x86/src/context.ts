/**
 * Context switches (asm-i386/mmu_context.h, asm-x86_64/mmu_context.h) and lazy TLB (arch/i386/kernel/smp.c: leave_mm). x86 has
 * no address-space numbers: every translation belongs to the CR3 that is loaded, or is global, and loading CR3 drops all
 * that is not global.
 *
 * A CPU that turns to a kernel thread keeps CR3 and its place in the mm's cpu_vm_mask, and goes lazy. The first flush of that
 * mm that reaches it makes it leave: it takes itself out of the mask and loads the kernel's own tables, so a lazy CPU is
 * interrupted at most once for an mm. With one CPU there is no such state.
 */
import { type Cpu, KernelBug, type Mm, type MmuHost, PURGES } from '@fourfold/core/arch';
import { PAGE_PRESENT } from './bits.js';
import { DirectoryCache } from './directory-cache.js';

/** Entries of PAE's page directory pointer table. */
const PDPT_ENTRIES = 4;

/** What a CPU holds beside its TLB. */
export class X86Registers {
  /** Physical address of the root table. */
  cr3 = 0;
  /** Word index of the root table's contents; 0 is a table without entries. */
  rootWord = 0;
  /** Word index of the pmd table of each of PAE's four pointers, which the processor reads at a CR3 load; 0 absent. */
  readonly pdpt: Int32Array = new Int32Array(PDPT_ENTRIES);
  readonly directory: DirectoryCache;
  /** cpu_tlbstate.state is TLBSTATE_LAZY. */
  lazy = false;
  /** Of the last page fault: the page, two halves, and the offset in it (CR2), and the error code that the processor pushes. */
  faultHi = 0;
  faultLo = 0;
  faultOffset = 0;
  errorCode = 0;
  /** The walk that last refused a present entry met a reserved bit. */
  reservedBit = false;
  /** How often this CPU loaded CR3, executed INVLPG, toggled CR4.PGE, and left an mm. */
  cr3Loads = 0;
  invlpgs = 0;
  pgeToggles = 0;
  leaves = 0;
  /** Entries of the kernel that a fault copied into the tables this CPU had loaded (vmalloc_fault). */
  vmallocFaults = 0;

  /** @param span pages of a pte table */
  constructor(span: number) {
    this.directory = new DirectoryCache(span);
  }
}

/** The registers that this package hung on a CPU. */
export function registersOf(cpu: Cpu): X86Registers {
  return cpu.registers as X86Registers;
}

/** Loads CR3 with the tables of an mm, with none where the kernel has no tables of its own. Answers as `reloadCr3` does. */
export function loadCr3(cpu: Cpu, mm: Mm | null, host: MmuHost): number {
  const registers = registersOf(cpu);
  registers.cr3 = mm === null ? 0 : mm.rootPa;
  registers.rootWord = mm === null ? 0 : mm.rootWord;
  return reloadCr3(cpu, host);
}

/**
 * Loads CR3 with what it has: drops what is not global, the page-directory cache with it, and reads PAE's pointers anew.
 * Answers how many slots it dropped.
 */
export function reloadCr3(cpu: Cpu, host: MmuHost): number {
  const registers = registersOf(cpu);
  registers.cr3Loads++;
  countPurge(host);
  registers.directory.empty();
  if (host.arch.geometry.tableBytes[0] === PDPT_ENTRIES * 8) loadPdpt(registers, host);
  return cpu.tlb.dropAll(true);
}

/** One purge instruction of x86: INVLPG or a CR3 load. */
export function countPurge({ counters }: MmuHost): void {
  counters.values[PURGES] = (counters.values[PURGES] as number) + 1;
}

/**
 * switch_mm. The order - old mask bit off, state OK, active mm set, new mask bit on, CR3 loaded - is what makes a flush that
 * comes late harmless. Switching to the mm that is loaded already does nothing, unless the CPU left it in between.
 */
export function switchMm(cpu: Cpu, prev: Mm | null, next: Mm, host: MmuHost): void {
  const bit = 1 << cpu.id;
  if (prev !== null && prev !== next) prev.cpuVmMask &= ~bit;
  registersOf(cpu).lazy = false;
  cpu.mm = next;
  const left = (next.cpuVmMask & bit) === 0;
  next.cpuVmMask |= bit;
  if (prev === next && !left) return;
  cpu.context = 0;
  loadCr3(cpu, next, host);
}

/** enter_lazy_tlb. */
export function enterLazyTlb(cpu: Cpu, host: MmuHost): void {
  if (host.cpus.length > 1) registersOf(cpu).lazy = true;
}

/** leave_mm: a lazy CPU gives up the tables it borrowed. Answers how many slots it dropped. */
export function leaveMm(cpu: Cpu, mm: Mm, host: MmuHost): number {
  const registers = registersOf(cpu);
  if (!registers.lazy) throw new KernelBug(`CPU ${cpu.id} leaves mm ${mm.id} while it runs user mode in it`);
  mm.cpuVmMask &= ~(1 << cpu.id);
  cpu.context = -1;
  registers.leaves++;
  return loadCr3(cpu, host.initMm, host);
}

function loadPdpt(registers: X86Registers, { memory, tables }: MmuHost): void {
  for (let i = 0; i < PDPT_ENTRIES; i++) {
    const at = registers.rootWord + 2 * i;
    const present = ((memory.words[at] as number) & PAGE_PRESENT) !== 0;
    registers.pdpt[i] = present ? Math.max(0, memory.wordAt(tables.tableAddress(0, at))) : 0;
  }
}
