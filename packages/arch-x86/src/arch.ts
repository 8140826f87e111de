/** The three x86 machines, and functions that make variants of them. */
import {
  ARCH_CONTRACT_VERSION,
  ArchDescriptor,
  type FaultRulesSpec,
  type TlbShape,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
} from '@fourfold/core/arch';
import { PAE_HARDWARE_FRAME, PAGE_NX, X86_64_HARDWARE_FRAME } from './bits.js';
import { I386_GEOMETRY, I386_PAE_GEOMETRY, X86_64_GEOMETRY } from './geometry.js';
import { I386_HUGETLB, I386_PAE_HUGETLB, X86_64_HUGETLB } from './hugetlb.js';
import {
  I386_LAYOUT,
  IA32_3GB_LAYOUT,
  IA32_LAYOUT,
  i386KernelSpace,
  X86_64_LAYOUT,
  x86_64KernelSpace,
} from './layout.js';
import { type WalkerSpec, X86Mmu } from './mmu.js';
import { i386Pte, paePte, x86_64Pte } from './pte.js';
import { I386_PAE_UPPER, I386_UPPER, X86_64_UPPER } from './tables.js';
import {
  OPTERON_COST,
  OPTERON_TLB,
  PENTIUM_III_COST,
  PENTIUM_III_PAE_TLB,
  PENTIUM_III_TLB,
  X86_GATHER,
} from './tlb.js';
import { x86Images } from './walk.js';

/** What a variant of a machine may change. */
export interface X86Options {
  /** TLBs of the processor. Default: Pentium III for i386, Opteron for x86_64. */
  readonly tlb?: TlbShape;
}

/** The same for machines that can have the NX bit. */
export interface X86NxOptions extends X86Options {
  /** Whether the processor has NX and the kernel uses it. Default true. */
  readonly nx?: boolean;
}

/** The same for a machine that runs two kinds of task. */
export interface X86_64Options extends X86NxOptions {
  /** Address space of its tasks: 64 (default) or 32 bits. */
  readonly task?: 64 | 32;
  /** Tasks of 32 bits have 3 GiB (ADDR_LIMIT_3GB). Default false: nearly 4. */
  readonly limit3Gb?: boolean;
}

/** Two-level i386: 32-bit entries, 4 GiB of physical memory. */
export function createI386(options: X86Options = {}): ArchDescriptor {
  const walker: WalkerSpec = {
    beyondUser: ABOVE_4_GIB,
    reserved: 0n,
    noExec: 0n,
    frame: 0n,
    rootInRegisters: false,
    flushSlots: I386_FLUSH_SLOTS,
  };
  return new ArchDescriptor({
    ...COMMON,
    name: 'i386',
    title: 'i386, two-level page tables',
    wordBits: 32,
    geometry: I386_GEOMETRY,
    layout: I386_LAYOUT,
    upper: I386_UPPER,
    pte: i386Pte(),
    kernelSpace: i386KernelSpace(false, false),
    tlb: options.tlb ?? PENTIUM_III_TLB,
    cost: PENTIUM_III_COST,
    hugetlb: '4 MiB, leaf in the page directory',
    hugePages: I386_HUGETLB,
    physicalBits: 32,
    createImages: (arch) => x86Images(arch, false),
    createMmu: (host) => new X86Mmu(host, walker),
  });
}

/** i386 with physical address extension: 64-bit entries stored in two halves, 64 GiB of physical memory. */
export function createI386Pae(options: X86NxOptions = {}): ArchDescriptor {
  const nx = options.nx ?? true;
  const walker: WalkerSpec = {
    beyondUser: ABOVE_4_GIB,
    reserved: nx ? PAE_RESERVED : PAE_RESERVED | PAGE_NX,
    noExec: PAGE_NX,
    frame: PAE_HARDWARE_FRAME,
    rootInRegisters: true,
    flushSlots: I386_FLUSH_SLOTS,
  };
  return new ArchDescriptor({
    ...COMMON,
    name: 'i386-pae',
    title: nx ? 'i386 PAE, three-level page tables' : 'i386 PAE without NX, three-level page tables',
    wordBits: 32,
    geometry: I386_PAE_GEOMETRY,
    layout: I386_LAYOUT,
    upper: I386_PAE_UPPER,
    pte: paePte(nx),
    kernelSpace: i386KernelSpace(true, nx),
    tlb: options.tlb ?? PENTIUM_III_PAE_TLB,
    cost: PENTIUM_III_COST,
    hugetlb: '2 MiB, leaf in the pmd',
    hugePages: I386_PAE_HUGETLB,
    physicalBits: 36,
    createImages: (arch) => x86Images(arch, nx),
    createMmu: (host) => new X86Mmu(host, walker),
  });
}

