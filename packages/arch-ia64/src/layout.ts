/**
 * User address space: five regions of 2^61 bytes, of which only the first RGN_MAP_LIMIT bytes can be mapped. mmap searches
 * upward from the start of region 1 and never jumps to the next region; text is linked to region 2, data and the stack
 * lie in region 3, huge pages in region 4, old 32-bit programs (and the break of a machine started here) in region 0
 * (asm-ia64/processor.h, page.h, ustack.h, shmparam.h).
 */
import { KernelSpace, Layout } from '@fourfold/core/arch';
import { type Ia64Levels, type Ia64PageShift, regionMapLimit } from './geometry.js';
import { PAGE_GATE, PAGE_KERNEL, PAGE_READONLY, PAGE_ZERO_VMA } from './pte.js';
import { RGN_DATA, RGN_GATE, RGN_UNCACHED, regionBase } from './regions.js';

/** TASK_SIZE: regions 0 to 4. */
export const TASK_SIZE: bigint = 0xa000_0000_0000_0000n;
/** TASK_UNMAPPED_BASE, DEFAULT_MAP_BASE: region 1. */
export const MAP_BASE: bigint = 0x2000_0000_0000_0000n;
/** ELF_ET_DYN_BASE. */
export const ELF_ET_DYN_BASE: bigint = MAP_BASE + 0x8_0000_0000n;
/** Gate pages: a readable one, and at + 64 KiB the execute-only one; the rest up to 128 KiB is zero pages. */
export const GATE_ADDR: bigint = 0xa000_0000_0000_0000n;
export const GATE_SIZE = 0x2_0000n;
/** Offset of the execute-only page, through which `epc` enters the kernel. */
const GATE_EPC = 0x1_0000n;
/** Kernel image, vmalloc area and per-CPU area. */
export const KERNEL_START: bigint = GATE_ADDR + 0x1_0000_0000n;
export const VMALLOC_START: bigint = GATE_ADDR + 0x2_0000_0000n;
export const PERCPU_ADDR: bigint = 0xffff_ffff_ffff_0000n;
/** PAGE_OFFSET: the kernel's cached identity map. */
export const PAGE_OFFSET: bigint = 0xe000_0000_0000_0000n;
/** SHMLBA. */
export const SHMLBA = 0x10_0000;
/** DEFAULT_USER_STACK_SIZE. */
export const DEFAULT_USER_STACK_SIZE: bigint = 1n << 31n;

/** VMALLOC_END. */
export function vmallocEnd(pageShift: number): bigint {
  return regionBase(RGN_GATE) + (1n << BigInt(4 * pageShift - 9));
}

/** STACK_TOP. */
export function stackTop(pageShift: number, levels: number): bigint {
  return regionBase(RGN_DATA) + regionMapLimit(pageShift, levels);
}

/** MAX_USER_STACK_SIZE: the register backing store lies at most so far below STACK_TOP. */
export function maxUserStackSize(pageShift: number, levels: number): bigint {
  return regionMapLimit(pageShift, levels) / 2n;
}

/** The kernel's mappings: vmalloc in region 5 by its tables; device memory lies in region 6, uncached, without any. */
export function createKernelSpace(pageShift: Ia64PageShift): KernelSpace {
  return new KernelSpace(pageShift, {
    start: VMALLOC_START,
    end: vmallocEnd(pageShift),
    prot: PAGE_KERNEL,
    ioremap: { base: regionBase(RGN_UNCACHED) },
  });
}

/** The layout for one page size and depth. */
export function createLayout(pageShift: Ia64PageShift, levels: Ia64Levels): Layout {
  const limit = regionMapLimit(pageShift, levels);
  return new Layout(pageShift, {
    taskSize: TASK_SIZE,
    unmappedBase: MAP_BASE,
    stackTop: stackTop(pageShift, levels),
    backingStore: { most: maxUserStackSize(pageShift, levels) },
    pageZero: PAGE_ZERO_VMA,
    maxLength: limit,
    region: { shift: 61, limit },
    colourBytes: SHMLBA,
    gate: {
      start: GATE_ADDR,
      end: GATE_ADDR + GATE_SIZE,
      pages: [
        { offset: 0n, protection: PAGE_READONLY },
        { offset: GATE_EPC, protection: PAGE_GATE },
      ],
      filler: PAGE_READONLY,
    },
  });
}

/** Where the kernel keeps what, for people and tests. */
export const REGION_USE: readonly string[] = [
  'page 0 (NaT), 32-bit tasks',
  'mmap and shared libraries',
  'program text',
  'data, register backing store, stack',
  'huge pages',
  'gate pages, kernel image, vmalloc',
  'uncached identity map',
  'cached identity map',
];
