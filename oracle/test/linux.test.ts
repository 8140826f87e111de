/** What the monitor of an emulator prints, as QEMU 7.2 printed it. */
import { describe, expect, test } from 'vitest';
import { kernelVersionOf, pagesOf, physicalOf, privilegeOf, rangeAt, rangesOf } from '../src/linux/answers.js';

const INFO_MEM = `0000000000400000-00000000004f0000 00000000000f0000 ur-
00000000005e2000-00000000005e6000 0000000000004000 urw
ffff897580000000-ffff897580098000 0000000000098000 -rw
ffff897580098000-ffff89758009b000 0000000000003000 -r-
`;

describe('info mem', () => {
  test('is read as ranges with the rights of all levels', () => {
    expect(rangesOf(INFO_MEM)).toEqual([
      { start: 0x40_0000n, end: 0x4f_0000n, user: true, write: false },
      { start: 0x5e_2000n, end: 0x5e_6000n, user: true, write: true },
      { start: 0xffff_8975_8000_0000n, end: 0xffff_8975_8009_8000n, user: false, write: true },
      { start: 0xffff_8975_8009_8000n, end: 0xffff_8975_8009_b000n, user: false, write: false },
    ]);
  });

  test.each<[bigint, bigint | null]>([
    [0n, null],
    [0x3f_ffffn, null],
    [0x40_0000n, 0x40_0000n],
    [0x4e_ffffn, 0x40_0000n],
    [0x4f_0000n, null],
    [0x5e_5fffn, 0x5e_2000n],
    [0xffff_8975_8009_7fffn, 0xffff_8975_8000_0000n],
    [0xffff_8975_8009_8000n, 0xffff_8975_8009_8000n],
    [0xffff_8975_8009_b000n, null],
    [0xffff_ffff_ffff_ffffn, null],
  ])('0x%x lies in the range that holds it', (address, start) => {
    expect(rangeAt(rangesOf(INFO_MEM), address)?.start ?? null).toBe(start);
  });

  test('no range holds anything when none is listed', () => {
    expect(rangeAt(rangesOf('\n'), 0x40_0000n)).toBeNull();
  });
});

test('info tlb is read as pages, large ones longer', () => {
  const text = '0000000000400000: 0000000008b0d000 X---A--U-\nffff897580200000: 0000000000200000 XGPDA---W\n';
  expect(pagesOf(text)).toEqual([
    { start: 0x40_0000n, end: 0x40_1000n, user: true, write: false },
    { start: 0xffff_8975_8020_0000n, end: 0xffff_8975_8040_0000n, user: false, write: true },
  ]);
});

test('gva2gpa answers an address, or that there is none', () => {
  expect(physicalOf('gpa: 0x9fcac000\n')).toBe(0x9fca_c000n);
  expect(physicalOf('gpa: 0\n')).toBe(0n);
  expect(physicalOf('Unmapped\n')).toBeNull();
  expect(() => physicalOf('unknown command: gva2gpa\n')).toThrow('expected gpa: or Unmapped');
});

test('the privilege level and the version of the kernel are found in what is printed', () => {
  expect(privilegeOf('RIP=0000000000525c4b RFL=00000246 [---Z-P-] CPL=3 II=0 A20=1')).toBe(3);
  expect(() => privilegeOf('PC 0')).toThrow('expected CPL=');
  expect(kernelVersionOf('[    0.000000] Linux version 6.1.0-56-amd64 (debian-kernel@')).toBe('6.1.0-56-amd64');
  expect(kernelVersionOf('')).toBe('unknown');
});
