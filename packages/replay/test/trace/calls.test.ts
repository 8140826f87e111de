// Each text is what Valgrind 3.19 printed, shortened.
import { expect, test } from 'vitest';
import { callsOf, collect, isAccess } from './collect.js';

function brief(text: string): unknown[] {
  return callsOf(text).map((r) => {
    const result = r.result === undefined ? '-' : 'ok' in r.result ? r.result.ok : -r.result.err;
    const child = r.childPid === undefined ? [] : [`child ${r.childPid}`];
    return [r.line, r.pid, r.tid, r.nr, r.name, r.phase, result, ...child];
  });
}

test('an asynchronous call takes effect at its return, with the arguments of its entry', () => {
  const calls = callsOf(
    'SYSCALL[5,1](202) sys_futex ( 0x522a990, 265, 3983, 0x0, 0x0 ) --> [async] ... \n' +
      'I  0494db42,3\n' +
      'SYSCALL[5,2](202) sys_futex ( 0x1, 0, 0, 0x0, 0x0 ) --> [async] ... \n' +
      'SYSCALL[5,1](202) ... [async] --> Success(0x0) \n' +
      'SYSCALL[5,2](202) ... [async] --> Failure(0x4) \n',
  );
  expect(calls.map((c) => [c.line, c.tid, c.phase, c.args[0]])).toEqual([
    [1, 1, 'entry', 0x522a990],
    [3, 2, 'entry', 1],
    [4, 1, 'return', 0x522a990],
    [5, 2, 'return', 1],
  ]);
  expect(calls[3]!.result).toEqual({ err: 4 });
});

test('a call that a signal interrupts has no return, and is counted', () => {
  const { warnings, error } = collect(
    'SYSCALL[5,1](0) sys_read ( 4, 0x1fff000b6e, 10 ) --> [async] ... \n' +
      'SYSCALL[5,1](15) sys_rt_sigreturn ( ) --> [pre-success] NoWriteResult \n' +
      'SYSCALL[5,1](0) sys_read ( 4, 0x1fff000b6e, 10 ) --> [async] ... \n' +
      'SYSCALL[5,1](15) sys_rt_sigreturn ( ) --> [pre-success] NoWriteResult ==5== \n',
  );
  expect(error).toBeUndefined();
  expect(warnings).toEqual([{ code: 'unreturned-call', count: 2, line: 1, text: 'sys_read' }]);
});

test('the return of a call whose entry is missing is delivered without arguments, and counted', () => {
  const { records, warnings } = collect('SYSCALL[5,1](61) ... [async] --> Success(0xfa4) \n');
  expect(records).toMatchObject([{ name: '', nr: 61, args: [], phase: 'return', result: { ok: 0xfa4n } }]);
  expect(warnings).toMatchObject([{ code: 'return-without-entry', count: 1, line: 1 }]);
});

test('calls that were never returned from are bounded in number', () => {
  let text = '';
  for (let pid = 1; pid <= 5000; pid++) text += `SYSCALL[${pid},1](0) sys_read ( 4, 0x1, 10 ) --> [async] ... \n`;
  expect(collect(text).warnings).toMatchObject([{ code: 'unreturned-call', count: 5000 }]);
});

test('names come with and without sys_, with a bracketed variant, and with or without blanks', () => {
  const calls = callsOf(
    'SYSCALL[5,1](158) arch_prctl ( 4098, 4a29740 ) --> [pre-success] Success(0x0) \n' +
      "SYSCALL[5,1](72) sys_fcntl[ARG3=='arg'] ( 4, 1030, 30 )[sync] --> Success(0x1f) \n" +
      'SYSCALL[5,1](186) sys_gettid ()[sync] --> Success(0xf8e) \n' +
      'SYSCALL[5,1](228) sys_clock_gettime( 1, 0x1fff000600 )[sync] --> Success(0x0) \n' +
      'SYSCALL[5,1](329) sys_pkey_mprotect ( 0x4a2e000, 4096, 3 4294967295 )[sync] --> Success(0x0) \n' +
      'SYSCALL[5,1](231) exit_group( 0 ) --> [pre-success] Success(0x0) \n',
  );
  expect(calls.map((c) => [c.name, ...c.args])).toEqual([
    ['arch_prctl', 4098, 0x4a29740],
    ['sys_fcntl', 4, 1030, 30],
    ['sys_gettid'],
    ['sys_clock_gettime', 1, 0x1fff000600],
    ['sys_pkey_mprotect', 0x4a2e000, 4096, 3, 4294967295],
    ['exit_group', 0],
  ]);
});

