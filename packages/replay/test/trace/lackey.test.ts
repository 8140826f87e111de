import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccessBatch } from '../../src/trace/access-batch.js';
import { LackeyParser } from '../../src/trace/lackey.js';
import type { SyscallRecord } from '../../src/trace/syscall-record.js';
import { collect, type FlatRecord, isAccess, printAccess, printArgs, printResult, toBytes } from './collect.js';

const HEADER = [
  '==4080== Lackey, an example Valgrind tool',
  '==4080== Command: sort words.txt',
  '==4080== Parent PID: 4075',
  '==4080== ',
  '',
].join('\n');
const BRK = 'SYSCALL[4080,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4035000) \n';
const SAMPLE = [
  HEADER,
  'I  0401ab70,3\n L 04032e40,8\n S 1fff000678,8\n',
  BRK,
  ' M 04033e06,1\n',
  'SYSCALL[4080,1](257) sys_openat ( 4294967196, 0x40290b1(/etc/ld.so.cache), 524288 ) --> [async] ... \n',
  'SYSCALL[4080,1](257) ... [async] --> Success(0x4) \n',
  'SYSCALL[4080,1](56) sys_clone ( 3d0f00, 0x5a2af70, 0x5a2b990, 0x5a2b990, 0x5a2b6c0 ) --> [pre-success] Success(0xf90) I  0494db42,3\n',
  'SYSCALL[4080,2](273) sys_set_robust_list ( 0x522a9a0, 24 )[sync] --> Success(0x0) \n',
  'I  0401ab73,3\n',
  'SYSCALL[4080,2](60) exit( 0 ) --> [pre-success] Success(0x0) \n',
  '\n',
  'SYSCALL[4080,1](231) exit_group( 0 ) --> [pre-success] Success(0x0) \n',
  '==4080== \n',
].join('');

test('accesses and calls come in the order of the file, with line, process and thread', () => {
  const { records, error, warnings } = collect(SAMPLE);
  expect(error).toBeUndefined();
  expect(warnings).toEqual([]);
  const seen = records.map((r) => [r.line, r.pid, r.tid, isAccess(r) ? r.address : `${r.name} ${r.phase}`]);
  expect(seen).toEqual([
    [5, 4080, 1, 0x0401ab70n],
    [6, 4080, 1, 0x04032e40n],
    [7, 4080, 1, 0x1fff000678n],
    [8, 4080, 1, 'sys_brk whole'],
    [9, 4080, 1, 0x04033e06n],
    [10, 4080, 1, 'sys_openat entry'],
    [11, 4080, 1, 'sys_openat return'],
    [12, 4080, 1, 'sys_clone whole'],
    [12, 4080, 1, 0x0494db42n],
    [13, 4080, 2, 'sys_set_robust_list whole'],
    [14, 4080, 2, 0x0401ab73n],
    [15, 4080, 2, 'exit whole'],
    [17, 4080, 1, 'exit_group whole'],
  ]);
});

test('the header gives the command and the process', () => {
  let pid = 0;
  const parser = new LackeyParser({
    accesses: (batch) => {
      pid = batch.pid;
    },
    syscall: () => undefined,
  });
  parser.feed(toBytes(`${HEADER}I  00001000,4\n`));
  parser.end();
  expect(parser.command).toBe('sort words.txt');
  expect(pid).toBe(4080);
  expect([parser.lineCount, parser.messageCount, parser.accessCount, parser.callCount]).toEqual([5, 4, 1, 0]);
});

test('a batch is delivered when it is full, before a call, and at the end', () => {
  const log: string[] = [];
  const parser = new LackeyParser(
    {
      accesses: (batch: AccessBatch) => log.push(`${batch.firstLine}+${batch.count}`),
      syscall: (record: SyscallRecord) => log.push(record.name),
    },
    { batchRecords: 4 },
  );
  const line = 'I  00001000,4\n';
  parser.feed(toBytes(line.repeat(10) + BRK + line.repeat(4) + BRK + BRK + line.repeat(3)));
  parser.end();
  expect(log).toEqual(['1+4', '5+4', '9+2', 'sys_brk', '12+4', 'sys_brk', 'sys_brk', '18+3']);
});

