/**
 * User address spaces. Of a 64-bit task: two halves around the hole that 44-bit virtual addresses leave, and the linear
 * page table ("VPTE area") above TASK_SIZE. mmap searches upward from the start of the *high* half; the low half is
 * reached by hint, MAP_FIXED, brk and the stack (asm-sparc64/pgtable.h, processor.h; arch/sparc64/kernel/sys_sparc.c).
 * A 32-bit task has the first 0xF0000000 bytes.
 *
 * The linear table: vpte(va) = VPTE_BASE + ((signed va) >> PAGE_SHIFT) * 8. Low addresses grow upward from VPTE_BASE,
 * high ones end just below it. A page of it is a pte table, seen at its place in the same context.
 */
import { KernelSpace, Layout } from '@fourfold/core/arch';
import { pteIndexBits, type Sparc64PageShift } from './geometry.js';
import { PAGE_KERNEL } from './pte.js';

/** Bits of a virtual address that spitfire implements (VA_BITS); cheetah is run the same way. */
export const VA_BITS = 44;
/** First address of the hole. */
export const HOLE_START = 0x0000_0800_0000_0000n;
/** First address behind the hole; PAGE_OFFSET, the kernel's direct map, has the same number in context 0. */
export const PAGE_OFFSET = 0xffff_f800_0000_0000n;
/** TASK_UNMAPPED_BASE of a 32-bit task, and its STACK_TOP, which no mapping of its own passes. */
export const UNMAPPED_BASE_32 = 0x7000_0000n;
export const STACK_TOP_32 = 0xf000_0000n;
/** The kernel's addresses that tables translate: modules, then past the firmware's range vmalloc. */
export const MODULES_VADDR = 0x1000_0000;
export const PROM_START = 0xf000_0000;
export const VMALLOC_START = 0x1_0000_0000;
export const VMALLOC_END = 0x2_0000_0000;
/** The L1 data cache, virtually indexed: SHMLBA unless the page is larger. */
export const L1DCACHE_SIZE = 0x4000;

const SPACE = 1n << 64n;

/** Bytes of the linear page table: 2^(44 - PAGE_SHIFT + 3). */
export function vpteSize(pageShift: number): bigint {
  return 1n << BigInt(VA_BITS - pageShift + 3);
}

/** First address past user space; the linear page table begins here. */
export function taskSize(pageShift: number): bigint {
  return SPACE - vpteSize(pageShift);
}

/** Middle of the linear page table: where the entry of address 0 lies. */
export function vpteBase(pageShift: number): bigint {
  return SPACE - vpteSize(pageShift) / 2n;
}

/** Address of the pte of `va` in the linear page table. */
export function vpteAddress(pageShift: number, va: bigint): bigint {
  const page = BigInt.asIntN(64, va) >> BigInt(pageShift);
  return BigInt.asUintN(64, vpteBase(pageShift) + page * 8n);
}

/**
 * The kernel's mappings: vmalloc below pgd[0] of its root. Device memory is reached by its physical address past the MMU
 * (bypass loads and stores), so ioremap answers that address.
 */
export function createKernelSpace(pageShift: Sparc64PageShift): KernelSpace {
  return new KernelSpace(pageShift, {
    start: BigInt(VMALLOC_START),
    end: BigInt(VMALLOC_END),
    prot: PAGE_KERNEL,
    ioremap: { base: 0n, bypass: true },
  });
}

/** Tasks a sparc64 kernel runs. */
export type Sparc64Task = 64 | 32;

/** The layout for one page size and kind of task. */
export function createLayout(pageShift: Sparc64PageShift, task: Sparc64Task = 64): Layout {
  if (task === 32) return createLayout32(pageShift);
  return new Layout(pageShift, {
    taskSize: taskSize(pageShift),
    unmappedBase: PAGE_OFFSET,
    stackTop: HOLE_START,
    holes: [{ start: HOLE_START, end: PAGE_OFFSET }],
    maxLength: HOLE_START,
    munmapAsks: true,
    forcesColour: true,
    colourBytes: colourBytes(pageShift),
    brkFixedBits: PAGE_OFFSET,
  });
}