test('calls that the tool does not know have no name, and their result a line of its own', () => {
  expect(
    brief(
      'SYSCALL[5,1](334) unimplemented (by the kernel) syscall: 334! (ni_syscall)\n' +
        ' --> [pre-fail] Failure(0x26) \n' +
        'SYSCALL[5,1](216) --5-- WARNING: unhandled amd64-linux syscall: 216\n' +
        '--5-- You may be able to write your own handler.\n' +
        ' --> [pre-fail] Failure(0x26) \n',
    ),
  ).toEqual([
    [1, 5, 1, 334, '', 'whole', -38],
    [3, 5, 1, 216, '', 'whole', -38],
  ]);
});

test('a warning in the middle of a call does not part it from its result', () => {
  const calls = callsOf(
    'SYSCALL[5,1](11) sys_munmap ( 0x4a2e000, 18446744073709547520 )==5== Warning: client syscall munmap tried to modify\n' +
      ' --> [pre-fail] Failure(0x16) \n',
  );
  expect(calls).toMatchObject([{ line: 1, args: [0x4a2e000, 18446744073709547520n], result: { err: 22 } }]);
});

test('paths may hold blanks, commas, parentheses, arrows and line ends', () => {
  const paths = [
    '',
    '/tmp/we ird, (file)\nname',
    'a), 5, 7 ) --> b',
    'a)[sync] ',
    ')',
    '(',
    '), 0x5(',
    'x\n\ny\n',
    '/päth',
    'SYSCALL[1,1](2)',
    ' --> [pre-success] ',
  ];
  for (const path of paths) {
    const lines = path.split('\n').length;
    const calls = callsOf(
      `SYSCALL[5,1](257) sys_openat ( 4294967196, 0x10a03e(${path}), 66, 384 ) --> [async] ... \n` +
        'SYSCALL[5,1](257) ... [async] --> Success(0x4) \n' +
        'I  00001000,4\n',
    );
    expect(calls, path).toMatchObject([
      {
        phase: 'entry',
        args: [4294967196, 0x10a03e, 66, 384],
        texts: [undefined, path, undefined, undefined],
        line: 1,
      },
      { phase: 'return', texts: [undefined, path, undefined, undefined], line: lines + 1 },
    ]);
  }
});

test('a call with two strings keeps both', () => {
  const calls = callsOf(
    'SYSCALL[5,1](264) sys_renameat ( 4, 0x10(old, one), 5, 0x20(new (one)) )[sync] --> Success(0x0) \n',
  );
  expect(calls[0]).toMatchObject({ args: [4, 0x10, 5, 0x20], texts: [undefined, 'old, one', undefined, 'new (one)'] });
});

test('a string that is never closed is refused where its record begins', () => {
  const start = 'I  00001000,4\nSYSCALL[5,1](2) sys_open ( 0x10(abc\n';
  for (const next of ['I  00001000,4\n', 'SYSCALL[5,1](39) sys_getpid ()[sync] --> Success(0x5) \n']) {
    expect(collect(start + next).error).toMatchObject({ code: 'TRACE_LINE', line: 2, byteOffset: 14 });
  }
});