test('any way of cutting the bytes gives the same records, warnings and error', () => {
  const broken = [
    SAMPLE,
    SAMPLE.replaceAll('\n', '\r\n'),
    `${SAMPLE}I  0000\n${SAMPLE}`,
    `${SAMPLE}SYSCALL[1,1](9) sys_mmap ( 0x0, 4096`,
    `${SAMPLE}I  00001000,4`,
    `${SAMPLE}${'x'.repeat(20000)}\nI  00001000,4\n`,
    `${SAMPLE}SYSCALL[1,1](2) sys_open ( 0x10(a path\nwith line ends, (and) parentheses\n\n), 66, 384 )[sync] --> Success(0x3) \nI  00001000,4\n`,
  ];
  const property = fc.property(
    fc.constantFrom(...broken),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
    fc.constantFrom(1, 2, 3, 65536),
    (text, places, batchRecords) => {
      const bytes = toBytes(text);
      const cuts = places.map((place) => Math.floor(place * bytes.length));
      const whole = collect(bytes, []);
      const cut = collect(bytes, cuts, batchRecords);
      expect(cut.records).toEqual(whole.records);
      expect(cut.warnings).toEqual(whole.warnings);
      expect(cut.lineCount).toBe(whole.lineCount);
      expect(cut.error?.message).toBe(whole.error?.message);
    },
  );
  fc.assert(property, { numRuns: 300 });
  for (const text of broken) {
    const bytes = toBytes(text);
    const everywhere = Array.from(bytes, (_, i) => i);
    expect(collect(bytes, everywhere).records).toEqual(collect(bytes).records);
  }
});

// The generator's records are printed by a printer of its own, and must come back.
const argOf = fc.oneof(fc.integer({ min: 0, max: 0x7fff_ffff }), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }));
// Anything a path may hold but an empty line: the tool prints one after some calls, and it ends a record.
const pathOf = fc
  .string({
    unit: fc.constantFrom('a', 'Z', '/', '.', ' ', ',', '(', ')', '-', '>', '0', 'é', '\n'),
    maxLength: 24,
  })
  .filter((path) => !path.includes('\n\n'));
const accessOf = fc.record({
  kind: fc.integer({ min: 0, max: 3 }),
  address: fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 32n }),
    fc.bigInt({ min: 0x1ffe000000n, max: 0x1fff001000n }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 4096n }),
  ),
  size: fc.oneof(fc.constantFrom(1, 2, 4, 8, 16, 32, 64), fc.integer({ min: 1, max: 4096 })),
});
const callOf = fc.record({
  nr: fc.integer({ min: 0, max: 450 }),
  args: fc.array(argOf, { minLength: 1, maxLength: 6 }),
  path: fc.option(pathOf, { nil: undefined }),
  result: fc.oneof(
    fc.record({ ok: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
    fc.record({ err: fc.integer({ min: 1, max: 4095 }) }),
  ),
  shape: fc.constantFrom('sync', 'pre', 'async'),
  tid: fc.integer({ min: 1, max: 3 }),
});

test('whatever is printed is read back', () => {
  const property = fc.property(fc.array(fc.oneof(accessOf, callOf), { minLength: 1, maxLength: 60 }), (items) => {
    let text = '';
    let line = 1;
    let tid = 1;
    const want: FlatRecord[] = [];
    for (const item of items) {
      if ('kind' in item) {
        text += `${printAccess(item.kind, item.address, item.size)}\n`;
        want.push({ ...item, line: line++, pid: want.some((r) => !isAccess(r)) ? 7 : 0, tid });
        continue;
      }
      tid = item.tid;
      const texts = item.args.map((_, i) => (i === 1 ? item.path : undefined));
      const printed = `SYSCALL[7,${tid}](${item.nr}) sys_made_up ( ${printArgs(item.args, texts)} )`;
      const lines = printed.split('\n').length;
      const base = { pid: 7, tid, nr: item.nr, name: 'sys_made_up', args: item.args, texts, childPid: undefined };
      const result = printResult(item.result);
      if (item.shape === 'async') {
        text += `${printed} --> [async] ... \nSYSCALL[7,${tid}](${item.nr}) ... [async] --> ${result} \n`;
        want.push({ ...base, line, phase: 'entry', result: undefined });
        want.push({ ...base, line: line + lines, phase: 'return', result: item.result });
        line += lines + 1;
      } else {
        const kind = 'ok' in item.result ? 'success' : 'fail';
        text +=
          item.shape === 'sync' ? `${printed}[sync] --> ${result} \n` : `${printed} --> [pre-${kind}] ${result} \n`;
        want.push({ ...base, line, phase: 'whole', result: item.result });
        line += lines;
      }
    }
    const got = collect(text);
    expect(got.error).toBeUndefined();
    expect(got.records).toEqual(want);
    expect(got.lineCount).toBe(line - 1);
  });
  fc.assert(property, { numRuns: 300 });
});

test('an empty file, or one of header lines only, is no trace', () => {
  const empty = collect('');
  expect(empty.error).toMatchObject({ code: 'TRACE_EMPTY', line: 1, byteOffset: 0 });
  expect(empty.error!.message).toBe('line 1 (byte 0): expected a trace of valgrind --tool=lackey, came an empty file');
  expect(collect(HEADER).error).toMatchObject({ code: 'TRACE_EMPTY', line: 5, came: 'no access and no system call' });
});

test('text that is no trace is refused at its first line', () => {
  const { error } = collect('int main(void)\n{\n}\n');
  expect(error!.message).toBe('line 1 (byte 0): expected a trace of valgrind --tool=lackey, came "int main(void)"');
  expect(collect('hello').error).toMatchObject({ code: 'TRACE_LINE', line: 1 });
});

test('bytes that are not text are called binary, wherever they are', () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 167 + 13) & 0xff);
  expect(collect(bytes).error).toMatchObject({ code: 'TRACE_BINARY', line: 1 });
  expect(collect(new Uint8Array(100000)).error).toMatchObject({ code: 'TRACE_BINARY', line: 1 });
  const { error, records } = collect(`${SAMPLE}\0\0\0\0\n`);
  expect(error).toMatchObject({ code: 'TRACE_BINARY', line: 19 });
  expect(error!.came).toBe('"\\x00\\x00\\x00\\x00"');
  expect(records).toHaveLength(13);
});

