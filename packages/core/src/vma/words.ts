/**
 * Arguments of system calls: machine words given as bigint, with the wrap-around of the machine's word size, and their
 * conversion to page numbers. Everything below the system calls works with page numbers.
 */
import type { Kernel } from '../kernel.js';

const MASK_32 = 0xffff_ffffn;
const MASK_64 = 0xffff_ffff_ffff_ffffn;
const MMAP2_MASK = 0xfff_ffff_ffffn;

/** `value` cut to an unsigned machine word. */
export function word(k: Kernel, value: bigint): bigint {
  return value & (k.arch.wordBits === 32 ? MASK_32 : MASK_64);
}

/** An address or a length as a system call gets it: cut to what a program can say. */
export function argument(k: Kernel, value: bigint): bigint {
  return value & (k.arch.addressBits === 32 ? MASK_32 : MASK_64);
}

/** The offset of mmap likewise: a 32-bit program says it in units of 4 KiB (mmap2), so it may lie beyond 4 GiB and wraps at 16 TiB. */
export function offsetArgument(k: Kernel, value: bigint): bigint {
  return value & (k.arch.addressBits === 32 ? MMAP2_MASK : MASK_64);
}

/** Whether an address or length is not a whole number of pages. */
export function isUnaligned(k: Kernel, value: bigint): boolean {
  return (value & BigInt(k.memory.pageSize - 1)) !== 0n;
}

/** PAGE_ALIGN: rounded up to whole pages; wraps to 0 near the top of the word. */
export function pageAlign(k: Kernel, value: bigint): bigint {
  const below = BigInt(k.memory.pageSize - 1);
  return word(k, value + below) & ~below;
}

/** Page number of an address, rounded down; pages of an aligned length. */
export function toPages(k: Kernel, value: bigint): number {
  return Number(value >> BigInt(k.memory.pageShift));
}

/** Address of a page number. */
export function toAddress(k: Kernel, vpn: number): bigint {
  return BigInt(vpn) << BigInt(k.memory.pageShift);
}

/** TASK_SIZE in bytes. */
export function taskSize(k: Kernel): bigint {
  return toAddress(k, k.arch.layout.taskSizePages);
}
