/** The code that runs on the UltraSPARC, against words that other assemblers give for the same instructions. */
import { expect, test } from 'vitest';
import { assemble } from '../src/assembler.js';
import { romCode } from '../src/sparc64/code.js';
import * as sparc from '../src/sparc64/instructions.js';

const { g0, l0, l1, l3, l6, l7 } = sparc.REG;

test('instructions have the words of the architecture', () => {
  expect(sparc.nop()).toBe(0x0100_0000);
  expect(sparc.done()).toBe(0x81f0_0000);
  expect(sparc.membarSync()).toBe(0x8143_e040);
  expect(sparc.wrpr(g0, 0, sparc.PR.tl)).toBe(0x8f90_2000);
  expect(sparc.rdpr(sparc.PR.tt, l3)).toBe(0xa750_c000);
  expect(sparc.stxaAt(l1, l7, 0x58)).toBe(0xe2f5_cb00);
  expect(sparc.lduba(l1, 0x10, l6)).toBe(0xec8c_4200);
  expect(sparc.cmp(l0, 4)).toBe(0x80a4_2004);
});

test('branches reach their labels', () => {
  const code = assemble(['back:', [sparc.nop(), ''], [sparc.ba('back'), ''], [sparc.nop(), '']], 0);
  expect(new DataView(code.buffer).getUint32(4)).toBe(0x10bf_ffff);
});

test('every trap has a handler of eight instructions, and the reset goes to the code', () => {
  const view = new DataView(romCode().buffer);
  for (const trap of [0x30, 0x34, 0x68, 0x6c]) {
    expect(view.getUint32(trap * 32)).toBe(sparc.rdpr(sparc.PR.tt, l3));
    expect(view.getUint32(trap * 32 + 20)).toBe(sparc.done());
  }
  // ba, by (0x8000 - 0x20) / 4 words.
  expect(view.getUint32(0x20)).toBe(0x1080_1ff8);
});
