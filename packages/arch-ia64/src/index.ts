/** `@fourfold/arch-ia64`: Itanium under Linux 2.6.15. */
export * from './arch.js';
export * from './context.js';
export * from './flush.js';
export * from './geometry.js';
export * from './hugetlb.js';
export * from './layout.js';
export * from './mmu.js';
export * from './pte.js';
export * from './regions.js';
export * from './tables.js';
export * from './tlb.js';
export * from './vhpt.js';
export type { Ia64Roots } from './walk.js';
