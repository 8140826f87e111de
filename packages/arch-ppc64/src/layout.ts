/**
 * User address space (asm-powerpc/processor.h, arch/powerpc/mm/mmap.c): 44 bits, and mmap always searches upward for a
 * 64-bit task. A 32-bit task has the low 4 GiB and searches downward from below the gap for its stack: the stack's limit, 128 MiB at
 * least, no randomness. There is no gate area; the vDSO is an ordinary area at 1 MiB.
 */
import { KernelSpace, Layout } from '@fourfold/core/arch';
import type { Ppc64PageShift } from './geometry.js';
import { PAGE_KERNEL, PAGE_KERNEL_CI } from './pte.js';

export const TASK_SIZE_USER64 = 0x1000_0000_0000n;
/** TASK_SIZE / 4. */
export const TASK_UNMAPPED_BASE_USER64 = 0x0400_0000_0000n;
/** VDSO64_MBASE, VDSO32_MBASE: where the vDSO goes if nothing is there. */
export const VDSO_MBASE = 0x10_0000n;
/** Bytes that either image needs, before it is padded to pages. */
const VDSO_IMAGE = 2 << 12;
/** Smallest gap a top-down space keeps for the stack. */
const MIN_GAP = 128n << 20n;

/** Tasks a ppc64 kernel runs. */
export type Ppc64Task = 64 | 32;

/** The kernel's mappings, all in region 0xD: vmalloc, and from 2 GiB behind its end device memory. */
export function createKernelSpace(pageShift: Ppc64PageShift): KernelSpace {
  return new KernelSpace(pageShift, {
    start: 0xd000_0000_0000_0000n,
    end: 0xd000_0800_0000_0000n,
    prot: PAGE_KERNEL,
    ioremap: { prot: PAGE_KERNEL_CI, range: { start: 0xd000_0800_8000_0000n, end: 0xd000_1000_0000_0000n } },
  });
}

/** TASK_SIZE of a 32-bit task: 4 GiB less one page. */
export function taskSize32(pageShift: Ppc64PageShift): bigint {
  return 0x1_0000_0000n - (1n << BigInt(pageShift));
}

/** The layout for one page size and kind of task. */
export function createLayout(pageShift: Ppc64PageShift, task: Ppc64Task = 64): Layout {
  const vdso = { wish: VDSO_MBASE, imagePages: Math.ceil(VDSO_IMAGE / 2 ** pageShift) };
  if (task === 64) {
    return new Layout(pageShift, {
      taskSize: TASK_SIZE_USER64,
      unmappedBase: TASK_UNMAPPED_BASE_USER64,
      stackTop: TASK_SIZE_USER64,
      vdso,
    });
  }
  const taskSize = taskSize32(pageShift);
  return new Layout(pageShift, {
    taskSize,
    addressBits: 32,
    unmappedBase: 0x4000_0000n, // PAGE_ALIGN(TASK_SIZE / 4)
    topDownBase: taskSize - MIN_GAP,
    stackGap: { min: MIN_GAP, max: (taskSize / 6n) * 5n },
    stackTop: taskSize,
    vdso,
  });
}
