/** The code that runs in the emulator, and the ROM it lies in. */
import { expect, test } from 'vitest';
import { RETURN } from '../src/programs.js';
import { CODE } from '../src/x86/code.js';
import { stampOf } from '../src/x86/evidence.js';
import { CODE_AT, codePage, rom } from '../src/x86/rom.js';

const TOLD = {
  cr3: 0x1000,
  cr4: 0xa0,
  efer: 0xd00,
  cr0: 0x8001_0001,
  isLong: true,
  list: 1,
  results: 2,
  count: 3,
  ring: 3,
} as const;

test('the parts of the code follow one another without overlapping, below the tables', () => {
  let end = 0;
  for (const { offset, lines } of CODE) {
    expect(offset).toBeGreaterThanOrEqual(end);
    end = offset + lines.reduce((sum, [bytes]) => sum + bytes.length / 2, 0);
    for (const [bytes, instruction] of lines) expect(bytes, instruction).toMatch(/^(?:[0-9a-f]{2}){1,10}$/);
  }
  expect(end).toBeLessThan(0x410);
});

test('jumps, calls and what handlers go back to lead to instructions', () => {
  const starts = new Set<number>();
  const targets: [string, number][] = [];
  for (const { offset, lines } of CODE) {
    let at = CODE_AT + offset;
    for (const [bytes, instruction] of lines) {
      starts.add(at);
      const target = /^(?:\w+: )?(?:j\w+|push|mov ebp,) ?(?:0x[0-9a-f]+:)?(?:0x)?(f0[0-9a-f]{3})\b/.exec(
        instruction,
      )?.[1];
      if (target !== undefined) targets.push([instruction, parseInt(target, 16)]);
      at += bytes.length / 2;
    }
  }
  expect(targets.length).toBeGreaterThan(14);
  for (const [instruction, target] of targets) expect(starts.has(target), instruction).toBe(true);
});

test('the processor starts with a jump to the code, which is told the registers', () => {
  const bytes = rom(TOLD);
  expect(bytes.length).toBe(0x1_0000);
  expect([...bytes.subarray(0xfff0, 0xfff5)]).toEqual([0xea, 0, 0, 0, 0xf0]);
  expect([...bytes.subarray(0, 0x1000)]).toEqual([...codePage(TOLD)]);
  const view = new DataView(bytes.buffer, 0x800);
  expect(Array.from({ length: 9 }, (_, i) => view.getUint32(4 * i, true))).toEqual([
    0x1000, 0xd00, 0xa0, 0x8001_0001, 1, 1, 2, 3, 3,
  ]);
});

test('bytes tell where they lie: neighbours, frames and large pages differ, and one in four can be called', () => {
  const bytes = Array.from({ length: 4096 }, (_, i) => stampOf(0x140_0000 + i));
  expect(new Set(bytes).size).toBe(256);
  for (const distance of [1, 0x1000, 0x20_0000, 0x40_0000]) {
    const same = bytes.filter((byte, i) => byte !== RETURN && byte === stampOf(0x140_0000 + i + distance));
    expect(same.length, `distance ${distance}`).toBeLessThan(100);
  }
  const calls = bytes.filter((byte) => byte === RETURN).length;
  expect(calls).toBeGreaterThan(900);
  expect(calls).toBeLessThan(1200);
});