test('a thread is made by a clone whose flags are bare hexadecimal and whose line may have no end', () => {
  const { records } = collect(
    'SYSCALL[5,1](56) sys_clone ( 3d0f00, 0x5a2af70, 0x5a2b990, 0x5a2b990, 0x5a2b6c0 ) --> [pre-success] Success(0xf90) I  0494db42,3\n' +
      'SYSCALL[5,1](56) sys_clone ( 3d0f00, 0x1, 0x2, 0x3, 0x4 ) --> [pre-success] Success(0xf91)  L 0494db42,8\n' +
      ' S 0494db42,8\n',
  );
  expect(records).toMatchObject([
    { name: 'sys_clone', args: [0x3d0f00, 0x5a2af70, 0x5a2b990, 0x5a2b990, 0x5a2b6c0], line: 1 },
    { kind: 0, line: 1 },
    { name: 'sys_clone', line: 2, result: { ok: 0xf91n } },
    { kind: 1, line: 2 },
    { kind: 2, line: 3 },
  ]);
});

const FORK =
  'SYSCALL[3988,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x4a27a10, 0x0 )   clone(fork): process 3988 created child 3989\n' +
  ' --> [pre-success] Success(0xf95) \n';

test('a fork returns in the parent, and later, without a head, in the child', () => {
  const text =
    FORK +
    'I  00001000,4\n' +
    'SYSCALL[3988,1](61) sys_wait4 ( 3989, 0x1fff000bec, 0, 0x0 ) --> [async] ... \n' +
    ' --> [pre-success] Success(0x0) \n' +
    'I  00002000,4\n' +
    'SYSCALL[3989,1](273) sys_set_robust_list ( 0x4a27a20, 24 )[sync] --> Success(0x0) \n' +
    'SYSCALL[3989,1](59) sys_execve ( 0x10a014(/bin/true), 0x1fff000b60, 0x1fff000d60 )SYSCALL[3988,1](61) ... [async] --> Success(0xf95) \n' +
    'I  00003000,4\n';
  expect(brief(text)).toEqual([
    [1, 3988, 1, 56, 'sys_clone', 'whole', 0xf95n, 'child 3989'],
    [4, 3988, 1, 61, 'sys_wait4', 'entry', '-'],
    [5, 3989, 1, 56, 'sys_clone', 'return', 0n],
    [7, 3989, 1, 273, 'sys_set_robust_list', 'whole', 0n],
    [8, 3989, 1, 59, 'sys_execve', 'whole', '-'],
    [8, 3988, 1, 61, 'sys_wait4', 'return', 0xf95n],
  ]);
  const { records, warnings } = collect(text);
  expect(records.filter(isAccess).map((a) => [a.line, a.pid])).toEqual([
    [3, 3988],
    [6, 3989],
    [9, 3988],
  ]);
  expect(warnings).toEqual([]);
});

test('vfork is printed as a fork', () => {
  expect(
    brief(
      'SYSCALL[3998,1](58) sys_fork ( )   fork: process 3998 created child 3999\n' +
        ' --> [pre-success] Success(0xf9f) \n' +
        ' --> [pre-success] Success(0x0)I  04008c84,2\n' +
        'SYSCALL[3999,1](59) sys_execve ( 0x10a014(/bin/true), 0x1fff000b60, 0x1fff000d60 )I  00109229,1\n',
    ),
  ).toEqual([
    [1, 3998, 1, 58, 'sys_fork', 'whole', 0xf9fn, 'child 3999'],
    [3, 3999, 1, 58, 'sys_fork', 'return', 0n],
    [4, 3999, 1, 59, 'sys_execve', 'whole', '-'],
  ]);
});

