/** Kernels, address spaces and files for core's tests. */
import type { ArchDescriptor } from '../../src/arch/descriptor.js';
import { newMm } from '../../src/fork/dup-mmap.js';
import type { Inode, MappedFile } from '../../src/fs/file.js';
import { Kernel, type KernelConfig } from '../../src/kernel.js';
import { DiskFile } from '../../src/pagecache/disk-file.js';
import { runToEnd } from '../../src/smp/driver.js';
import type { Op } from '../../src/smp/lock.js';
import type { Mm } from '../../src/vma/mm.js';
import { PAGE_SIZE, testArch } from './test-arch.js';

/** A machine with `pages` frames of memory (default 4096) and one CPU. */
export function testKernel(
  arch: ArchDescriptor = testArch(),
  config: Partial<KernelConfig> = {},
  pages: number = 4096,
): Kernel {
  return new Kernel({
    arch,
    banks: [{ base: 0, size: pages * PAGE_SIZE }],
    zones: [{ name: 'Normal', endPfn: Number.POSITIVE_INFINITY }],
    cpus: 1,
    nrCpus: 1,
    contents: true,
    defectsKept: false,
    preempt: false,
    highpte: true,
    ...config,
  });
}

/** An empty address space, run by the first CPU. */
export function testMm(k: Kernel): Mm {
  const mm = runToEnd(newMm(k, null));
  if (mm === null) throw new Error('no memory for a root table');
  k.mmu.switchMm(k.cpu, k.cpu.mm, mm);
  return mm;
}

/** An open file over an inode. */
export function openTest(inode: Inode, rights: Partial<MappedFile> = {}): MappedFile {
  return { inode, readable: true, writable: true, refs: 1, ...rights };
}

/** A file of `pages` pages on the disk. */
export function testFile(k: Kernel, name: string, pages: number): DiskFile {
  return new DiskFile(k, name, { size: pages * PAGE_SIZE, warm: true });
}

/** Runs an operation to its end. */
export function run<T>(op: Op<T>): T {
  return runToEnd(op);
}
