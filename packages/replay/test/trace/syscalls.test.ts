import { expect, test } from 'vitest';
import { FileTable } from '../../src/trace/file-table.js';
import { decodeSyscall } from '../../src/trace/syscalls.js';
import { TraceError } from '../../src/trace/trace-error.js';
import type { TraceOp } from '../../src/trace/trace-op.js';
import { callsOf } from './collect.js';

function opsOf(...bodies: string[]): TraceOp[] {
  return callsOf(bodies.map((body) => `SYSCALL[5,1]${body} \n`).join('')).map(decodeSyscall);
}

const at = { line: 1, pid: 5, tid: 1 };

test('mmap of a file, private and at a fixed place', () => {
  const ops = opsOf('(9) sys_mmap ( 0x4838000, 4096, 5, 2066, 4, 4096 ) --> [pre-success] Success(0x4838000)');
  expect(ops).toEqual([
    {
      op: 'mmap',
      ...at,
      address: 0x4838000n,
      length: 4096,
      prot: 5,
      flags: 0x812,
      isShared: false,
      isFixed: true,
      isAnonymous: false,
      growsDown: false,
      isNoReserve: false,
      isLocked: false,
      isPopulated: false,
      isHuge: false,
      fd: 4,
      offset: 4096,
      result: 0x4838000n,
    },
  ]);
});

test('mmap of anonymous memory: no descriptor, no offset, any length', () => {
  const [whole, odd, shared] = opsOf(
    '(9) sys_mmap ( 0x0, 134217728, 0, 16418, 4294967295, 0 ) --> [pre-success] Success(0x5a2c000)',
    '(9) sys_mmap ( 0x4a1c000, 53072, 3, 50, 4294967295, 0 ) --> [pre-success] Success(0x4a1c000)',
    '(9) sys_mmap ( 0x0, 8192, 3, 32801, 4294967295, 0 ) --> [pre-success] Success(0x483e000)',
  );
  expect(whole).toMatchObject({ isAnonymous: true, isNoReserve: true, isShared: false, fd: -1, offset: 0, prot: 0 });
  expect(odd).toMatchObject({ isFixed: true, length: 53072 });
  expect(shared).toMatchObject({ isShared: true, isPopulated: true });
});

test('munmap, mprotect, brk, mremap, madvise and mlock', () => {
  expect(
    opsOf(
      '(11) sys_munmap ( 0x483c000, 41983 )[sync] --> Success(0x0)',
      '(10) sys_mprotect ( 0x4a16000, 16384, 1 )[sync] --> Success(0x0)',
      '(12) sys_brk ( 0x404d6a0 ) --> [pre-success] Success(0x404d6a0)',
      '(25) sys_mremap ( 0x4a2a000, 16384, 12288, 0x3, 0x4a36000 ) --> [pre-success] Success(0x4a36000)',
      '(28) sys_madvise ( 0x4a2a000, 8368128, 4 )[sync] --> Success(0x0)',
      '(149) sys_mlock ( 0x4a36123, 4096 )[sync] --> Success(0x0)',
      '(152) sys_munlockall ( )[sync] --> Success(0x0)',
    ).map(({ line: _line, pid: _pid, tid: _tid, ...rest }) => rest),
  ).toEqual([
    { op: 'munmap', address: 0x483c000n, length: 41983 },
    { op: 'mprotect', address: 0x4a16000n, length: 16384, prot: 1 },
    { op: 'brk', address: 0x404d6a0n, result: 0x404d6a0n },
    {
      op: 'mremap',
      address: 0x4a2a000n,
      oldLength: 16384,
      newLength: 12288,
      flags: 3,
      isFixed: true,
      keepsOld: false,
      result: 0x4a36000n,
    },
    { op: 'madvise', address: 0x4a2a000n, length: 8368128, advice: 4 },
    { op: 'mlock', isLock: true, range: { address: 0x4a36123n, length: 4096 } },
    { op: 'mlock', isLock: false, range: undefined },
  ]);
});

test('threads share memory, forks do not, vfork does until the child calls execve', () => {
  const clones = opsOf(
    '(56) sys_clone ( 3d0f00, 0x5229f70, 0x1, 0x2, 0x3 ) --> [pre-success] Success(0xf8f)',
    '(56) sys_clone ( 1200011, 0x0, 0x0, 0x4a27a10, 0x0 ) --> [pre-success] Success(0xf95)',
    '(57) sys_fork ( ) --> [pre-success] Success(0xf95)',
    '(58) sys_fork ( ) --> [pre-success] Success(0xf9f)',
    '(56) sys_clone ( 4111, 0x4844ff0, 0x0, 0x0, 0x0 ) --> [pre-success] Success(0x0)',
  );
  const table = clones.map((c) => (c.op === 'clone' ? [c.sharesMemory, c.isThread, c.isVfork, c.side, c.childId] : c));
  expect(table).toEqual([
    [true, true, false, 'parent', 0xf8f],
    [false, false, false, 'parent', 0xf95],
    [false, false, false, 'parent', 0xf95],
    [true, false, true, 'parent', 0xf9f],
    [true, false, true, 'child', 0],
  ]);
});

