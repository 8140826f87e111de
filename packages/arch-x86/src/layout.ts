/**
 * User address spaces (asm-i386/processor.h, asm-x86_64/processor.h, arch/i386/mm/mmap.c).
 *
 * i386 searches top-down from TASK_SIZE - 128 MiB: the gap for the stack is its limit, 8 MiB by default, raised to the
 * minimum of 128 MiB; where addresses are random, less than 1 MiB more. x86_64 tasks search upward from TASK_UNMAPPED_BASE, and never go back
 * for a hole unless something was unmapped (arch/x86_64/kernel/sys_x86_64.c).
 */
import { KernelSpace, Layout, type LinearMapSpec } from '@fourfold/core/arch';
import { PAGE_ACCESSED, PAGE_DIRTY, PAGE_GLOBAL, PAGE_NX, PAGE_PRESENT, PAGE_PSE, PAGE_RW, PAGE_USER } from './bits.js';
import { PAGE_SHIFT } from './geometry.js';

const I386_TASK_SIZE = 0xc000_0000n;
const I386_MIN_GAP = 128n << 20n;
/** How far down random_factor of mmap_base moves it, in bytes. */
const MMAP_RANDOM = 2 ** 20;
/** 2^47 less a guard page: one lower than the non-canonical hole, so that no access runs into it. */
const X86_64_TASK_SIZE = 0x7fff_ffff_f000n;

/** A page of the kernel that users may read. */
const GATE = BigInt(PAGE_PRESENT | PAGE_USER | PAGE_ACCESSED);

/** Both i386 machines: three gigabytes, the gate page near the top of the space. */
export const I386_LAYOUT: Layout = /* @__PURE__ */ new Layout(PAGE_SHIFT, {
  taskSize: I386_TASK_SIZE,
  unmappedBase: 0x4000_0000n, // PAGE_ALIGN(TASK_SIZE / 3)
  topDownBase: I386_TASK_SIZE - I386_MIN_GAP,
  stackGap: { min: I386_MIN_GAP, max: 0xa000_0000n }, // MAX_GAP: TASK_SIZE / 6 * 5
  random: { down: MMAP_RANDOM },
  stackTop: I386_TASK_SIZE,
  gate: { start: 0xffff_e000n, end: 0xffff_f000n, pages: [{ offset: 0n, protection: GATE }] },
});

/** A 64-bit task; the gate area is the vsyscall range. */
export const X86_64_LAYOUT: Layout = /* @__PURE__ */ new Layout(PAGE_SHIFT, {
  taskSize: X86_64_TASK_SIZE,
  unmappedBase: 0x2aaa_aaaa_b000n, // PAGE_ALIGN(TASK_SIZE / 3)
  map32: { start: 0x4000_0000n, end: 0x8000_0000n },
  forgetsHoles: true,
  random: { up: 2 ** 28 }, // arch_pick_mmap_layout of 2.6.16: so many pages
  stackTop: X86_64_TASK_SIZE,
  gate: {
    start: 0xffff_ffff_ff60_0000n,
    end: 0xffff_ffff_ffe0_0000n,
    // One page of 2048; PAGE_KERNEL_VSYSCALL.
    pages: [{ offset: 0n, protection: GATE | BigInt(PAGE_GLOBAL) }],
  },
});

/** TASK_SIZE of a 32-bit task of x86_64. */
const IA32_TASK_SIZE = 0xffff_e000n;

/**
 * A 32-bit task of x86_64: nearly all of 4 GiB, searched as on i386 (arch/x86_64/ia32/mmap32.c). There is no gate area: exec
 * puts an ordinary area for system calls at 0xFFFFE000, behind the end of user space, which is not modelled.
 */
export const IA32_LAYOUT: Layout = /* @__PURE__ */ new Layout(PAGE_SHIFT, {
  taskSize: IA32_TASK_SIZE,
  addressBits: 32,
  unmappedBase: 0x5555_5000n, // PAGE_ALIGN(TASK_SIZE / 3)
  topDownBase: IA32_TASK_SIZE - I386_MIN_GAP,
  stackGap: { min: I386_MIN_GAP, max: (IA32_TASK_SIZE / 6n) * 5n },
  random: { down: MMAP_RANDOM },
  stackTop: IA32_TASK_SIZE,
});

