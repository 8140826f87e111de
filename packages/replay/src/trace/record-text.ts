// The text of one system call record, as Valgrind 3.19 prints it:
//
//     SYSCALL[pid,tid](nr) name ( args )[sync] --> Success(0x0)
//     SYSCALL[pid,tid](nr) name ( args ) --> [pre-success] Success(0x0)      or [pre-fail] Failure(0x16), or NoWriteResult
//     SYSCALL[pid,tid](nr) name ( args ) --> [async] ...                     and later
//     SYSCALL[pid,tid](nr) ... [async] --> Success(0x0)
//     SYSCALL[pid,tid](nr) name ( args )                                     an execve that succeeded, a fork, a warning in between
//
// A string argument is printed raw behind its address, so it may hold commas, parentheses and line ends. The record's end is
// the first closing parenthesis that a result or another record follows; of a call with one string, the string is then
// everything between the first opening and the last closing one. A path that imitates the end of its own record cannot be told
// from it.

import type { SyscallArg, SyscallResult } from './syscall-record.js';

/** Cannot be a record: `expected` says what is missing. */
export interface BadRecord {
  readonly state: 'bad';
  readonly expected: string;
}

/** The arguments are not closed: the next line belongs to it. */
export interface OpenRecord {
  readonly state: 'open';
}

export interface ReadRecord {
  /** `waiting`: no result yet. `return`: the second half of an asynchronous call, name and arguments empty. */
  readonly state: 'whole' | 'entry' | 'return' | 'waiting';
  readonly pid: number;
  readonly tid: number;
  readonly nr: number;
  readonly name: string;
  readonly args: readonly SyscallArg[];
  readonly texts: readonly (string | undefined)[];
  readonly result: SyscallResult | undefined;
  /** What follows it on the same line. */
  readonly rest: string;
}

export interface ReadResult {
  readonly result: SyscallResult | undefined;
  readonly rest: string;
}