test('exit ends a thread, exit_group a process, and an execve without a result has replaced the program', () => {
  const ops = opsOf(
    '(60) exit( 3 ) --> [pre-success] Success(0x0)',
    '(231) exit_group( 255 ) --> [pre-success] Success(0x0)',
    '(59) sys_execve ( 0x10(/bin/true), 0x1, 0x2 )',
    '(59) sys_execve ( 0x10(/bin/no), 0x1, 0x2 ) --> [pre-fail] Failure(0x2)',
  );
  expect(ops).toMatchObject([
    { op: 'exit', scope: 'thread', status: 3 },
    { op: 'exit', scope: 'process', status: 255 },
    { op: 'exec', path: '/bin/true' },
    { op: 'other' },
  ]);
});

test('a failed call and the entry of one change nothing, however odd their arguments', () => {
  const ops = opsOf(
    '(9) sys_mmap ( 0x0, 18446744073709547520, 3, 34, 4294967295, 0 ) --> [pre-fail] Failure(0x16)',
    '(11) sys_munmap ( 0x1, -4096 )[sync] --> Failure(0x16)',
    '(28) sys_madvise ( 0x1, -1, 4 ) --> [async] ...',
    '(28) ... [async] --> Failure(0x16)',
    '(39) sys_getpid ()[sync] --> Success(0x5)',
  );
  expect(ops.map((op) => op.op)).toEqual(['other', 'other', 'other', 'other', 'other']);
});

test('descriptors stand for files, through dup and re-use, until they are closed', () => {
  const files = new FileTable();
  const ops = opsOf(
    '(257) sys_openat ( 4294967196, 0x1(/lib/libc.so.6), 524288 ) --> [async] ...',
    '(257) ... [async] --> Success(0x4)',
    '(32) sys_dup ( 4 )[sync] --> Success(0x5)',
    '(3) sys_close ( 4 )[sync] --> Success(0x0)',
    '(2) sys_open ( 0x1(/etc/passwd), 0 )[sync] --> Success(0x4)',
    "(72) sys_fcntl[ARG3=='arg'] ( 5, 0, 30 )[sync] --> Success(0x1e)",
    '(292) sys_dup3 ( 4, 21, 0x80000 )[sync] --> Success(0x15)',
    '(319) sys_memfd_create ( 0x10a031, 0 )[sync] --> Success(0x6)',
  );
  for (const op of ops) files.apply(op);
  expect([4, 5, 30, 21, 6, 0].map((fd) => files.pathOf(fd))).toEqual([
    '/etc/passwd',
    '/lib/libc.so.6',
    '/lib/libc.so.6',
    '/etc/passwd',
    'memfd:8',
    'fd:0',
  ]);
  const child = files.copy();
  for (const op of opsOf('(436) sys_close_range ( 20, 4294967295, 0 ) --> [pre-success] Success(0x0)')) child.apply(op);
  expect([21, 30, 4].map((fd) => child.pathOf(fd))).toEqual(['fd:21', 'fd:30', '/etc/passwd']);
  expect(files.pathOf(21)).toBe('/etc/passwd');
});

test('what no kernel would have let succeed is refused, with line and value', () => {
  const hostile: [string, string][] = [
    ['(9) sys_mmap ( 0x0, -8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x1000)', 'came -8192'],
    [
      '(9) sys_mmap ( 0x0, 0, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x1000)',
      'length of mmap above 0, came 0',
    ],
    ['(9) sys_mmap ( 0x0, 18446744073709547520, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x1000)', '2^53-1'],
    [
      '(9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0xfffffffffffff000)',
      'inside the address',
    ],
    ['(9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x1001)', 'came 0x1001'],
    [
      '(9) sys_mmap ( 0x0, 8192, 3, 32, 4294967295, 0 ) --> [pre-success] Success(0x1000)',
      'MAP_SHARED or MAP_PRIVATE, came 32',
    ],
    ['(9) sys_mmap ( 0x0, 8192, 3, 2, 4, 5 ) --> [pre-success] Success(0x1000)', 'multiple of 4096, came 5'],
    ['(9) sys_mmap ( 0x0, 8192, 3, 2, 4, -4096 ) --> [pre-success] Success(0x1000)', 'file offset of mmap'],
    ['(9) sys_mmap ( 0x0, 8192 ) --> [pre-success] Success(0x1000)', 'came nothing'],
    ['(9) sys_mmap ( 0x0, PAGE, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x1000)', 'came PAGE'],
    ['(11) sys_munmap ( 0x1001, 4096 )[sync] --> Success(0x0)', 'address of munmap at a multiple of 4096'],
    ['(11) sys_munmap ( 0xfffffffffffff000, 8192 )[sync] --> Success(0x0)', 'inside the address space'],
    ['(10) sys_mprotect ( 0x1000, -1, 1 )[sync] --> Success(0x0)', 'came -1'],
    ['(10) sys_mprotect ( 0x1000, 4096, 4294967296 )[sync] --> Success(0x0)', '32 bits'],
    ['(12) sys_brk ( -1 ) --> [pre-success] Success(0x1000)', 'address of 64 bits as argument 1 of brk, came -1'],
    ['(25) sys_mremap ( 0x1000, 4096, 0, 0x1 ) --> [pre-success] Success(0x1000)', 'new length of mremap above 0'],
    ['(56) sys_clone ( 11 ) --> [pre-success] Success(0xffffffffffff)', '31 bits'],
    ['(9) ... [async] --> Success(0x1000)', 'call 9'],
  ];
  for (const [body, part] of hostile) {
    let error: unknown;
    try {
      opsOf(body);
    } catch (thrown) {
      error = thrown;
    }
    expect(error, body).toBeInstanceOf(TraceError);
    expect(error).toMatchObject({ code: 'TRACE_CALL', line: 1 });
    expect((error as TraceError).message, body).toContain(part);
  }
});
