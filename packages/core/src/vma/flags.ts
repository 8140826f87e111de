/** vm_flags, as the kernel numbers them (include/linux/mm.h at the reference commit; generic-mm 1.1). */
export const VM_READ = 0x1;
export const VM_WRITE = 0x2;
export const VM_EXEC = 0x4;
export const VM_SHARED = 0x8;
export const VM_MAYREAD = 0x10;
export const VM_MAYWRITE = 0x20;
export const VM_MAYEXEC = 0x40;
export const VM_MAYSHARE = 0x80;
export const VM_GROWSDOWN = 0x100;
export const VM_GROWSUP = 0x200;
export const VM_PFNMAP = 0x400;
export const VM_DENYWRITE = 0x800;
export const VM_EXECUTABLE = 0x1000;
export const VM_LOCKED = 0x2000;
export const VM_IO = 0x4000;
export const VM_SEQ_READ = 0x8000;
export const VM_RAND_READ = 0x10000;
export const VM_DONTCOPY = 0x20000;
export const VM_DONTEXPAND = 0x40000;
export const VM_RESERVED = 0x80000;
export const VM_ACCOUNT = 0x100000;
export const VM_HUGETLB = 0x400000;
export const VM_NONLINEAR = 0x800000;
/** Ours (mend of D11): made with MAP_NORESERVE, so mprotect does not charge it. Not a flag of this kernel version. */
export const VM_NORESERVE = 0x1000000;
export const VM_INSERTPAGE = 0x2000000;

export const VM_RIGHTS: number = VM_READ | VM_WRITE | VM_EXEC;
/** Areas with one of these never merge. */
export const VM_SPECIAL: number = VM_IO | VM_DONTCOPY | VM_DONTEXPAND | VM_RESERVED;
/** VM_DATA_DEFAULT_FLAGS of most machines: no execution, but it may be asked for (ArchDescriptor.dataFlags is what a machine has). */
export const VM_DATA_DEFAULT: number = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

/** A private mapping that may become writable: its pages are copied on write. */
export function isCowMapping(flags: number): boolean {
  return (flags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE;
}