/**
 * A 32-bit task. TASK_SIZE is that of all tasks, so the generic tests are too; the port's own system calls keep such a task
 * below 0xF0000000 (sys_sparc.c, sys_sparc32.c), which is said here by a hole from there on. munmap has no such test.
 */
function createLayout32(pageShift: Sparc64PageShift): Layout {
  return new Layout(pageShift, {
    taskSize: taskSize(pageShift),
    addressBits: 32,
    unmappedBase: UNMAPPED_BASE_32,
    stackTop: STACK_TOP_32,
    holes: [{ start: STACK_TOP_32, end: taskSize(pageShift) }],
    maxLength: STACK_TOP_32,
    forcesColour: true,
    colourBytes: colourBytes(pageShift),
    brkEnd: STACK_TOP_32,
    tablesAtExec: true,
  });
}

/** SHMLBA. */
function colourBytes(pageShift: Sparc64PageShift): number {
  return Math.max(L1DCACHE_SIZE, 2 ** pageShift);
}

/** The linear page table in page numbers and their halves, for code that runs per miss and per flush. */
export class VpteArea {
  /** log2 of the ptes of a VPTE page. */
  readonly pteBits: number;
  /** High half of every page number above the hole. */
  readonly topHi: number;
  /** Low half (signed) of the VPTE page of address 0. */
  readonly baseLo: number;
  /** Low half (signed) of the first page past user space. */
  readonly windowLo: number;
  /** Low half (signed) of the first page behind the hole. */
  readonly highLo: number;
  /** Pages of each half of the address space: 2^this. */
  readonly halfShift: number;
  /** The same as whole page numbers: past user space, VPTE page of address 0, past the address space. */
  readonly windowPage: number;
  readonly basePage: number;
  readonly spacePages: number;

  constructor(pageShift: number) {
    this.pteBits = pteIndexBits(pageShift);
    this.spacePages = 2 ** (64 - pageShift);
    this.halfShift = VA_BITS - 1 - pageShift;
    const halfWindow = 2 ** (this.halfShift - this.pteBits);
    this.basePage = this.spacePages - halfWindow;
    this.windowPage = this.spacePages - 2 * halfWindow;
    this.topHi = (1 << (32 - pageShift)) - 1;
    this.baseLo = -halfWindow | 0;
    this.windowLo = (-2 * halfWindow) | 0;
    this.highLo = -1 << this.halfShift;
  }

  /** Page of the linear table that holds the pte of page `vpn`; not wrapped: the end of the low half gives spacePages. */
  pageOf(vpn: number): number {
    const signed = vpn >= this.spacePages / 2 ? vpn - this.spacePages : vpn;
    return this.basePage + Math.floor(signed / 2 ** this.pteBits);
  }
}

// --- cache colours: one bit, because the 16 KiB data cache is twice an 8 KiB page ------------------------------------

/** COLOUR_ALIGN: the lowest address from `address` up whose colour fits file page `pgoff`. */
export function colourAlign(pageShift: number, address: bigint, pgoff: bigint): bigint {
  const shmlba = BigInt(Math.max(L1DCACHE_SIZE, 2 ** pageShift));
  const base = (address + shmlba - 1n) & ~(shmlba - 1n);
  return base + ((pgoff << BigInt(pageShift)) & (shmlba - 1n));
}

/** VPTE_COLOR: cache colour at which the pte table of a user address appears in the linear table. */
export function vpteColour(pageShift: number, va: bigint): number {
  return Number((va >> BigInt(pageShift + 10)) & 1n);
}

/** Whether a page seen at a kernel and at a user address lies in two places of the data cache. */
export function dcacheAliases(kernelAddress: bigint, userAddress: bigint): boolean {
  return ((kernelAddress ^ userAddress) & 0x2000n) !== 0n;
}
