/**
 * `@fourfold/core/arch`: the contract between core and an architecture, and what works on a descriptor alone. The only
 * entry that an arch package imports.
 */

export { ERRNO, errnoName, KernelBug, MmError } from '../errors.js';
export * from '../events/counters.js';
export * from '../events/ring.js';
export * from '../image/image.js';
export * from '../image/roots.js';
export * from '../image/walk.js';
export { type MemMap, PG_ARCH_1, PG_RESERVED } from '../memory/mem-map.js';
export type { Bank, PhysicalMemory } from '../memory/physical.js';
export type { PageTables, StoppedHandlers } from '../pgtable/page-tables.js';
export { Cpu, type FlushBatch } from '../smp/cpu.js';
export * from '../smp/ipi.js';
export type { Op, Wait } from '../smp/lock.js';
export * from '../tlb/record.js';
export { unitsFor } from '../tlb/shape.js';
export * from '../tlb/tlb.js';
export * from '../vma/flags.js';
export type { Mm } from '../vma/mm.js';
export {
  fillKernelSpan,
  kernelEntryAt,
  kernelEntryOf,
  kernelTableOf,
  lookupKernelPte,
} from '../vmalloc/kernel-lookup.js';
export * from './access.js';
export { BareHost, type BareHostOptions } from './bare-host.js';
export * from './descriptor.js';
export * from './geometry.js';
export * from './hugetlb.js';
export * from './io-remap.js';
export * from './kernel-access.js';
export * from './kernel-space.js';
export * from './layout.js';
export * from './mmu.js';
export * from './mmu-data.js';
export * from './pte-codec.js';
export * from './pte-format.js';
export * from './table-format.js';
export * from './upper-codec.js';
export * from './words.js';
