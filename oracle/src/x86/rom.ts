/** The ROM of the x86 oracles, and the page at 0xF0000 that repeats it: code, descriptor tables, and what the code is told. */
import { CODE, FAULT_32, FAULT_64, GENERAL_64 } from './code.js';

/** Where the code lies, in ROM and in the address space, and the bytes of the page that has to be in both. */
export const CODE_AT = 0xf_0000;
export const CODE_BYTES = 0x1000;
/** The page of the stack. */
export const STACK_AT = 0xe_f000;
/** The whole ROM: the processor starts 16 bytes before its end. */
const ROM_BYTES = 0x1_0000;

/** What the code is told. */
export interface RomParameters {
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  readonly cr0: number;
  /** Whether EFER and CR0 switch to 64 bits. */
  readonly isLong: boolean;
  /** Virtual addresses of the list and of the results, and how many there are. */
  readonly list: number;
  readonly results: number;
  readonly count: number;
  readonly ring: Ring;
}

/** Privilege that the addresses are tried with: the kernel's or a program's. */
export type Ring = 0 | 3;

const GDT = 0x430;
const IDT_32 = 0x500;
const IDT_64 = 0x600;
const TSS = 0x700;
const TSS_BYTES = 0x68;
/** Stack of the fault handlers when they come from ring 3, below that of the loops in the same page. */
const HANDLER_STACK = STACK_AT + 0x800;
const PAGE_FAULT = 14;
const GENERAL_PROTECTION = 13;

/** Flat: 32-bit code, data, 64-bit code of ring 0, accessed; then 32-bit code, data, 64-bit code of ring 3. */
const FLAT_SEGMENTS = [
  0n,
  0x00cf_9b00_0000_ffffn,
  0x00cf_9300_0000_ffffn,
  0x00af_9b00_0000_ffffn,
  0x00cf_fb00_0000_ffffn,
  0x00cf_f300_0000_ffffn,
  0x00af_fb00_0000_ffffn,
];

/** The page of code and tables. */
export function codePage(told: RomParameters): Uint8Array {
  const page = new Uint8Array(CODE_BYTES);
  const view = new DataView(page.buffer);
  for (const { offset, lines } of CODE) {
    let at = offset;
    for (const [bytes] of lines)
      for (let i = 0; i < bytes.length; i += 2) page[at++] = parseInt(bytes.slice(i, i + 2), 16);
  }
  const segments = [...FLAT_SEGMENTS, taskSegment(), 0n];
  pointer(view, 0x410, segments.length * 8, GDT);
  pointer(view, 0x418, 16 * 8, IDT_32);
  pointer(view, 0x420, 16 * 16, IDT_64);
  for (const [i, descriptor] of segments.entries()) view.setBigUint64(GDT + 8 * i, descriptor, true);
  view.setUint32(TSS + 4, HANDLER_STACK, true);
  // Of 64 bits the upper half of the stack pointer, of 32 the stack segment.
  view.setUint32(TSS + 8, told.isLong ? 0 : 0x10, true);
  gate(view, IDT_32 + 8 * PAGE_FAULT, 0x08, CODE_AT + FAULT_32);
  gate(view, IDT_64 + 16 * PAGE_FAULT, 0x18, CODE_AT + FAULT_64);
  gate(view, IDT_64 + 16 * GENERAL_PROTECTION, 0x18, CODE_AT + GENERAL_64);
  const { cr3, efer, cr4, cr0, isLong, list, results, count, ring } = told;
  const words = [cr3, efer, cr4, cr0, isLong ? 1 : 0, list, results, count, ring];
  for (const [i, word] of words.entries()) view.setUint32(0x800 + 4 * i, word, true);
  return page;
}

/** The ROM: the page, and a jump to it where the processor starts. */
export function rom(told: RomParameters): Uint8Array {
  const bytes = new Uint8Array(ROM_BYTES);
  bytes.set(codePage(told));
  bytes.set([0xea, 0x00, 0x00, 0x00, 0xf0], ROM_BYTES - 16); // jmp 0xf000:0
  return bytes;
}

/** Operand of lgdt and lidt: limit, linear base. */
function pointer(view: DataView, at: number, bytes: number, table: number): void {
  view.setUint16(at, bytes - 1, true);
  view.setUint32(at + 2, CODE_AT + table, true);
}

/** Descriptor of the TSS, available; of 64 bits another 8 bytes of zero follow. */
function taskSegment(): bigint {
  return (0x89n << 40n) | (BigInt(CODE_AT + TSS) << 16n) | BigInt(TSS_BYTES - 1);
}

/** An interrupt gate of ring 0. */
function gate(view: DataView, at: number, selector: number, target: number): void {
  view.setUint16(at, target & 0xffff, true);
  view.setUint16(at + 2, selector, true);
  view.setUint16(at + 4, 0x8e00, true);
  view.setUint16(at + 6, target >>> 16, true);
}
