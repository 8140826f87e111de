/** The instructions of the guest code (SPARC V9), as words. Operands in the order of the assembler. */
import type { Placed } from '../assembler.js';

/** Registers by number: none of the globals, since a trap brings others. */
export const REG = {
  g0: 0,
  g1: 1,
  l0: 16,
  l1: 17,
  l2: 18,
  l3: 19,
  l4: 20,
  l5: 21,
  l6: 22,
  l7: 23,
  i0: 24,
  i1: 25,
} as const;
/** Privileged registers by number. */
export const PR = { tt: 3, tba: 5, pstate: 6, tl: 7 } as const;

function format3(op: number, op3: number, rd: number, rs1: number, rest: number): number {
  return ((op << 30) | (rd << 25) | (op3 << 19) | (rs1 << 14) | rest) >>> 0;
}

function immediate(value: number): number {
  return 0x2000 | (value & 0x1fff);
}

/** The upper 22 of 32 bits. */
export const sethi = (value: number, rd: number): number => ((rd << 25) | (4 << 22) | (value >>> 10)) >>> 0;
export const nop = (): number => sethi(0, 0);
export const mov = (value: number, rd: number): number => format3(2, 0x02, rd, 0, immediate(value));
export const add = (rs1: number, value: number, rd: number): number => format3(2, 0x00, rd, rs1, immediate(value));
/** Compares with an immediate. */
export const cmp = (rs1: number, value: number): number => format3(2, 0x14, 0, rs1, immediate(value));
export const sllx = (rs1: number, count: number, rd: number): number => format3(2, 0x25, rd, rs1, 0x3000 | count);

/** Loads and stores of [rs1] through the address space `asi`. */
export const ldxaAt = (rs1: number, asi: number, rd: number): number => format3(3, 0x1b, rd, rs1, asi << 5);
export const stxaAt = (rd: number, rs1: number, asi: number): number => format3(3, 0x1e, rd, rs1, asi << 5);
export const lduba = (rs1: number, asi: number, rd: number): number => format3(3, 0x11, rd, rs1, asi << 5);
export const stba = (rd: number, rs1: number, asi: number): number => format3(3, 0x15, rd, rs1, asi << 5);
/** Loads and stores of [rs1 + offset] through the address space in %asi. */
export const ldxa = (rs1: number, offset: number, rd: number): number => format3(3, 0x1b, rd, rs1, immediate(offset));
export const stxa = (rd: number, rs1: number, offset: number): number => format3(3, 0x1e, rd, rs1, immediate(offset));

export const wrAsi = (value: number): number => format3(2, 0x30, 3, 0, immediate(value));
export const rdpr = (register: number, rd: number): number => format3(2, 0x2a, rd, register, 0);
/** The register takes rs1, its bits flipped by those of the immediate. */
export const wrpr = (rs1: number, value: number, register: number): number =>
  format3(2, 0x32, register, rs1, immediate(value));
export const membarSync = (): number => format3(2, 0x28, 0, 15, immediate(0x40));
/** Back from a trap, behind the instruction that trapped. */
export const done = (): number => format3(2, 0x3e, 0, 0, 0);

const branch =
  (condition: number) =>
  (label: string): Placed => ({
    label,
    encode: (target, at) => ((condition << 25) | (2 << 22) | (((target - at) >> 2) & 0x3f_ffff)) >>> 0,
  });
/** Branches; the instruction behind is executed first. */
export const ba: (label: string) => Placed = branch(8);
export const be: (label: string) => Placed = branch(1);