test('the child of posix_spawn returns first, on its parent`s line; the parent behind its execve', () => {
  expect(
    brief(
      'SYSCALL[4003,1](56) sys_clone ( 4111, 0x4844ff0, 0x0, 0x0, 0x0 ) --> [pre-success] Success(0x0) \n' +
        'I  00001000,4\n' +
        'SYSCALL[4004,1](14) sys_rt_sigprocmask ( 2, 0x1fff0009a0, 0x0, 8 ) --> [pre-success] Success(0x0) \n' +
        'SYSCALL[4004,1](59) sys_execve ( 0x10a014(/bin/true), 0x1fff000c10, 0x1fff000d60 )   clone(fork): process 4003 created child 4004\n' +
        ' --> [pre-success] Success(0xfa4) \n' +
        'SYSCALL[4003,1](11) sys_munmap ( 0x483c000, 36864 )[sync] --> Success(0x0) \n',
    ),
  ).toEqual([
    [1, 4003, 1, 56, 'sys_clone', 'whole', 0n],
    [3, 4004, 1, 14, 'sys_rt_sigprocmask', 'whole', 0n],
    [4, 4004, 1, 59, 'sys_execve', 'whole', '-'],
    [4, 4003, 1, 56, 'sys_clone', 'return', 0xfa4n, 'child 4004'],
    [6, 4003, 1, 11, 'sys_munmap', 'whole', 0n],
  ]);
});

test('lines that two processes have torn are refused, and the fork is named', () => {
  const { error } = collect(`I  00001000,4\n${FORK}SYSCALL[3989,1](273)  L 1fff000940,16\n`);
  expect(error).toMatchObject({ code: 'TRACE_LINE', line: 4 });
  expect(error!.message).toContain('since the fork at line 2 two processes write into this text');
});

test('an execve that failed has a result like any other call', () => {
  expect(brief('SYSCALL[5,1](59) sys_execve ( 0x10(/bin/no), 0x1, 0x2 ) --> [pre-fail] Failure(0x2) \n')).toEqual([
    [1, 5, 1, 59, 'sys_execve', 'whole', -2],
  ]);
});

test('execveat is printed without its closing parenthesis', () => {
  const calls = callsOf(
    'SYSCALL[5,1](322) sys_execveat ( 3, 0x10(a), 0x1, 0x2, 4096 --> [pre-fail] Failure(0x2) \n' +
      'SYSCALL[5,1](322) sys_execveat ( 3, 0x10(), 0x1, 0x2, 4096I  00001000,4\n',
  );
  expect(calls).toMatchObject([
    { args: [3, 0x10, 1, 2, 4096], texts: [undefined, 'a', undefined, undefined, undefined], result: { err: 2 } },
    { args: [3, 0x10, 1, 2, 4096], texts: [undefined, '', undefined, undefined, undefined], result: undefined },
  ]);
});

test('a result that belongs to no call is refused', () => {
  expect(collect('I  00001000,4\n --> [pre-success] Success(0x0) \n').error).toMatchObject({
    code: 'TRACE_LINE',
    line: 2,
  });
  const alone = collect('I  00001000,4\n   clone(fork): process 1 created child 2\n');
  expect(alone.error).toMatchObject({ code: 'TRACE_LINE', line: 2 });
});

test('a call without a result is delivered without one, and counted', () => {
  const { records, warnings } = collect('SYSCALL[5,1](15) sys_rt_sigreturn ( )I  048d9620,10\n');
  expect(records).toMatchObject([{ result: undefined }, { address: 0x048d9620n }]);
  expect(warnings).toEqual([{ code: 'no-result', count: 1, line: 1, text: 'sys_rt_sigreturn' }]);
});

test('the tool`s own end is refused, not read over', () => {
  const { error } = collect(
    'I  00001000,4\n' +
      'SYSCALL[4008,1](257) --4008-- VALGRIND INTERNAL ERROR: Valgrind received a signal 11 (SIGSEGV) - exiting\n' +
      '--4008-- si_code=1;  Faulting address: 0x10;  sp: 0x100288d900\n' +
      '\n' +
      "valgrind: the 'impossible' happened:\n",
  );
  expect(error).toMatchObject({ code: 'TRACE_LINE', line: 5, came: '"valgrind: the \'impossible\' happened:"' });
});
