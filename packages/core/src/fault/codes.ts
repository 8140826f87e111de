/** Results of the fault handlers (generic-mm 1.2). */
export const VM_FAULT_OOM = 0;
export const VM_FAULT_SIGBUS = 1;
export const VM_FAULT_MINOR = 2;
export const VM_FAULT_MAJOR = 3;
/** Or-ed in by do_wp_page when copy-on-write was broken. */
export const VM_FAULT_WRITE = 0x10;
/** Ours: the entry was there and allowed the access; only accessed or dirty had to be set (software-kept bits). */
export const VM_FAULT_BITS = 0x20;
/** The four results without the bits. */
export const VM_FAULT_MASK = 0x0f;
