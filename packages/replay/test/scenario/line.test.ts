/** Cutting lines up, and numbers and addresses as written. */
import { describe, expect, test } from 'vitest';
import { splitLine } from '../../src/scenario/line.js';
import { parseAddress, parsePlain, parseQuantity } from '../../src/scenario/number.js';

const at = { file: 'x.mm', line: 7 };

describe('splitLine', () => {
  test('blank lines and comments are no operations', () => {
    for (const line of ['', '   ', '\t', '# read 16', '  # x']) expect(splitLine(line, at)).toBeNull();
  });

  test('the process is A, the operation is kept as written', () => {
    expect(splitLine('read  16   # first', at)).toEqual({
      ...at,
      quiet: false,
      process: 'A',
      text: 'read  16',
      op: 'read',
      args: ['16'],
    });
  });

  test('~ and a label come off', () => {
    expect(splitLine('~ B: write 42 21', at)).toMatchObject({ quiet: true, process: 'B', text: 'write 42 21' });
    expect(splitLine('B2c: stat', at)).toMatchObject({ quiet: false, process: 'B2c', op: 'stat', args: [] });
  });

  test('a colon inside an argument is no label', () => {
    expect(splitLine('write brk:0 2', at)).toMatchObject({ process: 'A', args: ['brk:0', '2'] });
    expect(splitLine('read L:3', at)).toMatchObject({ process: 'A', args: ['L:3'] });
  });

  test('a # anywhere starts a comment', () => {
    expect(splitLine('read 16#17', at)).toMatchObject({ text: 'read 16', args: ['16'] });
  });

  test.each([
    ['ABCD: read 1', "x.mm:7: expected a process label of one to three letters and digits, came 'ABCD:'"],
    [': read 1', "x.mm:7: expected a process label of one to three letters and digits, came ':'"],
    ['B:', 'x.mm:7: expected an operation, came the end of the line'],
  ])('%s is an error', (line, message) => {
    expect(() => splitLine(line, at)).toThrow(message);
  });
});

describe('parseQuantity', () => {
  test.each([
    ['0', { kind: 'pages', pages: 0n, bytes: 0n }],
    ['16', { kind: 'pages', pages: 16n, bytes: 0n }],
    ['16+100', { kind: 'pages', pages: 16n, bytes: 100n }],
    ['2h', { kind: 'huge', pages: 2n, bytes: 0n }],
    ['2h+1', { kind: 'huge', pages: 2n, bytes: 1n }],
    ['0x1f', { kind: 'raw', value: 31n }],
    ['99999999999999999999', { kind: 'pages', pages: 99999999999999999999n, bytes: 0n }],
    ['max', { kind: 'max' }],
  ])('%s', (word, quantity) => {
    expect(parseQuantity(word)).toEqual(quantity);
  });

  test.each(['', '-1', '1+', '+1', '1.5', '0x', 'h', '1hh', 'Max', '1+2+3', '0x10+1'])('%s is none', (word) => {
    expect(parseQuantity(word)).toBeNull();
  });
});

describe('parseAddress', () => {
  const none = { kind: 'pages', pages: 0n, bytes: 0n };
  test.each([
    ['any', { kind: 'any' }],
    ['16', { kind: 'at', base: { kind: 'arena' }, offset: { kind: 'pages', pages: 16n, bytes: 0n } }],
    ['0x20', { kind: 'at', base: { kind: 'arena' }, offset: { kind: 'raw', value: 32n } }],
    ['brk:3', { kind: 'at', base: { kind: 'brk' }, offset: { kind: 'pages', pages: 3n, bytes: 0n } }],
    ['any:2', { kind: 'at', base: { kind: 'firstPick' }, offset: { kind: 'pages', pages: 2n, bytes: 0n } }],
    ['L', { kind: 'at', base: { kind: 'label', name: 'L' }, offset: none }],
    ['L2:1+8', { kind: 'at', base: { kind: 'label', name: 'L2' }, offset: { kind: 'pages', pages: 1n, bytes: 8n } }],
  ])('%s', (word, address) => {
    expect(parseAddress(word)).toEqual(address);
  });

  test.each(['', 'long', 'L:', 'L:x', 'L:max', 'L:1:2', ':1', '-1', 'any:-1'])('%s is none', (word) => {
    expect(parseAddress(word)).toBeNull();
  });
});

test('plain numbers are decimal or hexadecimal and exact', () => {
  expect(parsePlain('64')).toBe(64);
  expect(parsePlain('0xff')).toBe(255);
  for (const word of ['', '-1', '1+1', '1h', 'x', '9007199254740993']) expect(parsePlain(word)).toBeNull();
});