const HEAD = /^SYSCALL\[(\d{1,10}),(\d{1,10})\]\( *(\d{1,10})\) /;
const RESULT = String.raw`(?:Success\(0x([0-9a-f]{1,16})\)|Failure\(0x([0-9a-f]{1,16})\)|NoWriteResult)`;
const ASYNC_RETURN = new RegExp(String.raw`^\.\.\. \[async\] --> ${RESULT}`);
const UNIMPLEMENTED = /^unimplemented \(by the kernel\) syscall: \d+! \(ni_syscall\)/;
const NAME = /^([A-Za-z_]\w{0,63})(?:\[[^\]]{0,32}\])? ?\(/;
const LATE_RESULT = new RegExp(String.raw`^(?:\[sync\])? --> (?:\[pre-(?:success|fail)\] )?${RESULT}`);
const MESSAGE = /^(?:==\d+==|--\d+--|\*\*\d+\*\*)/;
const FORKED = /^(?:clone\(fork\)|v?fork): process (\d{1,10}) created child (\d{1,10})/;
const ACCESS = /^(?:I {2}| ?[LSM] )[0-9a-f]+,\d+$/;

// What may stand behind the closing parenthesis: a result, [async], another record, or nothing yet.
const AFTER =
  String.raw`(?:(?:\[sync\])? --> (?:(\[async\] \.\.\. ?)|(?:\[pre-(?:success|fail)\] )?${RESULT})` +
  String.raw`|(?=SYSCALL\[|==\d+==|--\d+--| ?(?:I {2}| ?[LSM] )[0-9a-f]+,\d+$| {3}(?:clone\(fork\)|v?fork): process \d)|\s?$)`;
const CLOSE = new RegExp(String.raw`\)${AFTER}`, 'g');
// sys_execveat is printed without its closing parenthesis.
const CLOSE_OR_NUMBER = new RegExp(String.raw`(?:\)|(?<=, \d{1,10}))${AFTER}`, 'g');

/** Printed in hexadecimal without 0x: the positions, by name. */
const BARE_HEX: Readonly<Record<string, number>> = { sys_clone: 0, arch_prctl: 1, sys_mlockall: 0 };
/** Calls with more than one string. */
const SEVERAL_STRINGS = /rename|link|mount|pivot_root|xattr|key|fsconfig|move/;

export function isMessage(text: string): boolean {
  return MESSAGE.test(text);
}

export function isAccess(text: string): boolean {
  return ACCESS.test(text);
}

/** The fork message that the parent adds to its call, or `undefined`. */
export function readForked(text: string): { parent: number; child: number; rest: string } | undefined {
  const match = FORKED.exec(text);
  if (match === null) return undefined;
  return { parent: Number(match[1]), child: Number(match[2]), rest: text.slice(match[0].length) };
}

/** A result on a line of its own, or `undefined`. */
export function readLateResult(text: string): ReadResult | undefined {
  const match = LATE_RESULT.exec(text);
  if (match === null) return undefined;
  return { result: resultOf(match[1], match[2]), rest: text.slice(match[0].length) };
}

/** Reads a record from the start of `text`, which begins with `SYSCALL[`. */
export function readRecord(text: string): ReadRecord | OpenRecord | BadRecord {
  const head = HEAD.exec(text);
  if (head === null) return { state: 'bad', expected: 'SYSCALL[pid,tid](number) and a call' };
  const at = head[0].length;
  const body = text.slice(at);
  const pid = Number(head[1]);
  const tid = Number(head[2]);
  const nr = Number(head[3]);

  const returned = ASYNC_RETURN.exec(body);
  if (returned !== null) {
    const result = resultOf(returned[1], returned[2]);
    return {
      state: 'return',
      pid,
      tid,
      nr,
      name: '',
      args: [],
      texts: [],
      result,
      rest: body.slice(returned[0].length),
    };
  }
  const unknown = UNIMPLEMENTED.exec(body);
  if (unknown !== null || MESSAGE.test(body)) {
    const rest = unknown === null ? body : body.slice(unknown[0].length);
    return { state: 'waiting', pid, tid, nr, name: '', args: [], texts: [], result: undefined, rest };
  }
  const named = NAME.exec(body);
  if (named === null) return { state: 'bad', expected: 'the name of a system call and its arguments' };

  const name = named[1]!;
  const close = name === 'sys_execveat' ? CLOSE_OR_NUMBER : CLOSE;
  close.lastIndex = named[0].length;
  const end = close.exec(body);
  if (end === null) return { state: 'open' };
  const read = readArgs(name, body.slice(named[0].length, end.index).trim());
  const rest = body.slice(end.index + end[0].length);
  if (read === undefined) {
    return rest === '' ? { state: 'open' } : { state: 'bad', expected: 'a string argument that is closed' };
  }
  const { args, texts } = read;
  if (end[1] !== undefined) return { state: 'entry', pid, tid, nr, name, args, texts, result: undefined, rest };
  const result = resultOf(end[2], end[3]);
  const isWhole = result !== undefined || end[0].endsWith('NoWriteResult');
  return { state: isWhole ? 'whole' : 'waiting', pid, tid, nr, name, args, texts, result, rest };
}

function resultOf(ok: string | undefined, err: string | undefined): SyscallResult | undefined {
  if (ok !== undefined) return { ok: BigInt(`0x${ok}`) };
  if (err !== undefined) return { err: Number.parseInt(err, 16) };
  return undefined;
}

/** Arguments and, at the same positions, their strings; `undefined` if a string is not closed. */
function readArgs(name: string, text: string): { args: SyscallArg[]; texts: (string | undefined)[] } | undefined {
  const args: SyscallArg[] = [];
  const texts: (string | undefined)[] = [];
  const first = text.indexOf('(');
  if (first < 0) {
    pushArgs(name, text, args, texts);
    return { args, texts };
  }
  const last = text.lastIndexOf(')');
  if (last < first) return undefined;
  const inner = text.slice(first + 1, last);
  // With a capturing group, split() returns string, arguments, string, arguments, ... string.
  const pieces = SEVERAL_STRINGS.test(name) ? inner.split(/\), ((?:[^,()]+, )*0x[0-9a-f]+)\(/) : [inner];
  pushArgs(name, text.slice(0, first), args, texts);
  if (texts.length === 0) pushArgs(name, '?', args, texts);
  for (let i = 0; i < pieces.length; i += 2) {
    texts[texts.length - 1] = pieces[i]!;
    if (i + 1 < pieces.length) pushArgs(name, pieces[i + 1]!, args, texts);
  }
  pushArgs(name, text.slice(last + 1), args, texts);
  return { args, texts };
}

function pushArgs(name: string, text: string, args: SyscallArg[], texts: (string | undefined)[]): void {
  // The comma is missing between the last two arguments of a few calls (pkey_mprotect).
  for (const token of text.split(/[, ]+/)) {
    if (token === '') continue;
    args.push(argOf(token, BARE_HEX[name] === args.length));
    texts.push(undefined);
  }
}

function argOf(token: string, isBareHex: boolean): SyscallArg {
  if (isBareHex && /^[0-9a-f]{1,16}$/.test(token)) return narrow(BigInt(`0x${token}`));
  if (/^(?:0x[0-9a-f]{1,16}|\d{1,20})$/.test(token)) return narrow(BigInt(token));
  if (/^-\d{1,20}$/.test(token)) return narrow(-BigInt(token.slice(1)));
  return token;
}

function narrow(value: bigint): number | bigint {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}
