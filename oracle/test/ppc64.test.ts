/** The code that runs on the 970, against words that other assemblers give for the same instructions. */
import { expect, test } from 'vitest';
import { assemble } from '../src/assembler.js';
import { guestCode, romCode } from '../src/ppc64/code.js';
import * as ppc from '../src/ppc64/instructions.js';

test('instructions have the words of the architecture', () => {
  expect(ppc.li(3, 1)).toBe(0x3860_0001);
  expect(ppc.addi(28, 28, -1)).toBe(0x3b9c_ffff);
  expect(ppc.ori(26, 27, 0x10)).toBe(0x637a_0010);
  expect(ppc.ld(3, 8, 31)).toBe(0xe87f_0008);
  expect(ppc.std(3, 8, 31)).toBe(0xf87f_0008);
  expect(ppc.lbz(4, 0, 3)).toBe(0x8883_0000);
  expect(ppc.stb(4, 0, 3)).toBe(0x9883_0000);
  expect(ppc.mfmsr(27)).toBe(0x7f60_00a6);
  expect(ppc.mtmsrd(26)).toBe(0x7f40_0164);
  expect(ppc.mfspr(11, ppc.SPR.DSISR)).toBe(0x7d72_02a6);
  expect(ppc.mtspr(ppc.SPR.CTR, 5)).toBe(0x7ca9_03a6);
  expect(ppc.slbmte(6, 7)).toBe(0x7cc0_3b24);
  expect(ppc.slbia()).toBe(0x7c00_03e4);
  expect(ppc.isync()).toBe(0x4c00_012c);
  expect(ppc.rfid()).toBe(0x4c00_0024);
  expect(ppc.bctr()).toBe(0x4e80_0420);
  expect(ppc.cmpdi(6, 0)).toBe(0x2c26_0000);
});

test('branches reach their labels, backwards and forwards', () => {
  const code = assemble([[ppc.b('end'), ''], 'back:', [ppc.bdnz('back'), ''], 'end:', [ppc.b('back'), '']], 0x100);
  const view = new DataView(code.buffer);
  expect([0, 4, 8].map((at) => view.getUint32(at))).toEqual([0x4800_0008, 0x4200_0000, 0x4bff_fffc]);
});

test('code that would overlap, and labels that are nowhere, are refused', () => {
  expect(() => assemble([[ppc.isync(), ''], { origin: 0 }], 0)).toThrow('expected code up to');
  expect(() => assemble([[ppc.b('nowhere'), '']], 0)).toThrow('no label nowhere');
});

test('every interrupt says which it was, and the ROM jumps to the code', () => {
  const view = new DataView(guestCode().buffer);
  for (const vector of [0x300, 0x380, 0x400, 0x480, 0x600, 0x700])
    expect(view.getUint32(vector)).toBe(ppc.li(10, vector));
  expect(guestCode().length).toBeLessThan(0x3000);
  expect(new DataView(romCode().buffer).getUint32(0x100)).toBe(ppc.li(3, 0x1000));
});