/** The same with the personality ADDR_LIMIT_3GB: the space of i386. */
export const IA32_3GB_LAYOUT: Layout = /* @__PURE__ */ new Layout(PAGE_SHIFT, {
  taskSize: I386_TASK_SIZE,
  addressBits: 32,
  unmappedBase: 0x4000_0000n,
  topDownBase: I386_TASK_SIZE - I386_MIN_GAP,
  stackGap: { min: I386_MIN_GAP, max: 0xa000_0000n },
  random: { down: MMAP_RANDOM },
  stackTop: I386_TASK_SIZE,
});

/** PAGE_KERNEL on processors with global pages. */
const PAGE_KERNEL = BigInt(PAGE_PRESENT | PAGE_RW | PAGE_ACCESSED | PAGE_DIRTY | PAGE_GLOBAL);
/** What ioremap of i386 gives: not global, and executable. */
const I386_IO = BigInt(PAGE_PRESENT | PAGE_RW | PAGE_ACCESSED | PAGE_DIRTY);

/** A large page of the kernel. */
const KERNEL_LARGE = PAGE_KERNEL | BigInt(PAGE_PSE);
const MIB = 2 ** 20;
/** High memory begins here: the map of memory ends. */
const I386_LOW_MEMORY = 896 * MIB;
/** The kernel's code and data, for which i386 leaves large pages executable: taken to be 4 MiB. */
const I386_TEXT = 4 * MIB;

/** i386: low memory from PAGE_OFFSET up (kernel_physical_mapping_init). */
function i386Linear(pae: boolean, nx: boolean): LinearMapSpec {
  return {
    level: pae ? 1 : 0,
    tableDrops: 0,
    pieces: [
      { start: I386_TASK_SIZE, physical: 0, most: I386_TEXT, prot: KERNEL_LARGE },
      {
        start: I386_TASK_SIZE + BigInt(I386_TEXT),
        physical: I386_TEXT,
        most: I386_LOW_MEMORY - I386_TEXT,
        prot: nx ? KERNEL_LARGE | PAGE_NX : KERNEL_LARGE,
      },
    ],
  };
}

/** x86_64: all memory, and 40 MiB from physical 0 again for the kernel's text (init_memory_mapping, head.S: level2_kernel_pgt). */
function x86_64Linear(nx: boolean): LinearMapSpec {
  return {
    level: 2,
    tableDrops: PAGE_USER, // _KERNPG_TABLE
    stretch: 2 ** 30, // e820_mapped of a PUD_SIZE
    pieces: [
      {
        start: 0xffff_8100_0000_0000n,
        physical: 0,
        most: 2 ** 46,
        prot: nx ? KERNEL_LARGE | PAGE_NX : KERNEL_LARGE,
      },
      {
        start: 0xffff_ffff_8000_0000n,
        physical: 0,
        most: 40 * MIB,
        always: true,
        prot: KERNEL_LARGE & ~BigInt(PAGE_ACCESSED | PAGE_DIRTY),
      },
    ],
  };
}

/**
 * The kernel's mappings on i386: from 8 MiB above high_memory to two pages below the window for high memory. high_memory is
 * taken to be 896 MiB, whatever memory the machine has. @param nx PAGE_KERNEL has the no-execute bit
 */
export function i386KernelSpace(pae: boolean, nx: boolean): KernelSpace {
  return new KernelSpace(PAGE_SHIFT, {
    start: 0xf880_0000n,
    end: pae ? 0xffbf_e000n : 0xff7f_e000n,
    firstRootEntry: pae ? 3 : 768,
    prot: nx ? PAGE_KERNEL | PAGE_NX : PAGE_KERNEL,
    ioremap: { prot: I386_IO },
    linear: i386Linear(pae, nx),
  });
}

/** The kernel's mappings on x86_64; ioremap's area is vmalloc's. */
export function x86_64KernelSpace(nx: boolean): KernelSpace {
  return new KernelSpace(PAGE_SHIFT, {
    start: 0xffff_c200_0000_0000n,
    end: 0xffff_e200_0000_0000n,
    firstRootEntry: 258, // pgd_index(PAGE_OFFSET)
    prot: nx ? PAGE_KERNEL | PAGE_NX : PAGE_KERNEL,
    ioremap: { prot: PAGE_KERNEL },
    linear: x86_64Linear(nx),
  });
}
