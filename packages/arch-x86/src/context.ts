/**
 * Context switches (asm-i386/mmu_context.h). x86 has no address-space numbers: every translation belongs to the CR3
 * that is loaded, or is global, and loading CR3 drops all that is not global. The lazy state of kernel threads is not
 * modelled: a CPU keeps its mm until it runs another.
 */
import type { Cpu, Mm, PageTables, PhysicalMemory } from '@fourfold/core/arch';
import { PAGE_PRESENT } from './bits.js';
import { DirectoryCache } from './directory-cache.js';

/** Entries of PAE's page directory pointer table. */
const PDPT_ENTRIES = 4;

/** What a CPU holds beside its TLB. */
export class X86Registers {
  /** Physical address of the root table. */
  cr3 = 0;
  /** Word index of the root table's contents. */
  rootWord = 0;
  /** Word index of the pmd table of each of PAE's four pointers, which the processor reads at a CR3 load; 0 absent. */
  readonly pdpt: Int32Array = new Int32Array(PDPT_ENTRIES);
  readonly directory: DirectoryCache;

  /** @param span pages of a pte table */
  constructor(span: number) {
    this.directory = new DirectoryCache(span);
  }
}

/** The registers that this package hung on a CPU. */
export function registersOf(cpu: Cpu): X86Registers {
  return cpu.registers as X86Registers;
}

/** Loads CR3: points the CPU at the mm's tables and drops what is not global, the page-directory cache with it. Answers how many slots it dropped. */
export function loadCr3(cpu: Cpu, mm: Mm, memory: PhysicalMemory, tables: PageTables): number {
  const registers = registersOf(cpu);
  registers.cr3 = mm.rootPa;
  registers.rootWord = mm.rootWord;
  registers.directory.empty();
  if (tables.geometry.tableBytes[0] === PDPT_ENTRIES * 8) loadPdpt(registers, memory, tables);
  return cpu.tlb.dropAll(true);
}

/**
 * switch_mm. The order - old mask bit off, active mm set, new mask bit on, CR3 loaded - is what makes a flush that
 * comes late harmless. Switching to the mm that runs already does nothing unless its mask bit was lost.
 * Answers true when CR3 was loaded.
 */
export function switchMm(cpu: Cpu, prev: Mm | null, next: Mm, memory: PhysicalMemory, tables: PageTables): boolean {
  const bit = 1 << cpu.id;
  if (prev === next && (next.cpuVmMask & bit) !== 0 && registersOf(cpu).rootWord === next.rootWord) {
    cpu.mm = next;
    return false;
  }
  if (prev !== null && prev !== next) prev.cpuVmMask &= ~bit;
  cpu.mm = next;
  cpu.context = 0;
  next.cpuVmMask |= bit;
  loadCr3(cpu, next, memory, tables);
  return true;
}

function loadPdpt(registers: X86Registers, memory: PhysicalMemory, tables: PageTables): void {
  for (let i = 0; i < PDPT_ENTRIES; i++) {
    const at = registers.rootWord + 2 * i;
    const present = ((memory.words[at] as number) & PAGE_PRESENT) !== 0;
    registers.pdpt[i] = present ? Math.max(0, memory.wordAt(tables.tableAddress(0, at))) : 0;
  }
}
