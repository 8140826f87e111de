/** The instructions of the guest code (PowerPC Architecture, Books I and III), as words. Operands in the order of the assembler. */
import type { Placed } from '../assembler.js';

/** Special purpose registers by number. */
export const SPR = { CTR: 9, DSISR: 18, DAR: 19, DEC: 22, SDR1: 25, SRR0: 26, SRR1: 27 } as const;

function dForm(opcode: number, rt: number, ra: number, immediate: number): number {
  return ((opcode << 26) | (rt << 21) | (ra << 16) | (immediate & 0xffff)) >>> 0;
}

function xForm(opcode: number, rt: number, ra: number, rb: number, extended: number): number {
  return ((opcode << 26) | (rt << 21) | (ra << 16) | (rb << 11) | (extended << 1)) >>> 0;
}

/** rt = ra + immediate; register 0 stands for zero. */
export const addi = (rt: number, ra: number, immediate: number): number => dForm(14, rt, ra, immediate);
export const li = (rt: number, immediate: number): number => addi(rt, 0, immediate);
/** rt = immediate << 16. */
export const lis = (rt: number, immediate: number): number => dForm(15, rt, 0, immediate);
/** ra = rs | immediate. */
export const ori = (ra: number, rs: number, immediate: number): number => dForm(24, rs, ra, immediate);
/** Compares 64 bits with an immediate into cr0. */
export const cmpdi = (ra: number, immediate: number): number => dForm(11, 1, ra, immediate);
export const lbz = (rt: number, offset: number, ra: number): number => dForm(34, rt, ra, offset);
export const stb = (rs: number, offset: number, ra: number): number => dForm(38, rs, ra, offset);
export const ld = (rt: number, offset: number, ra: number): number => dForm(58, rt, ra, offset & ~3);
export const std = (rs: number, offset: number, ra: number): number => dForm(62, rs, ra, offset & ~3);

export const mfmsr = (rt: number): number => xForm(31, rt, 0, 0, 83);
export const mtmsrd = (rs: number): number => xForm(31, rs, 0, 0, 178);
/** The number of a register lies in the instruction with its halves swapped. */
export const mfspr = (rt: number, spr: number): number => xForm(31, rt, spr & 31, spr >> 5, 339);
export const mtspr = (spr: number, rs: number): number => xForm(31, rs, spr & 31, spr >> 5, 467);
/** An SLB entry: VSID word in rs, ESID word in rb. */
export const slbmte = (rs: number, rb: number): number => xForm(31, rs, 0, rb, 402);
export const slbia = (): number => xForm(31, 0, 0, 0, 498);
export const isync = (): number => xForm(19, 0, 0, 0, 150);
export const rfid = (): number => xForm(19, 0, 0, 0, 18);
/** To where CTR says. */
export const bctr = (): number => xForm(19, 20, 0, 0, 528);

/** rt = the address of a label. */
export const la = (rt: number, label: string): Placed => ({ label, encode: (target) => li(rt, target) });
export const b = (label: string): Placed => ({
  label,
  encode: (target, at) => ((18 << 26) | ((target - at) & 0x3ff_fffc)) >>> 0,
});
const bc =
  (bo: number, bi: number) =>
  (label: string): Placed => ({ label, encode: (target, at) => dForm(16, bo, bi, (target - at) & 0xfffc) });
/** CTR goes down by one; on while it is not zero. */
export const bdnz: (label: string) => Placed = bc(16, 0);
export const beq: (label: string) => Placed = bc(12, 2);
export const bne: (label: string) => Placed = bc(4, 2);