test('a line of a megabyte ends the reading with a short excerpt and what came before', () => {
  for (const end of ['', '\nI  00001000,4\n']) {
    for (const start of ['I  ', 'SYSCALL[1,1](2) sys_open ( 0x1(', '==1== ', 'x']) {
      const text = `${BRK}I  00001000,4\n${start}${'0'.repeat(1 << 20)}${end}`;
      const { error, records } = collect(text);
      expect(error).toMatchObject({ code: 'TRACE_LINE_TOO_LONG', line: 3 });
      expect(error!.message.length).toBeLessThan(240);
      expect(records).toHaveLength(2);
    }
  }
});

test('a record over many lines is bounded, too', () => {
  const { error } = collect(`${BRK}SYSCALL[1,1](2) sys_open ( 0x1(${'path\n'.repeat(5000)}`);
  expect(error).toMatchObject({ code: 'TRACE_LINE_TOO_LONG', line: 2, byteOffset: BRK.length });
});

test('a file cut inside a record is truncated, and keeps the records before', () => {
  const cuts = [
    'I  0010c2',
    ' S',
    'I',
    'I  0010c210,',
    'SYSCALL[4080,1](9',
    'SYSCALL[4080,1](9) sys_mmap ( 0x0, 41983, 1, 2',
    '==408',
  ];
  for (const cut of cuts) {
    const { error, records } = collect(SAMPLE + cut);
    expect(error, cut).toMatchObject({ code: 'TRACE_TRUNCATED', line: 19, byteOffset: SAMPLE.length });
    expect(records).toHaveLength(13);
  }
});

test('a last line that is whole but for its line end is taken, with a warning', () => {
  const { error, records, warnings } = collect(`${SAMPLE}I  0010c210,6`);
  expect(error).toBeUndefined();
  expect(records.at(-1)).toMatchObject({ address: 0x10c210n, line: 19 });
  expect(warnings).toEqual([{ code: 'no-line-end', count: 1, line: 19, text: 'I  0010c210,6' }]);
});

test('lines that end in CR LF are read, with a warning', () => {
  const { error, records, warnings } = collect(SAMPLE.replaceAll('\n', '\r\n'));
  expect(error).toBeUndefined();
  expect(records).toEqual(collect(SAMPLE).records);
  expect(warnings).toEqual([{ code: 'crlf', count: 18, line: 1, text: '' }]);
});

test('after an error nothing more is read', () => {
  const seen: FlatRecord[] = [];
  const parser = new LackeyParser({ accesses: () => undefined, syscall: (record) => seen.push(record) });
  const bad = toBytes(`${BRK}garbage\n${BRK}`);
  let first: unknown;
  try {
    parser.feed(bad);
  } catch (error) {
    first = error;
  }
  expect(() => parser.feed(toBytes(BRK))).toThrow(first as Error);
  expect(() => parser.end()).toThrow(first as Error);
  expect(seen).toHaveLength(1);
});

test('no input makes it crash or answer anything but records and a TraceError', () => {
  const pieces = fc.constantFrom(
    ...[
      'SYSCALL[',
      '1,1](',
      ') ',
      ' ( ',
      '0x',
      '(',
      ')',
      ', ',
      ' --> ',
      '[async]',
      ' ... ',
      'Success(0x0)',
      'Failure(0x2) ',
    ],
    ...[
      '[sync]',
      '[pre-success] ',
      'sys_',
      'clone',
      'fork: process 1 created child 2',
      '   clone(fork): process 1 created child 2',
    ],
    ...[
      '\n',
      '\r\n',
      'I  ',
      ' L ',
      '00001000',
      ',4',
      '==1==',
      '--1--',
      ' ',
      '\0',
      '-1',
      '9',
      '\u{1f4a9}',
      'execve',
      'unimplemented',
    ],
  );
  const property = fc.property(fc.array(pieces, { maxLength: 80 }), (parts) => {
    const text = parts.join('');
    const whole = collect(`${BRK}${text}`);
    expect(whole.records.length).toBeGreaterThan(0);
    const cut = collect(`${BRK}${text}`, [BRK.length + 1, BRK.length + 7, BRK.length + 20]);
    expect(cut.records).toEqual(whole.records);
    expect(cut.error?.message).toBe(whole.error?.message);
  });
  fc.assert(property, { numRuns: 1000 });
});
