import { expect, test } from 'vitest';
import { ACCESS_EXEC, ACCESS_LOAD, ACCESS_MODIFY, ACCESS_STORE } from '../../src/trace/access-batch.js';
import { collect, type FlatAccess, isAccess, printAccess } from './collect.js';

/** Enough lines behind it that the fast path takes it, and alone, so that the slow one does. */
function bothPaths(line: string): FlatAccess[] {
  const filler = `${printAccess(0, 0x1000n, 4)}\n`.repeat(4);
  return [`${line}\n${filler}`, `${line}\n`].map((text) => {
    const { records, error } = collect(text);
    if (error !== undefined) throw error;
    const first = records[0]!;
    if (!isAccess(first)) throw new Error('no access');
    return first;
  });
}

test('each kind of access is told by its column', () => {
  const { records } = collect('I  0401ab70,3\n L 04032e40,8\n S 1fff000678,8\n M 04033e06,1\n');
  const base = { pid: 0, tid: 1 };
  expect(records).toEqual([
    { kind: ACCESS_EXEC, address: 0x0401ab70n, size: 3, line: 1, ...base },
    { kind: ACCESS_LOAD, address: 0x04032e40n, size: 8, line: 2, ...base },
    { kind: ACCESS_STORE, address: 0x1fff000678n, size: 8, line: 3, ...base },
    { kind: ACCESS_MODIFY, address: 0x04033e06n, size: 1, line: 4, ...base },
  ]);
});

test('addresses of one to sixteen digits and every size up to 4096 come out alike on the fast and the slow path', () => {
  for (let digits = 1; digits <= 16; digits++) {
    const address = BigInt(`0x${'123456789abcdef0'.slice(0, digits)}`);
    for (const size of [1, 9, 10, 64, 99, 100, 512, 4096]) {
      for (const line of [` S ${address.toString(16)},${size}`, printAccess(2, address, size)]) {
        for (const access of bothPaths(line)) expect(access).toMatchObject({ kind: 2, address, size });
      }
    }
  }
});

test('an access may touch the last byte of the address space and not go over it', () => {
  for (const access of bothPaths(' L ffffffffffffffff,1')) expect(access.address).toBe(0xffff_ffff_ffff_ffffn);
  for (const access of bothPaths(' L fffffffffffffff8,8')) expect(access.size).toBe(8);
  for (const line of [' L ffffffffffffffff,2', ' S fffffffffffffff9,8', ' M fffffffffffffff0,64']) {
    const { error } = collect(`I  00001000,4\n${line}\n${'I  00001000,4\n'.repeat(4)}`);
    expect(error).toMatchObject({ code: 'TRACE_ADDRESS', line: 2, byteOffset: 14 });
    expect(error!.message).toContain('expected an access that ends inside the address space');
  }
});

test('an address above 64 bits is refused', () => {
  const { error, records } = collect('I  00001000,4\n L 10000000000000000,1\nI  00001000,4\n');
  expect(records).toHaveLength(1);
  expect(error).toMatchObject({ code: 'TRACE_ADDRESS', line: 2 });
  expect(error!.message).toBe(
    'line 2 (byte 14): expected an address of at most 64 bits, came " L 10000000000000000,1"',
  );
});

test('an access of no bytes, or of more than the tool prints, is refused', () => {
  for (const size of ['0', '00', '4097', '99999999999999999999']) {
    const { error } = collect(`I  00001000,4\nI  00001004,${size}\n${'I  00001000,4\n'.repeat(4)}`);
    expect(error).toMatchObject({ code: 'TRACE_SIZE', line: 2 });
  }
});

test('a line that begins like an access and goes on differently is refused', () => {
  const lines = [
    'I  00001004',
    'I  00001004,',
    'I  ,4',
    'I  0000100g,4',
    'I  00001004,-4',
    'I  00001004,4 ',
    'I  00001004,4,4',
    'I  0x001004,4',
    ' L 1fff00g678,8',
    ' L 1fff0006g8,8',
    ' L 1fff000678;8',
    'I 00001004,4',
    'I   00001004,4',
    ' I  00001004,4',
    'L 00001004,4',
    '  L 00001004,4',
    ' X 00001004,4',
    'I  -0001004,4',
    'I  0000100A,4',
  ];
  for (const line of lines) {
    for (const filler of ['', 'I  00001000,4\n'.repeat(4)]) {
      const { error, records } = collect(`I  00001000,4\n${line}\n${filler}`);
      expect(error, line).toMatchObject({ code: 'TRACE_LINE', line: 2, byteOffset: 14 });
      expect(records).toHaveLength(1);
    }
  }
});
