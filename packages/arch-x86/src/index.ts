/** `@fourfold/arch-x86`: the i386, i386-pae and x86_64 machines. */
export {
  createI386,
  createI386Pae,
  createX86_64,
  i386,
  i386Pae,
  type X86_64Options,
  type X86NxOptions,
  type X86Options,
  x86_64,
  x86Arches,
} from './arch.js';
export { registersOf, type X86Registers } from './context.js';
export { I386_HUGETLB, I386_PAE_HUGETLB, X86_64_HUGETLB } from './hugetlb.js';
export { FAULT_FETCH, FAULT_PROTECTION, FAULT_RESERVED, FAULT_USER, FAULT_WRITE, signalFrame } from './page-fault.js';
export {
  OPTERON_COST,
  OPTERON_TLB,
  PENTIUM_III_COST,
  PENTIUM_III_PAE_TLB,
  PENTIUM_III_TLB,
  pentiumIIITlb,
} from './tlb.js';
export {
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_LA57,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  type X86Roots,
} from './walk.js';
