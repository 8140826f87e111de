/**
 * Flushes (asm-i386/tlbflush.h, arch/i386/kernel/smp.c). One page: invlpg on every CPU that runs the mm. A range or
 * the whole mm: CR3 is loaded anew there. A CPU that runs another mm holds nothing of this one, so it is left alone.
 * flush_tlb_pgtables does nothing: a CR3 load covers the upper levels too.
 *
 * Each function answers how many slots it dropped.
 */
import type { Cpu, Mm, PageTables, PhysicalMemory } from '@fourfold/core/arch';
import { loadCr3, registersOf } from './context.js';

/** flush_tlb_page. */
export function flushPage(cpus: readonly Cpu[], mm: Mm, vpn: number): number {
  let dropped = 0;
  for (let i = 0; i < cpus.length; i++) {
    const cpu = cpus[i] as Cpu;
    if (cpu.mm === mm) dropped += invlpg(cpu, vpn);
  }
  return dropped;
}

/** flush_tlb_mm, and flush_tlb_range, which ignores its range. */
export function flushMm(cpus: readonly Cpu[], mm: Mm, memory: PhysicalMemory, tables: PageTables): number {
  let dropped = 0;
  for (let i = 0; i < cpus.length; i++) {
    const cpu = cpus[i] as Cpu;
    if (cpu.mm === mm) dropped += loadCr3(cpu, mm, memory, tables);
  }
  return dropped;
}

/** invlpg: drops the translation of a page on one CPU, global or not, and whatever its size, and where its pte table is. */
export function invlpg(cpu: Cpu, vpn: number): number {
  registersOf(cpu).directory.dropPage(vpn);
  return dropTranslation(cpu, vpn);
}

/** Drops the translation of a page on one CPU, as a walk that replaces it does. */
export function dropTranslation(cpu: Cpu, vpn: number): number {
  return cpu.tlb.dropPage((vpn / 4294967296) | 0, vpn | 0, cpu.context);
}