/** x86_64: four levels, 47 bits of user space, 1 TiB of physical memory (K8). */
export function createX86_64(options: X86_64Options = {}): ArchDescriptor {
  const nx = options.nx ?? true;
  const walker: WalkerSpec = {
    beyondUser: NOT_LOWER_HALF,
    reserved: nx ? X86_64_RESERVED : X86_64_RESERVED | PAGE_NX,
    noExec: PAGE_NX,
    frame: X86_64_HARDWARE_FRAME,
    rootInRegisters: false,
    flushSlots: X86_64_FLUSH_SLOTS,
  };
  return new ArchDescriptor({
    ...COMMON,
    name: 'x86_64',
    faults: X86_64_FAULTS,
    title: nx ? 'x86-64, four-level page tables' : 'x86-64 without NX, four-level page tables',
    wordBits: 64,
    geometry: X86_64_GEOMETRY,
    layout: options.task !== 32 ? X86_64_LAYOUT : options.limit3Gb === true ? IA32_3GB_LAYOUT : IA32_LAYOUT,
    upper: X86_64_UPPER,
    pte: x86_64Pte(nx),
    kernelSpace: x86_64KernelSpace(nx),
    tlb: options.tlb ?? OPTERON_TLB,
    cost: OPTERON_COST,
    hugetlb: '2 MiB, leaf in the pmd',
    hugePages: X86_64_HUGETLB,
    physicalBits: 40,
    createImages: (arch) => x86Images(arch, nx),
    createMmu: (host) => new X86Mmu(host, walker),
  });
}

/** One flush of others at a time, under tlbstate_lock. */
const I386_FLUSH_SLOTS = 1;
/** INVALIDATE_TLB_VECTOR_START to _END: vectors 0xf0 to 0xf7. */
const X86_64_FLUSH_SLOTS = 8;
/** Page number bits above a 32-bit address. */
const ABOVE_4_GIB = 0xffff_ffff_fff0_0000n;
/** Page number bits from 47-bit addresses up: non-canonical, or the kernel's half. */
const NOT_LOWER_HALF = 0xffff_fff8_0000_0000n;
/** Bits 36 to 62. */
const PAE_RESERVED = 0x7fff_fff0_0000_0000n;
/** Bits 40 to 51. */
const X86_64_RESERVED = 0x000f_ff00_0000_0000n;

/**
 * Faults (arch/i386/mm/fault.c before 2.6.18): a read or fetch of an absent page needs VM_READ or VM_EXEC, a store
 * VM_WRITE; a read or fetch that was denied on a present page is always a signal, which is also how NX ends. A read
 * fault leaves the access flags to the processor.
 */
const FAULTS: FaultRulesSpec = {
  exec: VM_READ | VM_EXEC,
  load: VM_READ | VM_EXEC,
  store: VM_WRITE,
  presentReadIsFatal: true,
  readUpdatesAccessFlags: false,
  stackSlack: 32, // the longest push, PUSHA
};
/** Below the stack pointer lies a red zone of 128 bytes. */
const X86_64_FAULTS: FaultRulesSpec = { ...FAULTS, stackSlack: 128 };

const COMMON = {
  contractVersion: ARCH_CONTRACT_VERSION,
  byteOrder: 'little',
  gather: X86_GATHER,
  faults: FAULTS,
  walker: 'hardware walk',
  flushStyle: 'invlpg for a page, CR3 load for the rest',
  madvRemove: 5,
} as const;

/** i386 with two-level page tables. */
export const i386: ArchDescriptor = /* @__PURE__ */ createI386();
/** i386 with PAE and NX. */
export const i386Pae: ArchDescriptor = /* @__PURE__ */ createI386Pae();
/** x86_64 with NX. */
export const x86_64: ArchDescriptor = /* @__PURE__ */ createX86_64();
/** All three, in the order of their tables' depth. */
export const x86Arches: readonly ArchDescriptor[] = [i386, i386Pae, x86_64];
