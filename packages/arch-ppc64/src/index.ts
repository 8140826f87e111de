/** `@fourfold/arch-ppc64`: 64-bit PowerPC with a hashed page table under Linux 2.6.15. */
export * from './arch.js';
export * from './context.js';
export * from './flush.js';
export * from './geometry.js';
export * from './hash-audit.js';
export * from './hash-page.js';
export * from './hash-table.js';
export * from './hpte.js';
export * from './huge-areas.js';
export * from './hugetlb.js';
export * from './layout.js';
export * from './linux-walk.js';
export * from './mmu.js';
export * from './pte.js';
export * from './slb.js';
export * from './tables.js';
export * from './tlb.js';
export type { Ppc64Roots, SlbEntry } from './walk.js';
