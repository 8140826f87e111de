/** `@fourfold/arch-sparc64`: UltraSPARC under Linux 2.6.15. */
export * from './arch.js';
export * from './context.js';
export * from './flush.js';
export * from './geometry.js';
export * from './hugetlb.js';
export * from './io-runs.js';
export * from './layout.js';
export * from './mmu.js';
export * from './page-sizes.js';
export * from './pte.js';
export * from './tables.js';
export * from './tlb.js';
export type { Sparc64Roots, Tte } from './walk.js';
